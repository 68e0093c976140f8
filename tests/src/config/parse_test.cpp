#include "config/parse.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using example::Gate;
using example::Job;
using example::Source;

TEST(Parse, EmptyTextGivesTheDefaults) {
  EXPECT_EQ(parse_text<Job>("", "none"), Job{});
  EXPECT_EQ(parse_text<Job>("# only a comment\n", "none"), Job{});
  EXPECT_EQ(parse_text<Job>("optim:\nmodel: {}\n", "none"), Job{});
}

TEST(Parse, EveryKindOfField) {
  const Job run = parse_text<Job>(
      "name: \"2024\"\nseed: 18446744073709551615\ndocument_mask: false\nstop_after: 2h30m\nbetas: "
      "[0.1, 1]\n"
      "flags: [true, false]\nextra: {path: c/d.tok}\noptim: {lr: 3e-3, warmup: 0.5M}\n"
      "model:\n  width: 1Ki\n  memory:\n    gate: none\n    value_width: 64\n    layers: [1]\n"
      "data:\n  train:\n  - {path: a, weight: 2}\n  - path: b\n    field: text\n"
      "  valid:\n    wiki: {path: w}\n    \"2\": {path: v}\n  grid:\n    model.width: [64, 1Ki, "
      "{a: \"1\"}]\n",
      "run.yaml");
  EXPECT_EQ(run.name, "2024");
  EXPECT_EQ(run.seed, 18446744073709551615U);
  EXPECT_FALSE(run.document_mask);
  EXPECT_EQ(run.stop_after, Duration{9000});
  EXPECT_EQ(run.log_every, Duration{10});
  EXPECT_THAT(run.betas, testing::ElementsAre(0.1, 1.0));
  EXPECT_THAT(run.flags, testing::ElementsAre(true, false));
  EXPECT_EQ(run.extra, (Source{.path = "c/d.tok"}));
  EXPECT_EQ(run.optim.lr, 3e-3);
  EXPECT_EQ(run.optim.warmup, 500000);
  EXPECT_EQ(run.model.width, 1024);
  EXPECT_EQ(run.model.memory.heads, 8);  // the parent's default, not the struct's own
  EXPECT_EQ(run.model.memory.gate, Gate::none);
  EXPECT_EQ(run.model.memory.value_width, 64);
  EXPECT_THAT(run.model.memory.layers, testing::ElementsAre(1));
  ASSERT_EQ(run.data.train.size(), 2U);
  EXPECT_EQ(run.data.train[0], (Source{.path = "a", .weight = 2}));
  EXPECT_EQ(run.data.train[1].field, "text");
  ASSERT_EQ(run.data.valid.size(), 2U);
  EXPECT_EQ(run.data.valid[1].first, "2");
  EXPECT_EQ(run.data.valid[1].second.path, "v");
  ASSERT_EQ(run.data.grid.size(), 1U);
  EXPECT_EQ(run.data.grid[0].first, "model.width");
  EXPECT_THAT(run.data.grid[0].second,
              testing::ElementsAre(Verbatim{"64"}, Verbatim{"1Ki"}, Verbatim{"{a: \"1\"}"}));
}

TEST(Parse, AnchorsAndBlockTextAreRead) {
  const Job run =
      parse_text<Job>("name: |-\n  2024\ndata:\n  train: [&a {path: x}, *a]\n", "run.yaml");
  EXPECT_EQ(run.name, "2024");
  EXPECT_THAT(run.data.train, testing::ElementsAre(Source{.path = "x"}, Source{.path = "x"}));
}

TEST(Parse, OverridesComeLastAndReachIntoLists) {
  const std::string text = "optim: {lr: 1, beta1: 0.5}\ndata: {train: [{path: a}, {path: b}]}\n";
  const Job run = parse_text<Job>(text, "run.yaml",
                                  {"optim.lr=2", "optim.lr=5e-5", "data.train.1.weight=3",
                                   "model.memory={heads: 2, gate: sigmoid}", "model.memory.heads=4",
                                   "betas=[0.25]", "name=a=b", "extra.path=p"});
  EXPECT_EQ(run.optim.lr, 5e-5);
  EXPECT_EQ(run.optim.beta1, 0.5);
  EXPECT_EQ(run.data.train[0].weight, 1);
  EXPECT_EQ(run.data.train[1].weight, 3);
  EXPECT_EQ(run.data.train[1].path, "b");
  EXPECT_EQ(run.model.memory.gate, Gate::sigmoid);
  EXPECT_EQ(run.model.memory.heads, 4);
  EXPECT_THAT(run.betas, testing::ElementsAre(0.25));
  EXPECT_EQ(run.name, "a=b");
  EXPECT_EQ(run.extra->path, "p");
  EXPECT_EQ(key_of_override("a.b=c=d"), "a.b");
}

TEST(Parse, OverridesReachIntoListsThatAreOnlyDefaults) {
  const Job run =
      parse_text<Job>("", "run.yaml", {"data.train.0.weight=2", "model.memory.layers.1=7"});
  EXPECT_EQ(run.data.train[0], (Source{.path = "tiny.tok", .weight = 2}));
  EXPECT_THAT(run.model.memory.layers, testing::ElementsAre(2, 7));
}

