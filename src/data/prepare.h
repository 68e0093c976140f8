#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "data/text_iterator.h"

namespace mneme {

/// What happens to text that is not UTF-8.
enum class MalformedText : std::uint8_t {
  replace,  // each malformed byte becomes U+FFFD, and is counted
  refuse,   // an error that names the file
};
template <>
struct EnumNames<MalformedText> {
  static constexpr std::array table{std::pair{MalformedText::replace, std::string_view("replace")},
                                    std::pair{MalformedText::refuse, std::string_view("refuse")}};
};

struct PrepareOptions {
  TextSelection text;
  std::filesystem::path output;     // token file of the training documents
  std::string tokenizer = "bytes";  // or a SentencePiece model's path
  MalformedText malformed = MalformedText::replace;
  bool skip_bad_json = false;            // lines that are not JSON: counted instead of refused
  double validation_fraction = 0;        // of the documents, chosen by their hash
  int threads = 0;                       // 0: one per core; the output does not depend on it
  bool overwrite = false;                // replace an output that is there
  bool restart = false;                  // forget what an interrupted run has done
  std::int64_t commit_bytes = 64 << 20;  // of input between two points to continue from
};

/// What was met in the text.
struct PrepareCounts {
  std::int64_t documents = 0;            // with text, in both outputs
  std::int64_t tokens = 0;               // with one EOS per document
  std::int64_t text_bytes = 0;           // of the documents, as encoded
  std::int64_t empty_documents = 0;      // white space at most; left out
  std::int64_t missing_field = 0;        // JSON lines without the field as a string; left out
  std::int64_t bad_json = 0;             // lines that are not JSON; left out
  std::int64_t malformed_bytes = 0;      // not UTF-8; replaced
  std::int64_t malformed_documents = 0;  // pieces of text that had some
  friend bool operator==(const PrepareCounts&, const PrepareCounts&) = default;
};

struct PrepareProgress {
  std::int64_t bytes_done = 0;  // of the inputs as they lie on the disk
  std::int64_t bytes_total = 0;
  PrepareCounts counts;
  double seconds = 0;  // of this run
  std::int64_t tokens_this_run = 0;
};
/// Called after each batch of text; returns false to stop at a point that can be continued from.
using PrepareCallback = std::function<bool(const PrepareProgress&)>;

struct PrepareResult {
  bool interrupted = false;  // call again with the same options to go on
  bool resumed = false;      // went on where an interrupted run had stopped
  PrepareCounts counts;
  std::int64_t validation_documents = 0;
  std::int64_t validation_tokens = 0;
  std::filesystem::path training;
  std::optional<std::filesystem::path> validation;  // none when no document fell to it
  std::vector<std::string> ignored_files;           // in folders: names that say nothing of text
};

/// "corpus.h5" -> "corpus.validation.h5"
std::filesystem::path validation_path(const std::filesystem::path& output);

/// Text files to token files. Documents keep the order of the inputs; a document goes to validation
/// when its hash says so, so equal texts go to the same side. Text is read, tokenised on all cores
/// and written in batches: memory does not grow with the input. Until the end everything lies in
/// `output`.tmp/, with a journal of the last committed state: an interrupted run continues there,
/// and the output is the same, byte for byte, for any number of threads and interruptions.
/// Needs disk space for the tokens twice.
/// Fault::user: inputs, an output that exists, an interrupted run with other options or inputs, a
/// second run at the same time. Fault::data: no documents, no line with the field, bad JSON,
/// malformed text when refused. Fault::machine: disk full.
PrepareResult prepare_text(const PrepareOptions& options, const PrepareCallback& progress = {});

}  // namespace mneme
