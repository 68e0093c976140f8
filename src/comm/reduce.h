#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/enum_names.h"
#include "tensor/view.h"

namespace mneme {

/// How values of several ranks become one.
enum class Reduce : std::uint8_t { sum, max, min };

template <>
struct EnumNames<Reduce> {
  static constexpr std::array table{std::pair{Reduce::sum, std::string_view("sum")},
                                    std::pair{Reduce::max, std::string_view("max")},
                                    std::pair{Reduce::min, std::string_view("min")}};
};

/// Refuses a dtype that cannot be reduced: f32, f64, i32 and i64 can.
void require_reducible(DType type, const char* op);

/// out[i] = ((pieces[0][i] op pieces[1][i]) op pieces[2][i]) ...   in the dtype of the views
///
///   pieces (n) each, at least one; out (n) may be one of them but may not overlap them otherwise.
///   The order of a sum is the order of the pieces, whatever n is. max and min give NaN where any
///   piece has NaN. Sums of integers must fit their type.
void reduce_in_order(std::span<const ConstView> pieces, View out, Reduce op);

}  // namespace mneme
