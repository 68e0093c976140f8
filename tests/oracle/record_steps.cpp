// Hands over to the PyTorch referee what a checkpoint does not hold: record_steps RUN.yaml FOLDER.
// Trains the config on one rank, and saves as if they were checkpoints:
//   FOLDER/start/step_000000  the state before the first step
//   FOLDER/step_00000N        step N: sample.tokens (B, S+1), the batch made of them, logits (T, V)
//                             before the update, rows.<layer> (T, J), loss, norms and grad.<name>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/save.h"
#include "comm/self_comm.h"
#include "config/parse.h"
#include "data/data_config.h"
#include "data/loader.h"
#include "support/tiny_run.h"
#include "train/known_vocabulary.h"

namespace mneme::test {
namespace {

/// Writes down which rows are read, layer after layer, and leaves the work to the pool's keeper.
class RecordingKeeper final : public RowKeeper {
 public:
  explicit RecordingKeeper(RowKeeper& keeper) : keeper_(&keeper) {}
  void catch_up(Exec& ex, ConstView rows) override {
    const auto read = rows.span<const std::int32_t>();
    rows_.insert(rows_.end(), read.begin(), read.end());
    keeper_->catch_up(ex, rows);
  }
  RowPatch patch(Exec& ex, ConstView rows, Arena& keep) const override {
    return keeper_->patch(ex, rows, keep);
  }
  std::vector<std::int32_t>& rows() { return rows_; }

 private:
  RowKeeper* keeper_;
  std::vector<std::int32_t> rows_;
};

/// Tensors to be saved, with their elements.
class Record {
 public:
  template <class T>
  void add(const std::string& name, Shape shape, std::vector<T> elements) {
    auto kept = std::make_shared<std::vector<T>>(std::move(elements));
    const View view = view_of(std::span<T>(*kept), shape);
    items_.push_back({name, shape, Replicated{}, view});
    owners_.push_back(std::move(kept));
  }
  void add(const StateItem& item) { items_.push_back(item); }
  void save(Communicator& world,
            const Mesh& mesh,
            const std::filesystem::path& folder,
            std::int64_t step) {
    const SaveResult done = save_checkpoint(
        world, {.folder = folder, .step = step, .items = items_, .position = position_on(mesh)});
    require(done.ok, Fault::machine, "{}", done.message);
  }

