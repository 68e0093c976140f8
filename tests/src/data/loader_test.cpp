#include "data/loader.h"

#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "data/validation_set.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/token_files.h"
#include "text/bpe_train.h"

namespace mneme {
namespace {

constexpr std::int64_t sequence = 16;

/// Five files of different sizes in two sources. The n-th token of the whole is chosen such that
/// neighbouring pairs differ: a pair (input, target) tells where it was read.
class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    std::int32_t next = 0;
    for (int f = 0; f < 5; ++f) {
      std::vector<std::vector<std::int32_t>> documents(static_cast<std::size_t>(3 + f));
      for (auto& document : documents) {
        document.resize(20);
        for (auto& id : document) id = next++ % 251;
      }
      paths_.push_back(folder_ / ("part" + std::to_string(f) + ".h5"));
      write_token_file(paths_.back(), documents);
    }
  }
  std::vector<TrainingSource> two_sources() const {
    return {{"first", 1, {paths_[0], paths_[1], paths_[2]}},
            {"second", 0.5, {paths_[3], paths_[4]}}};
  }
  std::shared_ptr<const SampleOrder> order(std::uint64_t seed = 1) const {
    return std::make_shared<SampleOrder>(two_sources(), sequence, seed);
  }
  TemporaryFolder folder_;
  std::vector<std::filesystem::path> paths_;
};

/// The inputs of all samples of a step, in the global order, whatever the ranks.
std::vector<std::vector<std::int32_t>> whole_step(const std::shared_ptr<const SampleOrder>& order,
                                                  LoaderOptions o,
                                                  std::int64_t first) {
  std::vector<std::vector<std::int32_t>> samples;
  for (std::int64_t m = 0; m < o.micro_batches; ++m) {
    for (o.rank = 0; o.rank < o.ranks; ++o.rank) {
      const Batch batch = Loader(order, o).read_step(first).micro[static_cast<std::size_t>(m)];
      for (std::int64_t i = 0; i < batch.samples; ++i) {
        const auto begin = batch.inputs.begin() + i * sequence;
        samples.emplace_back(begin, begin + sequence);
      }
    }
  }
  return samples;
}

TEST_F(LoaderTest, AStepHoldsTheSameSamplesForAnyRanksAndMicroBatches) {
  const auto all = order();
  const auto wanted = whole_step(all, {.global_batch = 24}, 36);
  EXPECT_EQ(wanted.size(), 24U);
  for (const std::int64_t ranks : {1, 2, 3, 4, 6}) {
    for (const std::int64_t micro : {1, 2}) {
      const LoaderOptions o{.global_batch = 24, .micro_batches = micro, .ranks = ranks};
      EXPECT_EQ(whole_step(all, o, 36), wanted) << ranks << " ranks, " << micro << " micro-batches";
    }
  }
}

TEST_F(LoaderTest, HashAndTargetCountAddUpToTheSameOverAnyRanks) {
  const auto all = order();
  const StepBatch whole = Loader(all, {.global_batch = 12}).read_step(24);
  for (const std::int64_t ranks : {2, 4}) {
    std::uint64_t hash = 0;
    std::int64_t targets = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      const StepBatch part =
          Loader(all, {.global_batch = 12, .micro_batches = 3, .ranks = ranks, .rank = rank})
              .read_step(24);
      hash += part.ids_hash;
      targets += part.target_count;
    }
    EXPECT_EQ(hash, whole.ids_hash);
    EXPECT_EQ(targets, whole.target_count);
  }
  EXPECT_NE(Loader(all, {.global_batch = 12}).read_step(36).ids_hash, whole.ids_hash);
}

