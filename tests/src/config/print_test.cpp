#include "config/print.h"

#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "config/markdown.h"
#include "config/parse.h"

#include "example.h"

namespace mneme {
namespace {

using example::Gate;
using example::Job;
using example::Source;

Job full_job() {
  Job run;
  run.name = "2024";
  run.stop_after = Duration{9000};
  run.flags = {true, false};
  run.model.memory.value_width = 64;
  run.data.train.push_back({.path = "a b: c # \"d\"\\\n", .weight = 1.0 / 3, .field = "~"});
  run.data.valid = {{"wiki", {.path = "w"}}, {"on", {.path = "/x/y.tok"}}};
  run.data.grid = {{"model.width", {Verbatim{"64"}, Verbatim{"{a: [1, \"2\"]}"}}}};
  return run;
}

TEST(Print, EveryKeyInTheOrderOfDescription) {
  EXPECT_EQ(to_yaml(full_job()),
            "name: \"2024\"\n"
            "seed: 1\n"
            "document_mask: true\n"
            "stop_after: 2h30m\n"
            "log_every: 10s\n"
            "betas: [0.5, 0.25]\n"
            "flags: [true, false]\n"
            "extra: null\n"
            "model:\n"
            "  width: 512\n"
            "  memory:\n"
            "    half_keys: 1024\n"
            "    top_k: 32\n"
            "    heads: 8\n"
            "    gate: silu\n"
            "    value_width: 64\n"
            "    layers: [2, 4]\n"
            "optim:\n"
            "  lr: 0.0003\n"
            "  beta1: 0.9\n"
            "  beta2: 0.95\n"
            "  weight_decay: 0.1\n"
            "  warmup: 2000\n"
            "data:\n"
            "  train:\n"
            "    - path: tiny.tok\n"
            "      weight: 1\n"
            "      field: null\n"
            "    - path: \"a b: c # \\\"d\\\"\\\\\\n\"\n"
            "      weight: 0.3333333333333333\n"
            "      field: \"~\"\n"
            "  valid:\n"
            "    wiki:\n"
            "      path: w\n"
            "      weight: 1\n"
            "      field: null\n"
            "    \"on\":\n"
            "      path: /x/y.tok\n"
            "      weight: 1\n"
            "      field: null\n"
            "  grid:\n"
            "    model.width:\n"
            "      - 64\n"
            "      - a: [1, \"2\"]\n");
}

TEST(Print, CommentsCarryUnitAndDescription) {
  const std::string text = to_yaml(full_job(), Comments::descriptions);
  EXPECT_THAT(text, testing::HasSubstr("\n  lr: 0.0003  # 1/step: peak learning rate\n"));
  EXPECT_THAT(text,
              testing::HasSubstr("\nmodel:  # the model\n  width: 512  # channels: model width\n"));
  EXPECT_THAT(text, testing::HasSubstr("\n    wiki:\n      path: w  # a token file\n"));
  EXPECT_EQ(parse_text<Job>(text, "printed"), full_job());
}

TEST(Print, EmptyListsAndMapsReadBack) {
  Job run;
  run.betas.clear();
  EXPECT_THAT(to_yaml(run), testing::HasSubstr("betas: []\n"));
  EXPECT_THAT(to_yaml(run), testing::HasSubstr("valid: {}\n"));
  EXPECT_EQ(parse_text<Job>(to_yaml(run), "printed"), run);
}

std::uint64_t bits(double v) {
  return std::bit_cast<std::uint64_t>(v);
}

RC_GTEST_PROP(Print, AnyConfigReadsBackToTheSameBits, ()) {
  const auto finite = [] {
    const double v = std::bit_cast<double>(*rc::gen::arbitrary<std::uint64_t>());
    return std::isfinite(v) ? v : 0.0;
  };
  const auto text = [] {
    std::string s = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
    if (*rc::gen::arbitrary<bool>()) s += "\xC3\xA9\xE2\x82\xAC";
    return s;
  };
  Job run;
  run.name = "x" + text();
  run.seed = *rc::gen::arbitrary<std::uint64_t>();
  run.document_mask = *rc::gen::arbitrary<bool>();
  run.log_every = Duration{std::max(std::abs(finite()), 1e-300)};
  run.stop_after = Duration{static_cast<double>(*rc::gen::inRange(1, 1'000'000))};
  run.flags = *rc::gen::arbitrary<std::vector<bool>>();
  run.optim.weight_decay = std::abs(finite());
  run.optim.lr = std::max(std::abs(finite()), 1e-300);
  run.optim.warmup = *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max());
  run.model.memory.gate = *rc::gen::element(Gate::none, Gate::silu, Gate::sigmoid);
  run.data.train.front().field = text();
  run.data.grid = {{"key" + text(), {}}};
  run.extra = Source{.path = "p" + text()};

