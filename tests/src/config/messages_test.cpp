#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

#include "example.h"

namespace mneme {
namespace {

using example::Job;

/// what() of the error that reading `text` as run.yaml gives, or "" if there is none.
std::string errors(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_text<Job>(text, "run.yaml", overrides);
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::user);
    return e.what();
  }
}

TEST(Messages, RuleAcrossFieldsNamesTheOtherKeyAndHints) {
  EXPECT_EQ(errors(std::string(28, '\n') + "model:\n  memory:\n    half_keys: 20\n"),
            "run.yaml:31: model.memory.half_keys = 20 is not allowed: must be at least "
            "model.memory.top_k = 32\n"
            "  hint: with half_keys: 32 the pool has 32^2 = 1,024 rows");
}

TEST(Messages, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(errors(std::string(10, '\n') + "optim:\n  weight_deacy: 0.1\n"),
            "run.yaml:12: unknown key optim.weight_deacy, did you mean optim.weight_decay?");
}

TEST(Messages, RuleThatIsAnInequalityListsTheOtherValues) {
  EXPECT_EQ(errors("optim:\n  beta1: 0.99\n"),
            "run.yaml:2: optim.beta1 = 0.99 is not allowed: wanted beta1 < beta2, found "
            "optim.beta2 = 0.95");
}

TEST(Messages, RuleAcrossFieldsPointsToTheFieldThatWasWritten) {
  EXPECT_EQ(errors("optim:\n  lr: 1\n  beta2: 0.5\n"),
            "run.yaml:3: optim.beta1 = 0.9 is not allowed: wanted beta1 < beta2, found optim.beta2 "
            "= 0.5");
  EXPECT_EQ(
      errors("\nmodel:\n  memory:\n    heads: 64\n  width: 256"),
      "run.yaml:5: model.width = 256 is not allowed: wanted width / memory.heads is at least 8, "
      "found model.memory.heads = 64");
}

TEST(Messages, UnknownKeyElsewhereAndFarFromEverything) {
  EXPECT_EQ(errors("weight_decay: 0\n"),
            "run.yaml:1: unknown key weight_decay, did you mean optim.weight_decay?");
  EXPECT_EQ(errors("optm:\n  lr: 1\n"), "run.yaml:1: unknown key optm, did you mean optim?");
  EXPECT_EQ(errors("optim:\n  zzzzzz: 1\n"),
            "run.yaml:2: unknown key optim.zzzzzz; the keys of optim are lr, beta1, beta2, "
            "weight_decay, warmup");
  EXPECT_EQ(errors("data:\n  train:\n    - path: a\n      wieght: 1\n"),
            "run.yaml:4: unknown key data.train.0.wieght, did you mean data.train.0.weight?");
}

TEST(Messages, AllMistakesAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(
      errors("optim:\n  warmup: 0.5\n  lr: -1\nname: 2024\nmodel:\n  width: 100\n  memory: {gate: "
             "relu}\nsede: 1\n",
             {"seed=-1", "optim.lr=fast"}),
      "run.yaml:2: optim.warmup = 0.5 is not allowed: must be an integer\n"
      "run.yaml:4: name = 2024 is not allowed: must be text, in quotes if it is meant: \"2024\"\n"
      "run.yaml:6: model.width = 100 is not allowed: must be a multiple of 8\n"
      "run.yaml:7: model.memory.gate = relu is not allowed: must be one of none | silu | sigmoid\n"
      "run.yaml:8: unknown key sede, did you mean seed?\n"
      "--set seed=-1: seed = -1 is not allowed: must be from 0 to 18446744073709551615\n"
      "--set optim.lr=fast: optim.lr = fast is not allowed: must be a number such as 3e-4, "
      "128_000, 0.5M or 64Ki");
}

