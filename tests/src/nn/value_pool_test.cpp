#include "nn/value_pool.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/ranks.h"

namespace mneme::test {
namespace {

TEST(ValuePoolErrors, FewerColumnsThanRanksAreTheUsersMistake) {
  expect_error(Fault::user, "value_width = 2: rows have fewer columns than mesh.memory = 3", [] {
    run_ranks(3, [](Communicator& world) {
      ParamSet params;
      const ValuePool pool(ParamScope(params), {.rows = 4, .width = 2, .touched_rows = 4}, world);
    });
  });
}

}  // namespace
}  // namespace mneme::test