/// METHOD's third named mistake: ranks that read the same data, or data that is never read.
TEST_F(LoaderTest, Regression03NoSampleIsReadTwiceOrNeverInAnEpochWhateverTheRanks) {
  const auto one =
      std::make_shared<SampleOrder>(std::vector<TrainingSource>{{"all", 1, paths_}}, sequence, 1);
  const std::int64_t n = one->stream(0).samples(sequence);
  for (const std::int64_t ranks : {1, 2, 3, 5, 8}) {
    std::map<std::int64_t, std::multiset<std::int64_t>> by_epoch;
    const LoaderOptions o{.global_batch = 2 * ranks, .micro_batches = 2, .ranks = ranks};
    std::multiset<std::vector<std::int32_t>> found;
    std::multiset<std::vector<std::int32_t>> wanted;
    for (std::int64_t first = 0; first + o.global_batch <= 2 * n; first += o.global_batch) {
      for (auto& sample : whole_step(one, o, first)) found.insert(std::move(sample));
      for (std::int64_t g = first; g < first + o.global_batch; ++g) {
        const auto place = one->at(g);
        by_epoch[place.epoch].insert(place.sample);
        std::vector<std::int32_t> tokens;
        one->read(g, tokens);
        tokens.resize(std::min<std::size_t>(tokens.size(), sequence));
        tokens.resize(sequence, 256);
        wanted.insert(std::move(tokens));
      }
    }
    EXPECT_EQ(found, wanted);
    for (std::int64_t sample = 0; sample < n; ++sample) EXPECT_EQ(by_epoch[0].count(sample), 1U);
    EXPECT_EQ(std::ssize(by_epoch[0]), n);
  }
}

/// METHOD's fourth named mistake: data files beyond the number of ranks silently dropped.
TEST_F(LoaderTest, Regression04EveryTokenOfEveryFileIsATargetWhateverTheRanks) {
  std::vector<std::int32_t> stream;
  for (const auto& path : paths_) {
    const TokenFile file(path);
    std::vector<std::int32_t> ids(size_of(file.tokens()));
    file.read(0, ids);
    stream.insert(stream.end(), ids.begin(), ids.end());
  }
  std::map<std::pair<std::int32_t, std::int32_t>, int> wanted;
  for (std::size_t i = 0; i + 1 < stream.size(); ++i) ++wanted[{stream[i], stream[i + 1]}];
  const auto one =
      std::make_shared<SampleOrder>(std::vector<TrainingSource>{{"all", 1, paths_}}, sequence, 9);
  const std::int64_t n = one->stream(0).samples(sequence);
  for (const std::int64_t ranks : {1, 2, 4}) {  // fewer ranks than the five files
    std::map<std::pair<std::int32_t, std::int32_t>, int> found;
    for (std::int64_t g = 0; g < n; ++g) {
      // A batch of one sample per rank: rank r reads sample g when g falls to it.
      const LoaderOptions o{
          .global_batch = ranks, .ranks = ranks, .rank = g % ranks, .document_mask = false};
      const Batch batch = Loader(one, o).read_step(g / ranks * ranks).micro[0];
      for (std::size_t t = 0; t < batch.inputs.size(); ++t) {
        if (batch.targets[t] != ignored_target) ++found[{batch.inputs[t], batch.targets[t]}];
      }
    }
    EXPECT_EQ(found, wanted) << ranks << " ranks";
  }
}

TEST_F(LoaderTest, SourcesComeByWeightAndInTheirOwnOrders) {
  const auto all = order();
  std::map<std::int64_t, int> from;
  for (std::int64_t g = 0; g < 300; ++g) ++from[all->at(g).source];
  EXPECT_NEAR(from[0], 200, 10);
  const auto other = order(2);
  int moved = 0;
  for (std::int64_t g = 0; g < 300; ++g) {
    moved += all->at(g).sample != other->at(g).sample ? 1 : 0;
  }
  EXPECT_GT(moved, 200);
}

TEST_F(LoaderTest, ResumesExactlyAlsoTwiceAndOverAnEpochBorder) {
  const auto all = order();
  const LoaderOptions o{.global_batch = 4, .micro_batches = 2};
  std::vector<std::uint64_t> undisturbed;
  Loader straight(all, o);
  for (int s = 0; s < 60; ++s) undisturbed.push_back(straight.next().ids_hash);
  EXPECT_GT(all->at(straight.state().next_sample - 1).epoch, 1);
  std::vector<std::uint64_t> resumed;
  std::string saved;
  for (const int until : {20, 40, 60}) {
    Loader loader(order(), o);
    if (!saved.empty()) loader.restore(LoaderState::from_json(saved, "the test"));
    while (std::ssize(resumed) < until) resumed.push_back(loader.next().ids_hash);
    saved = loader.state().to_json();
  }
  EXPECT_EQ(resumed, undisturbed);
}

