#include "text/bpe_train.h"

#include <exception>
#include <unordered_map>

#include <sentencepiece_trainer.h>

#include "base/check.h"

namespace mneme {
namespace {

constexpr std::size_t longest_sentence = 4096;  // bytes

/// Hands texts to the trainer line by line.
class Sentences final : public sentencepiece::SentenceIterator {
 public:
  Sentences(const NextText& next_text, std::int64_t max_bytes)
      : next_text_(next_text), bytes_left_(max_bytes) {
    advance();
  }
  bool done() const override { return done_; }
  void Next() override { advance(); }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }
  /// What next_text threw; the trainer's code is not asked to pass exceptions on.
  std::exception_ptr error() const { return error_; }
  bool any() const { return any_; }

 private:
  void advance() {
    do {
      if (at_ >= text_.size() && !load()) {
        done_ = true;
        return;
      }
      cut();
    } while (sentence_.empty());
    any_ = true;
  }

  bool load() {
    if (bytes_left_ <= 0) return false;
    try {
      if (!next_text_(text_)) return false;
    } catch (...) {
      error_ = std::current_exception();
      return false;
    }
    at_ = 0;
    bytes_left_ -= static_cast<std::int64_t>(text_.size());
    return true;
  }

  void cut() {
    std::size_t end = text_.find('\n', at_);
    if (end == std::string::npos) end = text_.size();
    std::size_t next = end + 1;
    if (end - at_ > longest_sentence) {
      end = text_.rfind(' ', at_ + longest_sentence);
      if (end == std::string::npos || end <= at_) {
        end = at_ + longest_sentence;
        while (end > at_ + 1 && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80U) --end;
      }
      next = end;
    }
    sentence_.assign(text_, at_, end - at_);
    at_ = next;
  }

  const NextText& next_text_;
  std::int64_t bytes_left_;
  std::string text_;
  std::size_t at_ = 0;
  std::string sentence_;
  bool done_ = false;
  bool any_ = false;
  std::exception_ptr error_;
};

std::string flag(bool value) {
  return value ? "true" : "false";
}

}  // namespace

std::string train_bpe(const BpeOptions& options, const NextText& next_text) {
  constexpr std::int64_t reserved = 3 + 256;
  require(
      options.vocab_size > reserved, Fault::user,
      "vocab_size = {} is too small: {} tokens are the bytes and <unk>, <s>, </s>; ask for more",
      options.vocab_size, reserved);
  Sentences sentences(next_text, options.max_text_bytes);
  if (sentences.error()) std::rethrow_exception(sentences.error());
  require(sentences.any(), Fault::data,
          "there is no text to train a tokenizer on: every input is empty");
  // num_threads is written into the model, so it is a constant: the bytes may not depend on the
  // machine. The result does not depend on it.
  const std::unordered_map<std::string, std::string> arguments = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"split_digits", flag(options.split_digits)},
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"max_sentence_length", std::to_string(2 * longest_sentence)},
      {"num_threads", "4"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"minloglevel", "3"},
  };
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &sentences, &model);
  if (sentences.error()) std::rethrow_exception(sentences.error());
  require(status.ok() && !model.empty(), Fault::data,
          "a tokenizer of {} pieces could not be trained on this text (the library says: {}); give "
          "more text, or ask for fewer pieces",
          options.vocab_size, status.ToString());
  return model;
}

}  // namespace mneme
