#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"

namespace mneme {

/// Expects `call` to throw an Error of this fault whose message contains `part`.
template <class Call>
void expect_error(Fault fault, const std::string& part, Call&& call) {
  try {
    call();
    ADD_FAILURE() << "no error; wanted one with: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    EXPECT_THAT(e.what(), testing::HasSubstr(part));
  }
}

}  // namespace mneme