TEST_F(LoaderTest, RestoreExplainsOtherDataAndAcceptsMovedFiles) {
  Loader loader(order(), {.global_batch = 4});
  loader.next();
  const LoaderState saved = loader.state();
  const auto moved = folder_ / "moved.h5";
  std::filesystem::copy_file(paths_[1], moved);
  auto sources = two_sources();
  sources[0].files[1] = moved;
  Loader same(std::make_shared<SampleOrder>(sources, sequence, 1), {.global_batch = 4});
  same.restore(saved);
  EXPECT_EQ(same.state().next_sample, 4);
  sources[0].files[1] = paths_[0];
  sources[1].weight = 2;
  Loader other(std::make_shared<SampleOrder>(sources, sequence, 5), {.global_batch = 4});
  expect_error(Fault::checkpoint, "seed was 1, is now 5", [&] { other.restore(saved); });
  expect_error(Fault::checkpoint, "sources[1].weight was 0.5, is now 2.0",
               [&] { other.restore(saved); });
  expect_error(Fault::checkpoint, "sources[0].files[1].content_hash was",
               [&] { other.restore(saved); });
  expect_error(Fault::checkpoint, "(part0.h5)", [&] { other.restore(saved); });
  expect_error(Fault::checkpoint, "holds no state", [&] { LoaderState::from_json("{]", "x"); });
}

TEST_F(LoaderTest, ErrorsOfTheReadingThreadComeOutOfNextAndNothingIsSkipped) {
  auto all = order();
  Loader loader(all, {.global_batch = 64});
  std::filesystem::resize_file(paths_[4], 100);
  for (int attempt = 0; attempt < 2; ++attempt) {
    expect_error(Fault::data, "cut short", [&] {
      for (int s = 0; s < 4; ++s) loader.next();
    });
    EXPECT_EQ(loader.state().next_sample, 0);
  }
}

TEST_F(LoaderTest, ABatchThatDoesNotDivideIsRefusedWithTheNearestSizes) {
  expect_error(Fault::user, "the nearest that do: 24 or 32",
               [] { samples_per_rank({.global_batch = 30, .micro_batches = 2, .ranks = 4}); });
  expect_error(Fault::user, "the nearest that do: 8",
               [] { samples_per_rank({.global_batch = 3, .micro_batches = 2, .ranks = 4}); });
  EXPECT_EQ(samples_per_rank({.global_batch = 32, .micro_batches = 2, .ranks = 4}), 4);
}

TEST_F(LoaderTest, FewerSamplesThanRanksAreReadInSeveralPasses) {
  write_token_file(folder_ / "tiny.h5", {{1, 2, 3}});
  const auto tiny = std::make_shared<SampleOrder>(
      std::vector<TrainingSource>{{"tiny", 1, {folder_ / "tiny.h5"}}}, sequence, 1);
  const auto step = whole_step(tiny, {.global_batch = 8, .ranks = 8}, 0);
  EXPECT_EQ(std::set<std::vector<std::int32_t>>(step.begin(), step.end()).size(), 1U);
  EXPECT_EQ(step.size(), 8U);
}

TEST_F(LoaderTest, ShowsTheTextOfAStepWithItsPlaces) {
  write_token_file(folder_ / "text.h5", {byte_tokens("the sea"), byte_tokens("a ship")});
  const auto text = std::make_shared<SampleOrder>(
      std::vector<TrainingSource>{{"sea", 1, {folder_ / "text.h5"}}}, sequence, 1);
  const Loader loader(text, {.global_batch = 2});
  EXPECT_EQ(loader.show_step(3, *load_tokenizer("bytes"), 1),
            "--- step 3, sample 0 of 2: source 'sea', epoch 6, tokens 0 to 14\n"
            "the sea\n[end of document]\na ship\n[end of document]\n");
}

TEST_F(LoaderTest, RefusesSourcesThatCannotBeOneRun) {
  auto sources = two_sources();
  sources[1].name = "first";
  expect_error(Fault::user, "two data sources are named 'first'",
               [&] { SampleOrder(sources, sequence, 1); });
  sources[1] = {"none", 1, {}};
  expect_error(Fault::user, "has no files", [&] { SampleOrder(sources, sequence, 1); });
  sources[1] = {"lost", 1, {folder_ / "lost.h5"}};
  expect_error(Fault::user, "there is no file", [&] { SampleOrder(sources, sequence, 1); });
}

