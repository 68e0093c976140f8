#include "data/data_config.h"

#include "base/check.h"
#include "base/hash.h"

namespace mneme {

std::vector<TrainingSource> training_sources(const DataConfig& config) {
  require(!config.train.empty(), Fault::user,
          "data.train names no source; add one: {{name: text, files: [text.h5]}}");
  std::vector<TrainingSource> sources;
  for (const SourceConfig& s : config.train) {
    sources.push_back({s.name, s.weight, {s.files.begin(), s.files.end()}});
  }
  return sources;
}

void check_tokenizer(const DataConfig& config, const TokenFileInfo& tokens) {
  if (config.tokenizer.empty()) return;
  const auto tokenizer = load_tokenizer(config.tokenizer);
  require(
      tokenizer->hash() == tokens.tokenizer_hash, Fault::user,
      "data.tokenizer = {} is {} with {} tokens (hash {}), but the token files were made with {} "
      "of {} tokens (hash {}); name the tokenizer they were made with, or prepare them again",
      config.tokenizer, tokenizer->kind(), tokenizer->vocab_size(), hex(tokenizer->hash()),
      tokens.tokenizer_kind, tokens.vocab_size, hex(tokens.tokenizer_hash));
}

}  // namespace mneme
