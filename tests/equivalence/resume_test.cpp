#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/philox.h"
#include "checkpoint/folder.h"
#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "checkpoint/verify.h"
#include "comm/self_comm.h"
#include "support/expect_error.h"
#include "support/ranks.h"
#include "support/temporary_folder.h"
#include "support/tiny_run.h"
#include "support/token_files.h"
#include "text/byte_tokenizer.h"
#include "train/load_model.h"
#include "train/run_reporter.h"
#include "train/trainer.h"

namespace mneme::test {
namespace {

/// Tensors of pool values in a checkpoint, by their checksums.
std::string values_in(const Manifest& m) {
  std::string hashes;
  for (const ItemRecord& item : m.items) {
    if (!item.name.ends_with("values") || item.name.starts_with("optimizer")) continue;
    for (const BlockRecord& b : item.blocks) hashes += hex(b.xxh3);
  }
  return hashes;
}

/// A run of the tiny Memory+ model on token files in a folder of its own.
class Resume : public testing::Test {
 protected:
  Resume() {
    std::vector<std::vector<std::int32_t>> documents;
    const Philox random(1, "test/documents");
    for (std::uint64_t d = 0; d < 60; ++d) {
      std::vector<std::int32_t> document(20 + random.word(d, 0) % 60);
      for (std::size_t i = 0; i < document.size(); ++i) {
        document[i] = static_cast<std::int32_t>(97 + random.word(d, i + 1) % 26);
      }
      documents.push_back(std::move(document));
    }
    write_token_file(folder_ / "a.h5", {documents.begin(), documents.begin() + 40});
    write_token_file(folder_ / "b.h5", {documents.begin() + 40, documents.end()});
    config_ = tiny_config(FfnKind::memory_plus);
    config_.model.vocabulary = 0;
    config_.name = "run";
    config_.output = (folder_ / "runs").string();
    config_.data.train = {{.name = "a", .files = {(folder_ / "a.h5").string()}, .weight = 2},
                          {.name = "b", .files = {(folder_ / "b.h5").string()}, .weight = 1}};
    config_.train.steps = 30;
    config_.report.log_every = 1000;
    config_.report.tensorboard = false;
  }

  /// What a run told, by step.
  struct Told {
    std::vector<double> losses;
    std::vector<std::string> ids;
  };

  /// Trains `name` until `stop` (0: the end) on data x memory ranks; returns the exit status.
  int train(const std::string& name,
            std::int64_t stop,
            int data,
            int memory,
            const std::vector<std::string>& overrides = {}) {
    RunConfig c = config_;
    c.name = name;
    c.mesh = {.data = data, .memory = memory};
    c.train.stop_at_step = stop;
    int status = -1;
    std::mutex mutex;
    run_ranks(data * memory, [&](Communicator& world) {
      const Mesh mesh(world, c.mesh);
      RunReporter reporter(c, {});
      Trainer trainer(c, mesh, {.overrides = overrides, .reporter = &reporter});
      const int mine = trainer.run();
      const std::lock_guard lock(mutex);
      status = mine;
    });
    return status;
  }
  std::filesystem::path run(const std::string& name) const { return folder_ / "runs" / name; }

  Told told(const std::string& name) const {
    Told t;
    std::ifstream in(run(name) / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) {
      const auto json = nlohmann::json::parse(line);
      if (json["kind"] != "step") continue;
      EXPECT_EQ(json["step"].get<std::size_t>(), t.losses.size() + 1)
          << "a step twice or not at all";
      t.losses.push_back(json["loss"]);
      t.ids.push_back(json["ids_hash"]);
    }
    return t;
  }
  /// The hash of all datasets of a checkpoint, from its files' bytes.
  std::uint64_t state_hash(const std::string& name, const std::string& step) const {
    std::uint64_t hash = 0;
    for (const auto& record : read_manifest(run(name) / "checkpoints" / step).files) {
      hash = hash64(record.name + hex(record.xxh3), hash);
    }
    return hash;
  }