TEST(Messages, EachWrongTypeSaysWhatIsWanted) {
  EXPECT_EQ(errors("document_mask: yes"),
            "run.yaml:1: document_mask = yes is not allowed: must be true or false");
  EXPECT_EQ(
      errors("document_mask: \"true\""),
      "run.yaml:1: document_mask = \"true\" is not allowed: must be true or false, without quotes");
  EXPECT_EQ(errors("optim: {lr: '1'}"),
            "run.yaml:1: optim.lr = \"1\" is not allowed: must be a number, without quotes");
  EXPECT_EQ(errors("optim: {lr: [1]}"),
            "run.yaml:1: optim.lr = [1] is not allowed: must be a number");
  EXPECT_EQ(errors("optim: 5"),
            "run.yaml:1: optim = 5 is not allowed: must be a group of keys: lr, beta1, beta2, "
            "weight_decay, warmup");
  EXPECT_EQ(
      errors("betas: 0.5"),
      "run.yaml:1: betas = 0.5 is not allowed: must be a list of numbers, [] if it is to be empty");
  EXPECT_EQ(errors("betas:"),
            "run.yaml:1: betas has no value: must be a list of numbers, [] if it is to be empty");
  EXPECT_EQ(errors("seed:\nname: x"), "run.yaml:1: seed has no value: must be an integer");
  EXPECT_EQ(errors("name:"), "run.yaml:1: name has no value: must be text (\"\" for none)");
  EXPECT_EQ(
      errors("name: off"),
      "run.yaml:1: name = off is not allowed: must be text, in quotes if it is meant: \"off\"");
  EXPECT_EQ(errors("stop_after: 90"),
            "run.yaml:1: stop_after = 90 is not allowed: must be a duration such as 90s, 2h30m or "
            "1.5h: the unit is missing");
  EXPECT_EQ(errors("data: {valid: [a]}"),
            "run.yaml:1: data.valid = [a] is not allowed: must be a map of names to groups");
  EXPECT_EQ(errors("optim: {warmup: 1e30}"),
            "run.yaml:1: optim.warmup = 1e30 is not allowed: must fit into 64 bits");
  EXPECT_EQ(
      errors("model: {memory: {heads: 3B}}"),
      "run.yaml:1: model.memory.heads = 3B is not allowed: must be from -2147483648 to 2147483647");
}

TEST(Messages, RulesOnElementsOptionalsAndDefaults) {
  EXPECT_EQ(errors("betas:\n- 0.5\n- 1.5\n"),
            "run.yaml:3: betas.1 = 1.5 is not allowed: must be from 0 to 1");
  EXPECT_EQ(errors("model:\n  memory:\n    layers: []\n"),
            "run.yaml:3: model.memory.layers = [] is not allowed: must not be empty");
  EXPECT_EQ(errors("model: {memory: {layers: [-1]}}"),
            "run.yaml:1: model.memory.layers.0 = -1 is not allowed: must not be negative");
  EXPECT_EQ(errors("model: {memory: {value_width: 12}}"),
            "run.yaml:1: model.memory.value_width = 12 is not allowed: must be a multiple of 8");
  EXPECT_EQ(errors("model: {memory: {value_width: null}}"), "");
  EXPECT_EQ(errors("name: \"\""), "run.yaml:1: name = \"\" is not allowed: must not be empty");
  EXPECT_EQ(errors("optim:\n  lr: 0"), "run.yaml:2: optim.lr = 0 is not allowed: must be positive");
  EXPECT_EQ(errors("optim:\n  beta2: 1"),
            "run.yaml:2: optim.beta2 = 1 is not allowed: must be less than 1");
  EXPECT_EQ(errors("stop_after: 0s"),
            "run.yaml:1: stop_after = 0s is not allowed: must be positive");
  EXPECT_EQ(
      errors("data:\n  valid:\n    wiki: {path: w}\n    books:\n      path: b\n      weight: -1\n"),
      "run.yaml:6: data.valid.books.weight = -1 is not allowed: must be positive");
}

TEST(Messages, ARequiredKeyIsAskedForWhereItsGroupStands) {
  EXPECT_EQ(errors("data:\n  train:\n    - weight: 2\n"),
            "run.yaml:3: data.train.0.path is missing and has no default: a token file");
  EXPECT_EQ(errors("extra: {}"),
            "run.yaml:1: extra.path is missing and has no default: a token file");
}

