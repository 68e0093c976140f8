#include "train/known_vocabulary.h"

#include "data/token_file.h"
#include "text/tokenizer.h"

namespace mneme {

RunConfig with_known_vocabulary(RunConfig c) {
  if (c.model.vocabulary > 0) return c;
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

}  // namespace mneme
