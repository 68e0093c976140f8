#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

#include "example.h"

namespace mneme {
namespace {

using example::Run;

/// what() of the error that reading `text` as configs/run.yaml gives, or "" if there is none.
std::string errors(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_text<Run>(text, "configs/run.yaml", overrides);
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::user);
    return e.what();
  }
}

TEST(Messages, RuleAcrossFieldsNamesTheOtherKeyAndHints) {
  EXPECT_EQ(errors(std::string(28, '\n') + "model:\n  memory:\n    half_keys: 20\n"),
            "configs/run.yaml:31: model.memory.half_keys = 20 is not allowed: must be at least "
            "model.memory.top_k = 32\n"
            "  hint: with half_keys: 32 the pool has 32^2 = 1,024 rows");
}

TEST(Messages, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(
      errors(std::string(10, '\n') + "optim:\n  weight_deacy: 0.1\n"),
      "configs/run.yaml:12: unknown key optim.weight_deacy, did you mean optim.weight_decay?");
}

}  // namespace
}  // namespace mneme