  /// Loads the newest state of `name` on data x memory ranks and saves it again, untrained, as
  /// `copy`.
  void save_again(const std::string& name,
                  const std::string& copy,
                  int data,
                  int memory,
                  const std::vector<std::string>& overrides = {}) {
    RunConfig c = config_;
    c.name = name;
    c.mesh = {.data = data, .memory = memory};
    run_ranks(data * memory, [&](Communicator& world) {
      const Mesh mesh(world, c.mesh);
      Trainer trainer(c, mesh, {.overrides = overrides});
      const std::vector<StateItem> items = trainer.engine().state_items();
      EXPECT_TRUE(save_checkpoint(world, {.folder = run(copy) / "checkpoints",
                                          .step = trainer.step(),
                                          .items = items,
                                          .position = position_on(mesh),
                                          .meta = {{"config", ""}}})
                      .ok);
    });
  }
  /// Every tensor of a checkpoint, whole, as one rank reads it.
  std::map<std::string, std::vector<std::byte>> state(const std::string& name,
                                                      const std::string& step) const {
    SelfComm world("world");
    const Mesh mesh(world, {.data = 1, .memory = 1});
    RunConfig c = config_;
    c.model.vocabulary = ByteTokenizer().vocab_size();
    const auto engine = make_engine(c, mesh);
    const std::vector<StateItem> items = engine->state_items();
    load_checkpoint(world, {.checkpoint = run(name) / "checkpoints" / step,
                            .items = items,
                            .position = position_on(mesh)});
    std::map<std::string, std::vector<std::byte>> all;
    for (const StateItem& item : items) {
      const auto raw = item.local.raw();
      all[item.name].assign(raw.begin(), raw.end());
    }
    return all;
  }

  /// The loss of some samples as `mneme eval` gets it from a checkpoint named by its path.
  double loss_of(const std::string& name, const std::string& step) const {
    const SavedRun saved = read_saved_run(run(name) / "checkpoints" / step);
    SelfComm world("world");
    const Mesh mesh(world, {});
    const auto engine = load_model(saved, mesh, 1, [](Engine& e) { e.measure_evaluation(8); });
    RunConfig c = config_;
    c.model.vocabulary = 256;
    return engine->evaluate(saved.entry.step, tiny_batch(c, 1, 0, 8));
  }

