#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/prepare.h"
#include "text/tokenizer.h"

namespace mneme {

/// What turning records into tokens needs to know. Constant; used by several threads.
struct TokeniseRules {
  const Tokenizer* tokenizer = nullptr;
  std::string field;
  MalformedText malformed = MalformedText::replace;
  bool skip_bad_json = false;
  double validation_fraction = 0;
  std::vector<std::string> file_names;  // for errors
};

/// A run of a document's tokens: the whole document, or a piece of it.
struct TokenisedPiece {
  bool is_validation = false;
  bool is_last = true;  // EOS is among the tokens
  std::int64_t tokens = 0;
  std::int64_t text_bytes = 0;
};

struct TokenisedBatch {
  std::vector<std::int32_t> tokens;  // of all pieces
  std::vector<TokenisedPiece> pieces;
  PrepareCounts counts;
  std::string first_keys;  // of the first JSON line without the field
};

/// A pure function of its arguments. Errors as prepare_text.
TokenisedBatch tokenise_batch(const TokeniseRules& rules, std::vector<TextRecord> records);

}  // namespace mneme
