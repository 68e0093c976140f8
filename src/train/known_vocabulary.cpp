#include "train/known_vocabulary.h"

#include <fmt/format.h>

#include "base/amount.h"
#include "data/data_files.h"
#include "data/token_file.h"
#include "text/tokenizer.h"

namespace mneme {
namespace {

/// The key of the file that tells the vocabulary.
std::string_view telling_key(const DataConfig& data) {
  return data.tokenizer.empty() ? "data.train.0.files.0" : "data.tokenizer";
}

}  // namespace

RunConfig with_known_vocabulary(RunConfig c) {
  if (c.model.vocabulary > 0) return c;
  require_files(c.data, {telling_key(c.data)});
  if (!c.data.tokenizer.empty()) {
    c.model.vocabulary = load_tokenizer(c.data.tokenizer)->vocab_size();
  } else if (!c.data.train.empty()) {
    c.model.vocabulary = TokenFile(c.data.train.front().files.front()).info().vocab_size;
  }
  require(
      c.model.vocabulary > 0, Fault::user,
      "the vocabulary is not known: set model.vocabulary, or data.tokenizer to a tokenizer's file");
  return c;
}

RunConfig with_assumed_vocabulary(RunConfig c, const std::function<void(std::string)>& told) {
  const std::vector<AbsentFile> absent = absent_files(c.data, {telling_key(c.data)});
  if (c.model.vocabulary > 0 || absent.empty()) return with_known_vocabulary(std::move(c));
  c.model.vocabulary = stand_in_vocabulary;
  told(fmt::format("a vocabulary of {} tokens is assumed, as {}; hint: --set model.vocabulary=N",
                   thousands(stand_in_vocabulary), absent.front().line()));
  return c;
}

}  // namespace mneme