TEST(Messages, DuplicateKeysNameBothLines) {
  EXPECT_EQ(errors("optim:\n  lr: 1\n  beta1: 0\n  lr: 2\noptim:\n  lr: 3\n"),
            "run.yaml:4: optim.lr is given twice, first in line 2\n"
            "run.yaml:5: optim is given twice, first in line 1");
}

TEST(Messages, YamlThatIsNotYaml) {
  EXPECT_EQ(errors("name: a\noptim: {lr: 1\nseed: 2\n"),
            "run.yaml:3: this is not valid YAML: end of map flow not found");
  EXPECT_EQ(errors("name: a\n---\nname: b\n"),
            "run.yaml:1: holds several YAML documents (---), of which only one is read");
  EXPECT_EQ(errors("x: &x {lr: 1}\noptim:\n  <<: *x\n"),
            "run.yaml:1: unknown key x; the keys are name, seed, document_mask, stop_after, "
            "log_every, betas, flags, extra, "
            "model, optim, data\n"
            "run.yaml:3: the YAML merge key << is not read here: build on another file with base:");
  EXPECT_EQ(
      errors("seed: !!int 5"),
      "run.yaml:1: the YAML tag tag:yaml.org,2002:int is not read here: write the plain value");
  EXPECT_EQ(errors("? [a]\n: 1\n"), "run.yaml:1: a key must be a plain word");
}

TEST(Messages, AnOverrideThatBreaksARuleIsThePlace) {
  const std::string file = "optim:\n  beta1: 0.5\n  beta2: 0.6\n";
  EXPECT_EQ(errors(file, {"optim.beta2=0.4"}),
            "--set optim.beta2=0.4: optim.beta1 = 0.5 is not allowed: wanted beta1 < beta2, found "
            "optim.beta2 = 0.4");
  EXPECT_EQ(errors(file, {"optim={beta1: 0.7}", "optim.beta2=0.4"}),
            "--set optim={beta1: 0.7}: optim.beta1 = 0.7 is not allowed: wanted beta1 < beta2, "
            "found optim.beta2 = 0.4");
}

TEST(Messages, OverridesThatCannotBeMeant) {
  EXPECT_EQ(errors("", {"optim.lr"}),
            "--set optim.lr: must have the form key=value, such as --set optimizer.lr=3e-4");
  EXPECT_EQ(errors("", {"=5"}),
            "--set =5: must have the form key=value, such as --set optimizer.lr=3e-4");
  EXPECT_EQ(errors("", {"optim..lr=5"}),
            "--set optim..lr=5: optim..lr is not a key: it has an empty part");
  EXPECT_EQ(errors("", {"optim.lr=[1"}),
            "--set optim.lr=[1: this is not valid YAML: end of sequence flow not found");
  EXPECT_EQ(errors("", {"optim.weight_deacy=1"}),
            "--set optim.weight_deacy=1: unknown key optim.weight_deacy, did you mean "
            "optim.weight_decay?");
  EXPECT_EQ(errors("optim: {lr: 1}", {"optim.lr.x=1"}),
            "--set optim.lr.x=1: optim.lr = 1 is a single value, it has no key x");
  EXPECT_EQ(errors("", {"data.train.1.weight=2"}),
            "--set data.train.1.weight=2: data.train has no element 1: it is a list of 1, counted "
            "from 0");
  EXPECT_EQ(errors("", {"data.train.x.weight=2"}),
            "--set data.train.x.weight=2: data.train has no element x: it is a list of 1, counted "
            "from 0");
  EXPECT_EQ(errors("", {"name=2024"}),
            "--set name=2024: name = 2024 is not allowed: must be text, in quotes if it is meant: "
            "\"2024\"");
  EXPECT_EQ(errors("", {"name="}), "--set name=: name has no value: must be text (\"\" for none)");
}

}  // namespace
}  // namespace mneme
