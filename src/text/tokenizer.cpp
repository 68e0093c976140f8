#include "text/tokenizer.h"

#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/hash.h"
#include "text/byte_tokenizer.h"
#include "text/sentencepiece_tokenizer.h"

namespace mneme {

std::uint64_t Tokenizer::hash() const {
  return hash64(model(), hash64(kind()));
}

std::unique_ptr<Tokenizer> make_tokenizer(std::string_view kind,
                                          std::string model,
                                          const std::string& where) {
  if (kind == "bytes") return std::make_unique<ByteTokenizer>();
  require(kind == "sentencepiece", Fault::data,
          "{} names a tokenizer of kind '{}'; this version knows sentencepiece and bytes", where,
          kind);
  return std::make_unique<SentencePieceTokenizer>(std::move(model), where);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& bytes_or_path) {
  if (bytes_or_path == "bytes") return std::make_unique<ByteTokenizer>();
  require(std::filesystem::is_regular_file(bytes_or_path), Fault::user,
          "there is no tokenizer file '{}'; name a SentencePiece model (made by `mneme tokenizer "
          "train`), or `bytes`",
          bytes_or_path);
  std::ifstream file(bytes_or_path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  require(file.good() || file.eof(), Fault::machine, "the tokenizer file '{}' could not be read",
          bytes_or_path);
  return make_tokenizer("sentencepiece", std::move(bytes).str(), bytes_or_path);
}

}  // namespace mneme