  TemporaryFolder folder_;
  RunConfig config_;
};

TEST_F(Resume, TwoInterruptionsLeaveTheSameBits) {
  EXPECT_EQ(train("whole", 0, 1, 2), 0);
  EXPECT_EQ(train("parts", 10, 1, 2), exit_interrupted);
  EXPECT_EQ(train("parts", 20, 1, 2), exit_interrupted);
  EXPECT_EQ(train("parts", 0, 1, 2), 0);
  EXPECT_EQ(told("parts").losses, told("whole").losses);
  EXPECT_EQ(told("parts").ids, told("whole").ids);
  EXPECT_EQ(state_hash("parts", "step_000030"), state_hash("whole", "step_000030"));
}

TEST_F(Resume, ALaterStepIsAnotherState) {
  EXPECT_EQ(train("a", 10, 1, 1), exit_interrupted);
  EXPECT_EQ(train("a", 11, 1, 1), exit_interrupted);
  EXPECT_NE(state_hash("a", "step_000010"), state_hash("a", "step_000011"));
}

TEST_F(Resume, OtherRankCountsLoadTheSameBits) {
  EXPECT_EQ(train("saved", 10, 1, 2), exit_interrupted);
  const auto saved = state("saved", "step_000010");
  EXPECT_GT(saved.size(), 10U);
  for (const auto& [data, memory] : {std::pair(1, 1), std::pair(2, 2), std::pair(1, 4)}) {
    const std::string copy = fmt::format("loaded_{}x{}", data, memory);
    save_again("saved", copy, data, memory);
    const auto loaded = state(copy, "step_000010");
    ASSERT_EQ(loaded.size(), saved.size());
    for (const auto& [name, bytes] : saved)
      EXPECT_TRUE(loaded.at(name) == bytes) << copy << ": " << name;
  }
}

TEST_F(Resume, OtherRankCountsReadTheSameTokensAndAgree) {
  EXPECT_EQ(train("whole", 0, 1, 2), 0);
  EXPECT_EQ(train("elastic", 10, 1, 2), exit_interrupted);
  EXPECT_EQ(train("elastic", 20, 2, 2), exit_interrupted);
  EXPECT_EQ(train("elastic", 0, 1, 1), 0);
  const Told whole = told("whole");
  const Told elastic = told("elastic");
  EXPECT_EQ(elastic.ids, whole.ids);
  ASSERT_EQ(elastic.losses.size(), whole.losses.size());
  for (std::size_t i = 0; i < whole.losses.size(); ++i) {
    EXPECT_NEAR(elastic.losses[i] / whole.losses[i], 1, 1e-4) << "step " << i + 1;
  }
}

TEST_F(Resume, AChangedOptionIsRefusedUnlessSaidSo) {
  EXPECT_EQ(train("changed", 5, 1, 1), exit_interrupted);
  config_.optimizer.lr = 5e-3;
  try {
    train("changed", 6, 1, 1);
    FAIL() << "another learning rate went unnoticed";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::user);
    EXPECT_NE(std::string(e.what()).find("optimizer.lr: 0.01 -> 0.005"), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(train("changed", 6, 1, 1, {"optimizer.lr=5e-3"}), exit_interrupted);
}

TEST_F(Resume, ValidationMovesNoState) {
  EXPECT_EQ(train("quiet", 12, 1, 2), exit_interrupted);
  config_.data.validation = {{.name = "b", .files = {(folder_ / "b.h5").string()}}};
  config_.report.validate_every = 3;
  EXPECT_EQ(train("measured", 12, 1, 2), exit_interrupted);
  EXPECT_EQ(told("measured").losses, told("quiet").losses);
  EXPECT_EQ(state_hash("measured", "step_000012"), state_hash("quiet", "step_000012"));
}

/// Without a measure of use, a pool of which nobody reads anything looks like one that learns.
TEST_F(Resume, UseOfThePoolIsToldInEveryWindow) {
  config_.report.use_every = 5;
  config_.train.steps = 12;
  EXPECT_EQ(train("run", 0, 1, 2), 0);
  std::vector<std::int64_t> steps;
  std::ifstream in(run("run") / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["kind"] != "use") continue;
    steps.push_back(json["step"]);
    EXPECT_GT(json["touched"].get<double>(), 0);
    EXPECT_LE(json["touched"].get<double>(), 1);
    EXPECT_GE(json["effective_rows"].get<double>(), 1);
    EXPECT_EQ(json["heads"].size(), 4U) << "two layers of two heads";
  }
  EXPECT_EQ(steps, (std::vector<std::int64_t>{5, 10}));
}

TEST_F(Resume, ReplicasOfThePoolThatDriftedApartAreNotSaved) {
  RunConfig c = config_;
  c.mesh = {.data = 2, .memory = 1};
  c.train.stop_at_step = 2;
  expect_error(Fault::bug, "have drifted apart at step 2", [&] {
    run_ranks(2, [&](Communicator& world) {
      const Mesh mesh(world, c.mesh);
      Trainer trainer(c, mesh, {});
      const ParamId pool = trainer.engine().model().pools().at(0);
      if (world.rank() == 1) trainer.engine().params()[pool].weight.span<float>()[7] += 0.25F;
      trainer.run();
    });
  });
  EXPECT_TRUE(list_checkpoints(run("run") / "checkpoints").empty());
}

/// A pool of which most rows lag behind in any step, and copies of the weights every 4 steps.
class WeightsCopies : public Resume, public testing::WithParamInterface<const char*> {
 protected:
  WeightsCopies() {
    config_.model.memory.half_keys = 80;  // more rows than are settled at a time
    const std::string storage = GetParam();
    config_.model.memory.pool_type = storage == "f32" ? PoolType::f32 : PoolType::bf16;
    config_.model.memory.pool_master = storage != "stochastic";
    config_.checkpoint.every = 4;
    config_.checkpoint.keep = {.keep_last = 2, .keep_every = 0, .weights_every = 4};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const CheckpointEntry& e : list_checkpoints(run("run") / "checkpoints"))
      list.push_back(e.path.filename().string());
    return list;
  }
};
INSTANTIATE_TEST_SUITE_P(,
                         WeightsCopies,
                         testing::Values("f32", "master", "stochastic"),
                         [](const auto& storage) { return std::string(storage.param); });

TEST_P(WeightsCopies, HoldWhatEvaluationSees) {
  EXPECT_EQ(train("run", 10, 1, 2), exit_interrupted);
  const Manifest copy = read_manifest(run("run") / "checkpoints" / "weights_000008");
  EXPECT_EQ(copy.kind, CheckpointKind::weights);
  EXPECT_EQ(copy.step, 8);
  for (const ItemRecord& item : copy.items)
    EXPECT_FALSE(item.name.starts_with("optimizer")) << item.name;
  const Manifest full = read_manifest(run("run") / "checkpoints" / "step_000008");
  EXPECT_NE(values_in(copy), values_in(full)) << "no row lags behind: the test shows nothing";
  EXPECT_EQ(loss_of("run", "weights_000008"), loss_of("run", "step_000008"));
  EXPECT_NE(loss_of("run", "weights_000004"), loss_of("run", "weights_000008"));
}

TEST_P(WeightsCopies, ChangeNothingAndStay) {
  EXPECT_EQ(train("run", 14, 1, 2), exit_interrupted);
  EXPECT_EQ(names(), (std::vector<std::string>{"weights_000004", "weights_000008", "step_000012",
                                               "weights_000012", "step_000014"}));
  const std::uint64_t with_copies = state_hash("run", "step_000014");
  for (const char* name : {"weights_000004", "weights_000008", "weights_000012"}) {
    EXPECT_TRUE(verify_checkpoint(run("run") / "checkpoints" / name).findings.empty()) << name;
  }
  config_.checkpoint.keep.weights_every = 0;
  EXPECT_EQ(train("without", 14, 1, 2), exit_interrupted);
  EXPECT_EQ(with_copies, state_hash("without", "step_000014"));
}

TEST_P(WeightsCopies, AreNotResumedFrom) {
  EXPECT_EQ(train("run", 14, 1, 1), exit_interrupted);
  const std::uint64_t before = state_hash("run", "step_000014");
  for (const char* name : {"step_000012", "step_000014"})
    std::filesystem::remove_all(run("run") / "checkpoints" / name);
  std::filesystem::remove(run("run") / "metrics.jsonl");
  EXPECT_EQ(train("run", 14, 1, 1), exit_interrupted);  // from the start: only copies are there
  EXPECT_EQ(told("run").losses.size(), 14U);
  EXPECT_EQ(state_hash("run", "step_000014"), before);
}

TEST_P(WeightsCopies, AreWhatAResumedRunWithAnotherLearningRateStartsFrom) {
  EXPECT_EQ(train("run", 8, 1, 2), exit_interrupted);
  const Manifest copy = read_manifest(run("run") / "checkpoints" / "weights_000008");
  EXPECT_NE(values_in(read_manifest(run("run") / "checkpoints" / "step_000008")), values_in(copy));
  config_.optimizer.memory_values.lr = 0.05;
  save_again("run", "same", 1, 2, {"optimizer.memory_values.lr=0.05"});
  EXPECT_EQ(values_in(read_manifest(run("same") / "checkpoints" / "step_000008")), values_in(copy));
}

TEST_F(Resume, AnotherPoolScheduleIsThatOfTheDenseUpdate) {
  config_.model.memory.half_keys = 80;
  config_.train.steps = 40;
  const RunConfig first = config_;
  std::vector<Told> tales;
  for (const PoolUpdate mode : {PoolUpdate::exact, PoolUpdate::dense}) {
    config_ = first;
    config_.optimizer.pool_update = mode;
    const std::string name(enum_name(mode));
    EXPECT_EQ(train(name, 20, 1, 1), exit_interrupted);
    config_.optimizer.memory_values = {.lr = 0.05, .weight_decay = 1.0};
    config_.optimizer.schedule.kind = ScheduleKind::constant;
    EXPECT_EQ(train(name, 0, 1, 1, {"optimizer.memory_values", "optimizer.schedule"}), 0);
    tales.push_back(told(name));
  }
  ASSERT_EQ(tales[0].losses.size(), 40U);
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_NEAR(tales[0].losses[i] / tales[1].losses[i], 1, 1e-4) << "step " << i + 1;
}

}  // namespace
}  // namespace mneme::test