  const Job back = parse_text<Job>(to_yaml(run), "printed");
  RC_ASSERT(back == run);
  RC_ASSERT(bits(back.optim.lr) == bits(run.optim.lr));
  RC_ASSERT(bits(back.log_every.seconds) == bits(run.log_every.seconds));
  RC_ASSERT(to_yaml(back) == to_yaml(run));
}

RC_GTEST_PROP(Print, BareWordsAreReadAsTheTextTheyAre, (const std::string& s)) {
  // Whatever is printed without quotes must not be a number, truth value or null to any reader.
  const YamlNode node = YamlNode::words(s);
  if (!node.quoted) RC_ASSERT(!is_never_text(s));
}

TEST(Diff, NamesKeysWithBothValues) {
  Job before;
  Job after;
  EXPECT_TRUE(diff(before, after).empty());
  after.optim.lr = 1e-3;
  after.log_every = Duration{60};
  after.betas = {0.5};
  after.model.memory.value_width = 8;
  after.extra = Source{.path = "x"};
  after.data.train.push_back({.path = "b"});
  after.data.valid = {{"wiki", {.path = "w"}}};
  std::vector<std::string> lines;
  for (const Change& c : diff(before, after)) {
    lines.push_back(
        fmt::format("{}: {} -> {}{}", c.key, c.before, c.after, c.alters_result ? "" : " (free)"));
  }
  EXPECT_THAT(
      lines,
      testing::ElementsAre(
          "log_every: 10s -> 1m (free)", "betas: [0.5, 0.25] -> [0.5]",
          "extra: null -> {path: x, weight: 1, field: null}", "model.memory.value_width: null -> 8",
          "optim.lr: 0.0003 -> 0.001", "data.train.1.path: (absent) -> b",
          "data.train.1.weight: (absent) -> 1", "data.train.1.field: (absent) -> null",
          "data.valid.wiki.path: (absent) -> w", "data.valid.wiki.weight: (absent) -> 1",
          "data.valid.wiki.field: (absent) -> null"));
}

TEST(Get, FindsAnyDottedKey) {
  const Job run = full_job();
  EXPECT_EQ(get(run, "name"), "2024");
  EXPECT_EQ(get(run, "model.memory.top_k"), "32");
  EXPECT_EQ(get(run, "data.train.1.weight"), "0.3333333333333333");
  EXPECT_EQ(get(run, "data.valid.on.path"), "/x/y.tok");
  EXPECT_EQ(get(run, "data.grid.model.width"), "[64, {a: [1, \"2\"]}]");
  EXPECT_EQ(get(run, "betas"), "[0.5, 0.25]");
}

TEST(Get, UnknownKeysNameTheNearest) {
  const auto error = [](const std::string& key) -> std::string {
    try {
      return get(Job{}, key);
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::user);
      return e.what();
    }
  };
  EXPECT_EQ(error("optim.weight_deacy"),
            "unknown key optim.weight_deacy, did you mean optim.weight_decay?");
  EXPECT_EQ(error("top_k"), "unknown key top_k, did you mean model.memory.top_k?");
  EXPECT_THAT(error(""), testing::HasSubstr("the keys are name, seed"));
}

TEST(Keys, ListsEveryKeyWithItsGroups) {
  const std::vector<std::string> all = keys<Job>();
  EXPECT_THAT(all,
              testing::IsSupersetOf({"name", "model", "model.memory.gate", "data.train",
                                     "data.train.0.path", "data.valid.NAME.weight", "data.grid"}));
  EXPECT_EQ(all.size(), 11U + 2 + 6 + 5 + 3 + 3 * 3);
}

TEST(Markdown, TablesShowTypeDefaultUnitRulesAndDescription) {
  const std::string page = to_markdown<Job>("Options");
  EXPECT_EQ(page.substr(0, 10), "# Options\n");
  EXPECT_THAT(page, testing::HasSubstr("`64Ki` is 65536"));
  EXPECT_THAT(page, testing::HasSubstr(
                        "| `lr` | number | `0.0003` | 1/step | positive | peak learning rate |\n"));
  EXPECT_THAT(
      page, testing::HasSubstr(
                "| `gate` | none \\| silu \\| sigmoid | `silu` |  |  | what gates the output |\n"));
  EXPECT_THAT(
      page, testing::HasSubstr("| `path` | text | **required** |  | not empty | a token file |\n"));
  EXPECT_THAT(page,
              testing::HasSubstr("| `heads` | integer | `8` |  | from 1 to 64 | memory heads |\n"));
  EXPECT_THAT(page, testing::HasSubstr(
                        "| `layers` | list of integers | `[2, 4]` |  | not negative, not empty |"));
  EXPECT_THAT(page, testing::HasSubstr("| `value_width` | integer, or null | `null` |"));
  EXPECT_THAT(page, testing::HasSubstr("positive; may change on resume"));
  EXPECT_THAT(page, testing::HasSubstr("(below: `data.train.N`)"));
  EXPECT_THAT(page, testing::HasSubstr("\n## `data.valid.NAME`\n"));
  EXPECT_THAT(page, testing::HasSubstr("* `half_keys` must be at least `top_k`\n"));
}

}  // namespace
}  // namespace mneme
