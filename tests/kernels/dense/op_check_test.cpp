#include "support/op_check.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace mneme::test {
namespace {

/// Failures of the code, joined: what OpCheck has to say about a faulty op.
template <class F>
std::string complaints(F&& code) {
  testing::TestPartResultArray found;
  {
    const testing::ScopedFakeTestPartResultReporter quiet(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &found);
    code();
  }
  std::string all;
  for (int i = 0; i < found.size(); ++i) all += found.GetTestPartResult(i).message();
  return all;
}

struct Copy {
  OpCheck check{"faulty"};
  OpCheck::Slot x = check.in("x", DType::f32, {5}, -1, 1);
  OpCheck::Slot y = check.out("y", DType::f32, {5});

  /// y = x, then `fault`.
  std::string run(const std::function<void(Exec&)>& fault,
                  OpCheck::Threads threads = OpCheck::Threads::same_bits) {
    return complaints([&] {
      check.run(
          [&](Exec& ex) {
            if (!ex.measuring()) {
              const std::span<const float> from = check.get(x).span<const float>();
              std::copy(from.begin(), from.end(), check.mut(y).ptr<float>());
            }
            fault(ex);
          },
          threads);
    });
  }
};

TEST(OpCheck, IsContentWithASoundOp) {
  Copy copy;
  EXPECT_EQ(copy.run([](Exec& ex) {
    const auto mark = ex.scratch.mark();
    ex.scratch.take(DType::f32, {100}, "room");
  }),
            "");
  EXPECT_EQ(complaints([&] { copy.check.expect(copy.y, copy.check.initial(copy.x), {}); }), "");
}

TEST(OpCheck, SeesWritesOutsideATensor) {
  for (const int at : {-1, 5}) {
    Copy copy;
    const std::string said = copy.run([&](Exec& ex) {
      if (!ex.measuring()) copy.check.mut(copy.y).ptr<float>()[at] = 0;
    });
    EXPECT_NE(said.find("wrote outside of y"), std::string::npos) << said;
  }
}

TEST(OpCheck, SeesAChangedInput) {
  Copy copy;
  const std::string said = copy.run([&](Exec& ex) {
    if (!ex.measuring()) copy.check.mut(copy.x).ptr<float>()[0] = 7;
  });
  EXPECT_NE(said.find("changed its input x"), std::string::npos) << said;
}

TEST(OpCheck, SeesBitsThatDependOnThreads) {
  Copy copy;
  const std::string said = copy.run([&](Exec& ex) {
    if (!ex.measuring()) copy.check.mut(copy.y).ptr<float>()[3] = static_cast<float>(ex.threads);
  });
  EXPECT_NE(said.find("y has other bits"), std::string::npos) << said;
}

TEST(OpCheck, AllowsBitsPerNumberOfThreadsWhereAsked) {
  Copy copy;
  const auto by_threads = [&](Exec& ex) {
    if (!ex.measuring()) copy.check.mut(copy.y).ptr<float>()[3] = static_cast<float>(ex.threads);
  };
  EXPECT_EQ(copy.run(by_threads, OpCheck::Threads::own_bits), "");
  int runs = 0;
  const auto by_run = [&](Exec& ex) {
    if (!ex.measuring()) copy.check.mut(copy.y).ptr<float>()[3] = static_cast<float>(++runs);
  };
  const std::string said = copy.run(by_run, OpCheck::Threads::own_bits);
  EXPECT_NE(said.find("y has other bits"), std::string::npos) << said;
}

TEST(OpCheck, SeesScratchThatTheMeasuringRunDidNotTake) {
  Copy copy;
  const std::string said = copy.run([](Exec& ex) {
    const auto mark = ex.scratch.mark();
    if (ex.measuring()) ex.scratch.take(DType::f32, {1000}, "room");
  });
  EXPECT_NE(said.find("scratch"), std::string::npos) << said;
}

TEST(OpCheck, SeesScratchThatIsNotGivenBack) {
  Copy copy;
  const std::string said = copy.run([](Exec& ex) { ex.scratch.take(DType::f32, {100}, "kept"); });
  EXPECT_NE(said.find("scratch is given back"), std::string::npos) << said;
}

TEST(OpCheck, SeesWrongAndMissingResults) {
  Copy copy;
  EXPECT_EQ(copy.run([](Exec&) {}), "");
  auto wanted = copy.check.initial(copy.x);
  wanted[4] += 1e-6;
  EXPECT_NE(complaints([&] {
              copy.check.expect(copy.y, wanted, tolerance(DType::f32, 1));
            }).find("y[4] is"),
            std::string::npos);
  EXPECT_NE(complaints([&] {
              copy.check.expect_along(copy.y, {0, 0, 0, 0, 1}, wanted[4], tolerance(DType::f32, 1));
            }).find("along a direction"),
            std::string::npos);
  OpCheck idle("idle");
  const auto z = idle.out("z", DType::f32, {1});
  idle.run([](Exec&) {});  // writes nothing: its NaN bytes agree with no number
  EXPECT_NE(complaints([&] { idle.expect(z, {0}, {.absolute = 1e30}); }).find("z[0]"),
            std::string::npos);
}

}  // namespace
}  // namespace mneme::test