 private:
  std::vector<StateItem> items_;
  std::vector<std::shared_ptr<void>> owners_;  // of vectors of several types
};

std::vector<std::int32_t> raw_samples(const Loader& loader, std::int64_t step) {
  const LoaderOptions& o = loader.options();
  std::vector<std::int32_t> all;
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < o.global_batch; ++i) {
    loader.order().read((step - 1) * o.global_batch + i, tokens);
    tokens.resize(size_of(loader.order().sequence() + 1), -1);
    all.insert(all.end(), tokens.begin(), tokens.end());
  }
  return all;
}

void add_batch(Record& record, const Loader& loader, const Batch& b, std::int64_t step) {
  record.add("sample.tokens", {b.samples, b.sequence + 1}, raw_samples(loader, step));
  record.add("batch.inputs", {b.tokens()}, b.inputs);
  record.add("batch.targets", {b.tokens()}, b.targets);
  record.add("batch.positions", {b.tokens()}, b.positions);
  record.add("batch.document_start", {b.tokens()}, b.document_start);
}

std::vector<float> logits_of(Engine& engine, const Batch& b) {
  const std::int64_t vocabulary = engine.config().model.vocabulary;
  std::vector<float> out(size_of(b.tokens() * vocabulary));
  const auto view = [&](const std::vector<std::int32_t>& v) {
    return view_of(std::span<const std::int32_t>(v), {b.tokens()});
  };
  engine.model().logits(engine.exec(), engine.params(),
                        {.tokens = view(b.inputs),
                         .targets = view(b.targets),
                         .positions = view(b.positions),
                         .first = view(b.document_start)},
                        view_of(std::span<float>(out), {b.tokens(), vocabulary}));
  return out;
}

/// The sums of touched rows as a tensor of the pool's shape.
std::vector<float> scattered(const Param& p) {
  const std::int64_t width = p.spec.shape[1];
  std::vector<float> all(size_of(p.spec.shape.count()));
  const auto rows = p.row_sums.row_of_slot.span<const std::int32_t>();
  const auto sums = p.row_sums.sums.span<const float>();
  for (std::int64_t s = 0; s < p.row_sums.count; ++s) {
    std::copy_n(sums.begin() + s * width, width, all.begin() + rows[size_of(s)] * width);
  }
  return all;
}

void add_gradients(Record& record, const ParamSet& ps) {
  for (const Param& p : ps.all()) {
    if (p.spec.grad == GradKind::sparse_rows) {
      record.add("grad." + p.spec.name, p.spec.shape, scattered(p));
    } else {
      record.add(StateItem{"grad." + p.spec.name, p.spec.shape, Replicated{}, p.grad});
    }
  }
}

void add_rows(Record& record, RecordingKeeper& keeper, const Engine& engine, std::int64_t tokens) {
  const std::int64_t reads = engine.model().memory().reads();
  std::vector<std::int32_t>& rows = keeper.rows();
  const std::int64_t layers = engine.model().memory_layers();
  require(std::ssize(rows) == layers * tokens * reads, Fault::bug, "{} rows were read",
          rows.size());
  for (std::int64_t l = 0; l < layers; ++l) {
    const auto first = rows.begin() + l * tokens * reads;
    record.add("rows." + std::to_string(l), {tokens, reads},
               std::vector<std::int32_t>(first, first + tokens * reads));
  }
  rows.clear();
}

void record_run(const RunConfig& config, const std::filesystem::path& folder) {
  SelfComm world("world");
  const Mesh mesh(world, config.mesh);
  const auto engine = make_engine(config, mesh, static_cast<int>(config.runtime.threads));
  const auto& pools = engine->model().pools();
  require(pools.size() <= 1, Fault::user, "model.memory.share: one pool at most can be recorded");
  const Loader loader(
      std::make_shared<SampleOrder>(training_sources(config.data), config.train.sequence,
                                    static_cast<std::uint64_t>(config.seed)),
      {.global_batch = config.train.batch, .document_mask = config.data.document_mask});
  std::unique_ptr<RecordingKeeper> keeper;
  if (!pools.empty()) {
    Param& pool = engine->params()[pools[0]];
    keeper = std::make_unique<RecordingKeeper>(*pool.keeper);
    pool.keeper = keeper.get();
  }
  Record start;
  for (const StateItem& item : engine->state_items()) start.add(item);
  start.save(world, mesh, folder / "start", 0);
  for (std::int64_t s = 1; s <= config.train.steps; ++s) {
    const StepBatch batch = loader.read_step((s - 1) * config.train.batch);
    const Batch& b = batch.micro.at(0);
    Record record;
    add_batch(record, loader, b, s);
    engine->optimizer().begin_step(s);
    record.add("logits", {b.tokens(), config.model.vocabulary}, logits_of(*engine, b));
    const Engine::Step done = engine->train_step(s, batch.micro, batch.target_count);
    record.add("loss", {1}, std::vector<double>{done.loss});
    record.add("norms", {2}, std::vector<double>{done.clip.norm, done.clip.norm_values});
    if (keeper) add_rows(record, *keeper, *engine, b.tokens());
    add_gradients(record, engine->params());
    record.save(world, mesh, folder, s);
  }
}

}  // namespace
}  // namespace mneme::test

int main(int argc, char** argv) {
  try {
    mneme::require(argc == 3, mneme::Fault::user, "usage: record_steps RUN.yaml FOLDER");
    mneme::test::record_run(mneme::with_known_vocabulary(mneme::parse<mneme::RunConfig>(argv[1])),
                            argv[2]);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
