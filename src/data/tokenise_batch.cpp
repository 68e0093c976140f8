#include "data/tokenise_batch.h"

#include <cmath>
#include <span>

#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "text/utf8.h"

namespace mneme {
namespace {

/// Whether a document belongs to validation: its hash, hashed again, as a fraction of 2^64.
bool is_validation(std::uint64_t document_hash, double fraction) {
  const std::uint64_t h = hash64(std::as_bytes(std::span(&document_hash, 1)), 1);
  return std::ldexp(static_cast<double>(h), -64) < fraction;
}

bool is_white(const std::string& text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
}

class BatchWork {
 public:
  explicit BatchWork(const TokeniseRules& rules) : rules_(rules), json_(rules.field) {}

  void add(TextRecord& record) {
    const std::uint64_t raw_hash = record.document_hash;
    mend(record);
    if (record.format == TextFormat::json_lines) {
      add_json(record);
    } else if (record.is_first && record.is_last && is_white(record.text)) {
      ++out_.counts.empty_documents;
    } else {
      add_piece(record.text, is_validation(raw_hash, rules_.validation_fraction), record.is_last);
    }
  }
  TokenisedBatch take() { return std::move(out_); }

 private:
  std::string place(const TextRecord& record) const {
    const std::string& name = rules_.file_names.at(size_of(record.file));
    return record.line > 0 ? fmt::format("{}:{}", name, record.line) : name;
  }

  void mend(TextRecord& record) {
    const std::size_t good = utf8_prefix(record.text);
    const std::int64_t bad = replace_malformed_utf8(record.text);
    if (bad == 0) return;
    require(rules_.malformed == MalformedText::replace, Fault::data,
            "{}: {} not UTF-8, the first at byte {} of {}; convert the file, or have such "
            "bytes replaced: --malformed replace",
            place(record), counted(bad, "byte is", "bytes are"),
            record.offset + static_cast<std::int64_t>(good),
            record.format == TextFormat::json_lines ? "the line" : "its text");
    out_.counts.malformed_bytes += bad;
    ++out_.counts.malformed_documents;
  }

  void add_json(const TextRecord& record) {
    std::string text;
    const JsonText::Found found = json_.extract(record.text, text);
    if (found == JsonText::Found::bad_json) {
      require(rules_.skip_bad_json, Fault::data,
              "{}: not JSON ({}); mend the line, or leave such lines out: --skip-bad-json",
              place(record), json_.detail());
      ++out_.counts.bad_json;
    } else if (found == JsonText::Found::no_field) {
      if (out_.counts.missing_field++ == 0) {
        out_.first_keys =
            fmt::format("{} has {}", place(record),
                        json_.detail().empty() ? "no fields" : "the fields: " + json_.detail());
      }
    } else if (is_white(text)) {
      ++out_.counts.empty_documents;
    } else {
      add_document(text);
    }
  }

  void add_document(std::string_view text) {
    std::size_t end = piece_end(text);
    const bool validation = is_validation(hash64(text.substr(0, end)), rules_.validation_fraction);
    while (end < text.size()) {
      add_piece(text.substr(0, end), validation, false);
      text.remove_prefix(end);
      end = piece_end(text);
    }
    add_piece(text, validation, true);
  }

  void add_piece(std::string_view text, bool validation, bool is_last) {
    std::vector<std::int32_t> ids = rules_.tokenizer->encode(text);
    if (is_last) {
      ids.push_back(rules_.tokenizer->eos());
      ++out_.counts.documents;
    }
    out_.tokens.insert(out_.tokens.end(), ids.begin(), ids.end());
    out_.counts.tokens += std::ssize(ids);
    out_.counts.text_bytes += std::ssize(text);
    out_.pieces.push_back({validation, is_last, std::ssize(ids), std::ssize(text)});
  }

  const TokeniseRules& rules_;
  JsonText json_;
  TokenisedBatch out_;
};

}  // namespace

TokenisedBatch tokenise_batch(const TokeniseRules& rules, std::vector<TextRecord> records) {
  BatchWork work(rules);
  for (TextRecord& record : records) {
    work.add(record);
    record.text = {};
  }
  return work.take();
}

}  // namespace mneme