TEST_F(LoaderTest, RanksAsThreadsReadOneOrderAtOnce) {
  const auto all = order();
  const std::uint64_t wanted = Loader(all, {.global_batch = 8}).read_step(8).ids_hash;
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> threads;
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    threads.emplace_back([&, rank] {
      Loader loader(all, {.global_batch = 8, .ranks = 4, .rank = rank});
      loader.next();
      hashes[static_cast<std::size_t>(rank)] = loader.next().ids_hash;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(hashes[0] + hashes[1] + hashes[2] + hashes[3], wanted);
}

// Pieces of several bytes first, then single bytes: a part has its own bytes per token.
TEST_F(LoaderTest, BytesPerTargetOfAPartAreThoseOfItsOwnText) {
  bool given = false;
  const auto tokenizer = make_tokenizer("sentencepiece",
                                        train_bpe({.vocab_size = 300},
                                                  [&](std::string& text) {
                                                    text.clear();
                                                    for (int i = 0; i < 500; ++i)
                                                      text += "memory layers remember ";
                                                    return !std::exchange(given, true);
                                                  }),
                                        "the test");
  std::string known;
  for (int i = 0; i < 200; ++i) known += "memory layers remember ";
  std::vector<std::vector<std::int32_t>> documents(6, tokenizer->encode(known));
  documents.insert(documents.end(), 6, tokenizer->encode(std::string(400, 'Z')));
  const auto path = folder_ / "mixed.h5";
  write_token_file(path, documents, *tokenizer);

  const ValidationSet all("v", {path}, {.sequence = sequence});
  const auto part_of = [&](std::int64_t samples) {
    return ValidationSet("v", {path}, {.sequence = sequence, .max_samples = samples})
        .bytes_per_target();
  };
  const auto first_document = std::ssize(documents[0]) + 1;
  const double bytes_per_token =
      static_cast<double>(known.size()) / static_cast<double>(first_document);
  EXPECT_GT(bytes_per_token, 1.4 * all.bytes_per_target());
  EXPECT_NEAR(part_of(4 * first_document / sequence), bytes_per_token, 0.02 * bytes_per_token);
  EXPECT_NEAR(part_of(all.samples() - 1), all.bytes_per_target(), 0.02 * all.bytes_per_target());
}

TEST_F(LoaderTest, ValidationReadsEverySampleOnceAndRanksHaveEqualNumbersOfBatches) {
  const ValidationSet whole("v", paths_, {.sequence = sequence});
  std::multiset<std::vector<std::int32_t>> wanted;
  std::int64_t wanted_targets = 0;
  for (std::int64_t i = 0; i < whole.batches(); ++i) {
    const Batch batch = whole.batch(i);
    wanted.insert(batch.inputs);
    wanted_targets += batch.target_count;
  }
  EXPECT_EQ(std::ssize(wanted), whole.samples());
  EXPECT_EQ(wanted_targets, whole.stream().tokens() - whole.stream().documents());
  EXPECT_DOUBLE_EQ(whole.bytes_per_target(), 1.0);
  for (const std::int64_t ranks : {2, 3, 7}) {
    std::int64_t targets = 0;
    std::multiset<std::vector<std::int32_t>> found;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      const ValidationSet set(
          "v", paths_,
          {.sequence = sequence, .samples_per_batch = 2, .ranks = ranks, .rank = rank});
      EXPECT_EQ(set.batches(), ceil_div(whole.samples(), 2 * ranks));
      for (std::int64_t i = 0; i < set.batches(); ++i) {
        const Batch batch = set.batch(i);
        EXPECT_EQ(batch.tokens(), 2 * sequence);
        targets += batch.target_count;
        for (std::int64_t k = 0; k < 2; ++k) {
          const auto begin = batch.inputs.begin() + k * sequence;
          found.emplace(begin, begin + sequence);
        }
      }
    }
    EXPECT_EQ(targets, wanted_targets);
    EXPECT_TRUE(std::includes(found.begin(), found.end(), wanted.begin(), wanted.end()));
  }
}

}  // namespace
}  // namespace mneme