TEST(Parse, AnOverrideCanUnsetAnOptionalGroup) {
  EXPECT_EQ(parse_text<Job>("extra: {path: x}", "run.yaml", {"extra=null"}).extra, std::nullopt);
}

/// A folder of config files that goes away with the test.
class Files : public testing::Test {
 protected:
  Files() {
    std::string name = (fs::temp_directory_path() / "mneme_config_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  /// The errors of reading `file`, with this folder's name taken out.
  std::string errors(const fs::path& file, const std::vector<std::string>& overrides = {}) const {
    try {
      parse<Job>(file, overrides);
      return "";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::user);
      std::string text = e.what();
      const std::string folder = folder_.string() + "/";
      for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
        text.erase(at, folder.size());
      }
      return text;
    }
  }
  fs::path folder_;
};

TEST_F(Files, AFileBuildsOnAnotherInAnyFolder) {
  write("paper/base.yaml",
        "optim: {lr: 1, beta1: 0.5}\nbetas: [0.1, 0.2]\nname: base\ndata: {valid: {wiki: {path: "
        "w}}}\n");
  write("paper/big.yaml", "base: base.yaml\noptim:\n  lr: 2\n");
  const fs::path file = write(
      "tiny/run.yaml",
      "base: ../paper/big.yaml\nbetas: [0.3]\nname: run\ndata: {valid: {books: {path: b}}}\n");
  const Job run = parse<Job>(file, {"optim.warmup=7"});
  EXPECT_EQ(run.optim.lr, 2);
  EXPECT_EQ(run.optim.beta1, 0.5);
  EXPECT_EQ(run.optim.warmup, 7);
  EXPECT_THAT(run.betas, testing::ElementsAre(0.3));
  EXPECT_EQ(run.name, "run");
  EXPECT_EQ(run.data.valid.size(), 2U);
}

TEST_F(Files, AGroupWhoseKeysAreAllCommentedOutKeepsThoseOfItsBase) {
  write("base.yaml", "optim: {lr: 2}\nbetas: [0.1]\n");
  const Job job = parse<Job>(write("run.yaml", "base: base.yaml\noptim:\n#  lr: 3\n"));
  EXPECT_EQ(job.optim.lr, 2);
}

TEST_F(Files, ErrorsPointToTheFileThatHoldsTheValue) {
  write("base.yaml", "\noptim:\n  lr: -1\n  beta1: 0.99\n  typo: 1\n");
  const fs::path file = write("run.yaml", "base: base.yaml\n\noptim:\n  beta1: 2\nnmae: x\n");
  EXPECT_EQ(errors(file),
            "base.yaml:3: optim.lr = -1 is not allowed: must be positive\n"
            "base.yaml:5: unknown key optim.typo; the keys of optim are lr, beta1, beta2, "
            "weight_decay, warmup\n"
            "run.yaml:4: optim.beta1 = 2 is not allowed: must be less than 1\n"
            "run.yaml:5: unknown key nmae, did you mean name?");
}

TEST_F(Files, FilesThatCannotBeReadAreNamed) {
  EXPECT_EQ(errors(folder_ / "none.yaml"), "none.yaml: there is no such file");
  fs::create_directories(folder_ / "dir.yaml");
  EXPECT_EQ(errors(folder_ / "dir.yaml"), "dir.yaml: is a folder, not a config file");
  EXPECT_EQ(
      errors(write("list.yaml", "- a\n- b\n")),
      "list.yaml:1: a config consists of lines `key: value`, this is a list or a single value");
  EXPECT_EQ(errors(write("bad.yaml", "name: a\n\tseed: 1\n")).substr(0, 37),
            "bad.yaml:2: this is not valid YAML: i");
  EXPECT_EQ(errors(write("base_missing.yaml", "name: a\nbase: sub/none.yaml\n")),
            "base_missing.yaml:2: base = sub/none.yaml is not allowed: there is no such file "
            "(sub/none.yaml)");
  EXPECT_EQ(errors(write("base_list.yaml", "base: [a, b]\n")),
            "base_list.yaml:1: base = [a, b] is not allowed: must be the path of a file, relative "
            "to this one");
  EXPECT_EQ(errors(write("base_empty.yaml", "base:\n")),
            "base_empty.yaml:1: base = \"\" is not allowed: must be the path of a file, relative "
            "to this one");
}

TEST_F(Files, FilesThatBuildOnEachOtherAreRefused) {
  write("a.yaml", "base: b.yaml\n");
  write("b.yaml", "base: sub/../a.yaml\n");
  fs::create_directories(folder_ / "sub");
  EXPECT_EQ(errors(folder_ / "a.yaml"),
            "b.yaml:1: base = sub/../a.yaml is not allowed: the files build on each other: a.yaml "
            "-> b.yaml -> a.yaml");
}

struct Sweep {
  std::string base;
  static void describe(Schema<Sweep>& s) {
    s.field("base", &Sweep::base, "", "the config that is varied", required());
  }
};

TEST_F(Files, AConfigThatDescribesBaseItselfKeepsTheKey) {
  EXPECT_EQ(parse<Sweep>(write("sweep.yaml", "base: ../tiny/dense.yaml\n")).base,
            "../tiny/dense.yaml");
}

}  // namespace
}  // namespace mneme
