#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/enum_names.h"
#include "params/placement.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mneme {

/// What the optimizer treats alike. `statistics` are saved and restored, never trained.
enum class Group : std::uint8_t {
  matrices,
  vectors,
  embedding,
  memory_keys,
  memory_values,
  statistics
};

template <>
struct EnumNames<Group> {
  static constexpr std::array table{
      std::pair{Group::matrices, std::string_view("matrices")},
      std::pair{Group::vectors, std::string_view("vectors")},
      std::pair{Group::embedding, std::string_view("embedding")},
      std::pair{Group::memory_keys, std::string_view("memory_keys")},
      std::pair{Group::memory_values, std::string_view("memory_values")},
      std::pair{Group::statistics, std::string_view("statistics")}};
};

/// How the gradient is stored: a whole tensor, or sums of the touched rows only.
enum class GradKind : std::uint8_t { dense, sparse_rows };

struct Constant {
  double value = 0;
};
struct Normal {
  double std = 1;
};
struct TruncatedNormal {
  double std = 1;
  double cut = 3;  // in standard deviations
};
/// Uniform on [-bound, bound].
struct Uniform {
  double bound = 1;
};
using Init = std::variant<Constant, Normal, TruncatedNormal, Uniform>;

/// Xavier uniform (Glorot and Bengio, AISTATS 2010): bound sqrt(6 / (fan_in + fan_out)).
Uniform xavier_uniform(std::int64_t fan_in, std::int64_t fan_out);

/// Everything anybody needs to know about a parameter. Declared once; initialisation, gradients,
/// optimizer, checkpoint, logs and plans read it.
struct ParamSpec {
  std::string name;  // "layers.4.memory.keys1": checkpoint key, log key, error text
  Shape shape;       // global, before any split
  Init init;         // mandatory: nothing starts as uninitialised memory
  Group group = Group::matrices;
  Placement place = Replicated{};
  GradKind grad = GradKind::dense;
  DType type = DType::f32;
  /// For sparse_rows: the most rows that one optimizer step can touch.
  std::int64_t touched_rows = 0;
};

}  // namespace mneme
