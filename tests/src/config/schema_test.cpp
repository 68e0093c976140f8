#include "config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

#include "example.h"

namespace mneme {
namespace {

using testing::HasSubstr;

// Every kind of field counts as one, whatever it holds.
static_assert(detail::field_count<example::Job>() == 11);
static_assert(detail::field_count<example::Memory>() == 6);
static_assert(detail::field_count<example::Data>() == 3);

struct Forgotten {
  int first = 1;
  std::optional<double> second;
  int third = 3;
  static void describe(Schema<Forgotten>& s) {
    s.field("first", &Forgotten::first, "", "").field("third", &Forgotten::third, "", "");
  }
};

struct Twice {
  int a = 1;
  int b = 2;
  static void describe(Schema<Twice>& s) {
    s.field("a", &Twice::a, "", "").field("a", &Twice::b, "", "");
  }
};

struct WrongRule {
  std::string a;
  static void describe(Schema<WrongRule>& s) { s.field("a", &WrongRule::a, "", "", positive()); }
};

struct NotAggregate {
  NotAggregate() = default;
  static void describe(Schema<NotAggregate>& /*s*/) {}
};

struct NotDescribed {
  int a = 1;
};

static_assert(Config<Forgotten>);
static_assert(!Config<NotAggregate>);
static_assert(!Config<NotDescribed>);

template <Config C>
std::string bug() {
  try {
    schema_of<C>();
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::bug);
    return e.what();
  }
}

TEST(Schema, AFieldThatIsNotDescribedIsABug) {
  EXPECT_THAT(bug<Forgotten>(),
              HasSubstr("has 3 fields, but 2 are described (the first is first)"));
}

TEST(Schema, AFieldDescribedTwiceIsABug) {
  EXPECT_THAT(bug<Twice>(), HasSubstr("a is described twice"));
}

TEST(Schema, ARuleThatCannotApplyIsABug) {
  EXPECT_THAT(bug<WrongRule>(),
              HasSubstr("the rule 'positive' cannot apply to the config field a"));
}

struct Rules {
  std::int64_t choice = 1;
  std::string word = "a";
  double low = 1;
  double high = 1;
  std::vector<std::string> words;
  static void describe(Schema<Rules>& s) {
    s.field("choice", &Rules::choice, "", "", one_of({1, 2, 4}))
        .field("word", &Rules::word, "", "", one_of({"a", "b"}))
        .field("low", &Rules::low, "", "", greater_than(0), at_most(1))
        .field("high", &Rules::high, "", "", at_least(1))
        .field("words", &Rules::words, "", "", one_of({"x", "y"}))
        .together(
            "the sum is small", [](const Rules& c) { return c.low + c.high < 10; },
            "make it small");
  }
};

std::string rule_errors(const std::string& text) {
  try {
    parse_text<Rules>(text, "f");
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Rules, HoldAtTheirBoundsAndFailBeyond) {
  EXPECT_EQ(rule_errors("{choice: 4, word: b, low: 1, high: 1, words: [x, y, x]}"), "");
  EXPECT_EQ(rule_errors("choice: 3"), "f:1: choice = 3 is not allowed: must be one of 1, 2, 4");
  EXPECT_EQ(rule_errors("word: c"), "f:1: word = c is not allowed: must be one of a, b");
  EXPECT_EQ(rule_errors("low: 0"), "f:1: low = 0 is not allowed: must be greater than 0");
  EXPECT_EQ(rule_errors("low: 1.5"), "f:1: low = 1.5 is not allowed: must be at most 1");
  EXPECT_EQ(rule_errors("high: 0.5"), "f:1: high = 0.5 is not allowed: must be at least 1");
  EXPECT_EQ(rule_errors("words: [x, z]"), "f:1: words.1 = z is not allowed: must be one of x, y");
}

TEST(Rules, AFullStopOrCommaAfterANameIsNoPartOfIt) {
  YamlNode values = YamlNode::map();
  values.add("a", YamlNode::plain("1"));
  values.add("b", YamlNode::plain("2"));
  EXPECT_EQ(rule_text("a must divide b.", "g", values).why, "must divide g.b = 2.");
  EXPECT_EQ(rule_text("{a} must divide {b}, whatever a is", "g", values).why,
            "must divide g.b = 2, whatever a is");
  EXPECT_EQ(rule_for_docs("{a} must divide {b}"), "`a` must divide `b`");
}

TEST(Rules, ARuleThatNamesNoFieldBlamesTheGroup) {
  EXPECT_EQ(rule_errors("high: 50"),
            "f:1: the config is not allowed: wanted the sum is small\n  hint: make it small");
}

struct UnsetDefault {
  std::string path;
  static void describe(Schema<UnsetDefault>& s) {
    s.field("path", &UnsetDefault::path, "", "", not_empty());
  }
};

struct Outer {
  UnsetDefault inner;
  static void describe(Schema<Outer>& s) { s.field("inner", &Outer::inner, "", ""); }
};

TEST(Rules, HoldForDefaultsTooAlsoInGroupsThatAreNotWritten) {
  try {
    parse_text<Outer>("", "f");
    FAIL() << "a default that breaks its rule was accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(
        e.what(),
        "f:1: inner.path is not set, and its default \"\" is not allowed: must not be empty");
  }
}

TEST(Nearest, AllowsAThirdOfTheLettersAndPrefersTheClosest) {
  EXPECT_EQ(nearest("weight_deacy", {"weight", "weight_decay", "warmup"}), "weight_decay");
  EXPECT_EQ(nearest("lr", {"l", "beta"}), "l");
  EXPECT_EQ(nearest("zzz", {"abc", "zab"}), "");
}

}  // namespace
}  // namespace mneme
