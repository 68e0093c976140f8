#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/math.h"
#include "base/philox.h"
#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "params/param_set.h"
#include "support/ranks.h"

namespace mneme {

/// A folder that goes with the test.
class TempFolder {
 public:
  explicit TempFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / "mneme_checkpoint_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Rank `rank` of a mesh data x memory.
inline MeshPosition position_of(int rank, int data, int memory) {
  return MeshPosition({{"data", rank / memory, data}, {"memory", rank % memory, memory}});
}

struct SampleTensor {
  std::string name;
  Shape shape;
  Placement place;
  DType type = DType::f32;
};

/// One of each kind: replicated, split by columns, by rows, in the middle of three dimensions; all
/// dtypes; a scalar; extents smaller than a mesh axis; nothing at all; a name with groups.
inline std::vector<SampleTensor> sample_tensors() {
  const Placement all = Replicated{};
  return {{"embedding.weight", {37, 16}, all},
          {"layers.0.norm", {16}, all, DType::bf16},
          {"pool.values", {25, 11}, Split{"memory", 1}},
          {"optim/m/pool.values", {25, 11}, Split{"memory", 1}},
          {"optim/last/pool.values", {25}, Split{"memory", 0}, DType::i32},
          {"cube", {3, 7, 5}, Split{"memory", 1}, DType::f64},
          {"rows", {10, 4}, Split{"memory", 0}, DType::bf16},
          {"narrow", {6, 2}, Split{"memory", 1}},
          {"counts", {5}, all, DType::i64},
          {"flags", {2, 3, 2, 2}, all, DType::u8},
          {"step", {}, all, DType::i64},
          {"empty", {0, 4}, all}};
}

/// The blocks of a rank. Every byte of a global tensor is a function of (seed, name, place in it),
/// and not NaN, so that any block of any mesh can be said from the outside.
class SampleState {
 public:
  SampleState(std::uint64_t seed,
              const MeshPosition& position,
              std::vector<SampleTensor> tensors = sample_tensors())
      : tensors_(std::move(tensors)), memory_(tensors_.size()) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const SampleTensor& t = tensors_[i];
      const LocalBlock block = local_block(t.shape, t.place, position);
      memory_[i].resize(std::max<std::size_t>(1, byte_count(t.type, block.shape)));
      items_.push_back(
          {t.name, t.shape, t.place, View(memory_[i].data(), t.type, block.shape, cpu_device)});
      fill(items_.back(), box_of(items_.back(), position), seed);
    }
  }
  const std::vector<StateItem>& items() const { return items_; }
  std::vector<StateItem>& items() { return items_; }
  const std::vector<std::vector<std::byte>>& memory() const { return memory_; }
  /// Other bytes everywhere, as before a load.
  void spoil() {
    for (auto& bytes : memory_) std::fill(bytes.begin(), bytes.end(), std::byte{0xAB});
  }

 private:
  static void fill(const StateItem& item, const Box& box, std::uint64_t seed) {
    const std::size_t element = size_of(item.local.type());
    std::byte* out = item.local.raw().data();
    for (std::int64_t n = 0; n < box.count.count(); ++n) {
      std::int64_t rest = n;
      std::int64_t global = 0;
      std::int64_t stride = 1;
      for (int d = item.shape.rank() - 1; d >= 0; --d) {
        global += (box.start[d] + rest % box.count[d]) * stride;
        rest /= box.count[d];
        stride *= item.shape[d];
      }
      const std::uint64_t bits =
          hash64(item.name, seed * 1'000'003 + static_cast<std::uint64_t>(global)) &
          0x3f7f3f7f3f7f3f7f;
      std::memcpy(out + size_of(n) * element, &bits, element);
    }
  }

  std::vector<SampleTensor> tensors_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<StateItem> items_;
};

inline SaveResult save_sample(Communicator& world,
                              const std::filesystem::path& folder,
                              std::int64_t step,
                              const SampleState& state,
                              const MeshPosition& position) {
  return save_checkpoint(world, {.folder = folder,
                                 .step = step,
                                 .kind = CheckpointKind::full,
                                 .items = state.items(),
                                 .position = position,
                                 .meta = {{"step", step}, {"config", "train:\n  steps: 3\n"}}});
}

/// The sample state of `seed`, saved at step 5 by data x memory threads.
inline void save_on(int data, int memory, const std::filesystem::path& folder, std::uint64_t seed) {
  run_ranks(data * memory, [&](Communicator& world) {
    const MeshPosition position = position_of(world.rank(), data, memory);
    const SaveResult result = save_sample(world, folder, 5, SampleState(seed, position), position);
    EXPECT_TRUE(result.ok) << result.message;
  });
}

}  // namespace mneme
