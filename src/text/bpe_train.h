#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace mneme {

/// What a SentencePiece model is trained with; everything else is fixed (see train_bpe).
struct BpeOptions {
  std::int64_t vocab_size = 32'000;           // pieces, with 256 byte tokens and <unk>, <s>, </s>
  double character_coverage = 0.9995;         // share of the text's characters that get own pieces
  bool split_digits = true;                   // each digit is a piece of its own
  std::int64_t max_text_bytes = 256'000'000;  // texts beyond this are not looked at
};

/// Gives the next text, or returns false at the end.
using NextText = std::function<bool(std::string&)>;

/// Trains a byte-pair encoding with SentencePiece's library and returns the bytes of its model
/// file. Byte fallback, no normalisation, no added prefix: decode(encode(x)) == x. Ids: <unk> 0,
/// <s> 1, </s> 2 (EOS), the 256 bytes 3 to 258, pieces after them. Texts are cut at line ends and,
/// where a line is long, at spaces; pieces never cross either. The same texts give the same bytes.
/// Holds max_text_bytes and several times as much beside it in memory.
/// Fault::data: no text, or too little for this many pieces.
std::string train_bpe(const BpeOptions& options, const NextText& next_text);

}  // namespace mneme
