#include "text/sentencepiece_tokenizer.h"

#include <utility>

#include <sentencepiece_processor.h>

#include "base/check.h"
#include "text/utf8.h"

namespace mneme {
namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581 stands for a space in pieces

std::string with_spaces(std::string_view piece) {
  std::string text;
  for (std::size_t at = 0; at < piece.size();) {
    if (piece.substr(at).starts_with(space_mark)) {
      text += ' ';
      at += space_mark.size();
    } else {
      text += piece[at++];
    }
  }
  return text;
}

/// The byte that "<0x0A>" names.
unsigned char named_byte(const std::string& piece) {
  return static_cast<unsigned char>(std::stoi(piece.substr(3, 2), nullptr, 16));
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string model, const std::string& where)
    : model_(std::move(model)),
      processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
  const auto status = processor_->LoadFromSerializedProto(model_);
  require(status.ok() && !model_.empty(), Fault::data,
          "{} is not a SentencePiece model ({} bytes; the library says: {}); make one with "
          "`mneme tokenizer train`, or name `bytes`",
          where, model_.size(), status.ToString());
  require(processor_->eos_id() >= 0, Fault::data,
          "{} has no end-of-sentence token, which every document must end with; train the model "
          "with an eos_id",
          where);
  byte_ids_.fill(processor_->unk_id());
  const int size = processor_->GetPieceSize();
  bytes_of_.resize(static_cast<std::size_t>(size));
  for (int id = 0; id < size; ++id) {
    std::string& bytes = bytes_of_[static_cast<std::size_t>(id)];
    const std::string& name = processor_->IdToPiece(id);
    if (processor_->IsByte(id)) {
      bytes = static_cast<char>(named_byte(name));
      byte_ids_[named_byte(name)] = id;
    } else if (processor_->IsUnknown(id)) {
      bytes = "\xEF\xBF\xBD";
    } else if (!processor_->IsControl(id)) {
      bytes = with_spaces(name);
    }
  }
  const std::vector<std::int32_t> probe = encode("a");
  adds_space_ = !probe.empty() && bytes_of_[static_cast<std::size_t>(probe[0])].starts_with(' ');
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

std::int32_t SentencePieceTokenizer::vocab_size() const {
  return processor_->GetPieceSize();
}
std::int32_t SentencePieceTokenizer::eos() const {
  return processor_->eos_id();
}

std::optional<std::int32_t> SentencePieceTokenizer::unknown() const {
  return processor_->unk_id() < 0 ? std::nullopt : std::optional(processor_->unk_id());
}

void SentencePieceTokenizer::append_plain(std::string_view text,
                                          std::vector<std::int32_t>& ids) const {
  if (text.empty()) return;
  std::vector<int> part;
  const auto status = processor_->Encode({text.data(), text.size()}, &part);
  require(status.ok(), Fault::data, "SentencePiece could not encode {} bytes of text: {}",
          text.size(), status.ToString());
  ids.insert(ids.end(), part.begin(), part.end());
}

void SentencePieceTokenizer::append_bytes(std::string_view bytes,
                                          std::vector<std::int32_t>& ids) const {
  for (const char c : bytes) ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
}

std::vector<std::int32_t> SentencePieceTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  std::size_t begin = 0;  // of the run that goes to the library
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t n = utf8_character(text.substr(at));
    if (n > 0 && text.substr(at, n) != space_mark) {
      at += n;
      continue;
    }
    const std::size_t odd = n == 0 ? 1 : n;
    append_plain(text.substr(begin, at - begin), ids);
    append_bytes(text.substr(at, odd), ids);
    at += odd;
    begin = at;
  }
  append_plain(text.substr(begin), ids);
  return ids;
}

std::string SentencePieceTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (const std::int32_t id : ids) {
    require(id >= 0 && id < vocab_size(), Fault::data,
            "token id {} is outside the tokenizer's vocabulary of {} pieces", id, vocab_size());
    text += bytes_of_[static_cast<std::size_t>(id)];
  }
  if (adds_space_ && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string SentencePieceTokenizer::piece(std::int32_t id) const {
  require(id >= 0 && id < vocab_size(), Fault::data,
          "token id {} is outside the tokenizer's vocabulary of {} pieces", id, vocab_size());
  return processor_->IdToPiece(id);
}

}  // namespace mneme
