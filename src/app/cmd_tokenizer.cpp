#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include <fmt/format.h>

#include "app/command.h"
#include "app/progress.h"
#include "app/text_arguments.h"
#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/text_file.h"
#include "text/bpe_train.h"
#include "text/tokenizer.h"

namespace mneme {
namespace {

struct TrainArguments {
  TextSelection text;
  BpeOptions options;
  std::filesystem::path output;
  bool overwrite = false;
};

struct CodeArguments {
  std::string tokenizer = "bytes";
  std::vector<std::string> words;  // encode: texts; decode: ids
  bool pieces = false;
};

int train_tokenizer(const TrainArguments& a) {
  require(!a.text.inputs.empty(), Fault::user,
          "there is no input; name text files or folders: mneme tokenizer train INPUT... --output "
          "{}",
          a.output.string());
  require(a.overwrite || !std::filesystem::exists(a.output), Fault::user,
          "{} exists; choose another --output, or replace it with --overwrite", a.output.string());
  TextIterator texts(a.text);
  std::int64_t text_bytes = 0;
  std::string model;
  {
    Progress bar("reading text");
    model = train_bpe(a.options, [&](std::string& text) {
      if (!texts.next(text)) return false;
      text_bytes += std::ssize(text);
      bar.update(texts.disk_bytes(), texts.disk_bytes_total(), bytes_text(text_bytes));
      return true;
    });
  }
  if (a.output.has_parent_path()) std::filesystem::create_directories(a.output.parent_path());
  write_text_atomically(a.output, model);
  const auto tokenizer = load_tokenizer(a.output.string());
  fmt::print("{}: {} tokens from {} of text, hash {}\n", a.output.string(), tokenizer->vocab_size(),
             bytes_text(text_bytes), hex(tokenizer->hash()));
  return 0;
}

std::string standard_input() {
  std::string text;
  std::array<char, 1 << 16> part{};
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), stdin)) {
    text.append(part.data(), n);
  }
  require(std::ferror(stdin) == 0, Fault::machine, "standard input cannot be read: {}",
          system_error_text());
  return text;
}

int encode(const CodeArguments& a) {
  const auto tokenizer = load_tokenizer(a.tokenizer);
  const auto texts = a.words.empty() ? std::vector{standard_input()} : a.words;
  for (const std::string& text : texts) {
    const auto ids = tokenizer->encode(text);
    std::string line;
    for (const std::int32_t id : ids) {
      if (!line.empty()) line += ' ';
      line += a.pieces ? tokenizer->piece(id) : fmt::format("{}", id);
    }
    fmt::print("{}\n", line);
  }
  return 0;
}

/// Ids that stand between spaces, line ends or commas.
std::vector<std::int32_t> parse_ids(const std::string& text, const Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids;
  const std::string separators = " \t\r\n,";
  for (std::size_t at = text.find_first_not_of(separators); at != std::string::npos;) {
    const std::size_t end = std::min(text.size(), text.find_first_of(separators, at));
    std::int32_t id = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, id);
    const bool is_id =
        error == std::errc() && stop == text.data() + end && id >= 0 && id < tokenizer.vocab_size();
    require(is_id, Fault::user, "\"{}\" is not a token id; this tokenizer has 0 to {}",
            text.substr(at, end - at), tokenizer.vocab_size() - 1);
    ids.push_back(id);
    at = text.find_first_not_of(separators, end);
  }
  return ids;
}

int decode(const CodeArguments& a) {
  const auto tokenizer = load_tokenizer(a.tokenizer);
  std::string words;
  for (const std::string& word : a.words) words += word + " ";
  const auto ids = parse_ids(a.words.empty() ? standard_input() : words, *tokenizer);
  std::string text = tokenizer->decode(ids);
  if (!a.words.empty()) text += '\n';
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

void add_tokenizer_train(CLI::App& tokenizer, Action& chosen) {
  auto a = std::make_shared<TrainArguments>();
  CLI::App* c = tokenizer.add_subcommand(
      "train", "a byte-pair encoding with byte fallback; equal text and options, equal file");
  add_text_arguments(*c, a->text);
  c->add_option("--output", a->output, "SentencePiece model to write")->required();
  c->add_option("--vocab-size", a->options.vocab_size,
                "tokens, with 256 for bytes and <unk>, <s>, </s>")
      ->capture_default_str();
  c->add_option("--character-coverage", a->options.character_coverage,
                "share of the text's characters that get tokens of their own")
      ->check(CLI::Range(0.9, 1.0))
      ->capture_default_str();
  c->add_flag("!--keep-numbers", a->options.split_digits,
              "numbers may be tokens; without it each digit is one");
  c->add_option("--max-text-bytes", a->options.max_text_bytes, "text beyond this is not looked at")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c->add_flag("--overwrite", a->overwrite, "replace an output that is there");
  c->footer("Example: mneme tokenizer train work/text --output work/bpe.model --vocab-size 8000");
  c->callback([a, &chosen] { chosen = [a] { return train_tokenizer(*a); }; });
}

void add_tokenizer_code(CLI::App& tokenizer, Action& chosen) {
  auto a = std::make_shared<CodeArguments>();
  CLI::App* e = tokenizer.add_subcommand(
      "encode", "text to token ids: one line per TEXT, or one line for all of standard input");
  e->add_option("TEXT", a->words, "none: standard input");
  e->add_flag("--pieces", a->pieces, "the tokens as text instead of their numbers");
  e->footer("Example: mneme tokenizer encode --tokenizer work/bpe.model \"A memory layer\"");
  CLI::App* d = tokenizer.add_subcommand("decode", "token ids to text");
  d->add_option("ID", a->words, "none: standard input");
  d->footer("Example: mneme tokenizer decode --tokenizer work/bpe.model 312 87 1024");
  for (CLI::App* c : {e, d}) {
    c->add_option("--tokenizer", a->tokenizer, "`bytes`, or a SentencePiece model")
        ->capture_default_str();
  }
  e->callback([a, &chosen] { chosen = [a] { return encode(*a); }; });
  d->callback([a, &chosen] { chosen = [a] { return decode(*a); }; });
}

}  // namespace

void add_tokenizer(CLI::App& app, Action& chosen) {
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "train a tokenizer; text to ids and back");
  tokenizer->require_subcommand(1);
  tokenizer->footer("Example: mneme tokenizer train --help");
  add_tokenizer_train(*tokenizer, chosen);
  add_tokenizer_code(*tokenizer, chosen);
}

}  // namespace mneme
