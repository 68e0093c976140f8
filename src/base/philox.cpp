#include "base/philox.h"

#include <boost/math/special_functions/erf.hpp>
#include <cmath>

#include <fmt/format.h>

#include "base/hash.h"

namespace mneme {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words philox_round(const Words& c, std::uint32_t k0, std::uint32_t k1) {
  const std::uint64_t p0 = 0xD2511F53ULL * c[0];
  const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
  return {static_cast<std::uint32_t>(p1 >> 32U) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32U) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
}

using Doubles = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

/// x with P(Z <= x) = p for a standard normal Z, 0 < p < 1.
double normal_quantile(double p) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2.0 * p, Doubles());
}

}  // namespace

Philox::Philox(std::uint64_t seed, std::string_view purpose) : key_{} {
  const std::uint64_t k = hash64(purpose, seed);
  key_ = {static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(k >> 32U)};
}

std::array<std::uint32_t, 4> Philox::words(std::uint64_t step, std::uint64_t block) const {
  Words c = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
             static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32U)};
  std::uint32_t k0 = key_[0];
  std::uint32_t k1 = key_[1];
  for (int round = 0; round < 10; ++round) {
    c = philox_round(c, k0, k1);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

double Philox::uniform(std::uint64_t step, std::uint64_t element) const {
  return (static_cast<double>(word(step, element)) + 0.5) * 0x1p-32;
}

double Philox::normal(std::uint64_t step, std::uint64_t element) const {
  return normal_quantile(uniform(step, element));
}

double Philox::truncated_normal(std::uint64_t step, std::uint64_t element, double cut) const {
  const double low = 0.5 * std::erfc(cut / std::sqrt(2.0));
  return normal_quantile(low + (1.0 - 2.0 * low) * uniform(step, element));
}

}  // namespace mneme
