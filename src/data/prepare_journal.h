#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/folder_lock.h"
#include "data/output_file.h"
#include "data/prepare.h"

namespace mneme {

/// One output while it grows: raw tokens and the ends of documents.
struct SplitState {
  std::int64_t tokens = 0;
  std::int64_t documents = 0;  // ended ones
  std::int64_t text_bytes = 0;
};

/// All that is needed to go on: the state after some whole number of batches.
struct PrepareState {
  std::string inputs;  // JSON: options and inputs that the output depends on
  TextPosition position;
  std::vector<TokenOrigin> origins;  // files that were read to their end
  PrepareCounts counts;
  std::string first_keys;            // see TokenisedBatch
  std::array<SplitState, 2> splits;  // training, validation
  bool is_complete = false;          // all text is in; only the outputs remain to be made
};

/// The folder `output`.tmp with the growing files and journal.json. A committed state is on the
/// disk before the journal names it, so the journal is true after a crash at any moment.
class PrepareFolder {
 public:
  /// Takes over what is there when its journal fits `inputs` (see PrepareState), else begins anew.
  /// Fault::user: an interrupted run with other options (unless `restart`), or another process is
  /// at work here.
  PrepareFolder(std::filesystem::path folder, std::string inputs, bool restart);
  ~PrepareFolder();
  PrepareFolder(const PrepareFolder&) = delete;
  PrepareFolder& operator=(const PrepareFolder&) = delete;

  bool resumed() const { return resumed_; }
  PrepareState& state() { return state_; }
  const PrepareState& state() const { return state_; }

  /// Appends tokens as stored; when `ends_document`, the document's end after them.
  void append(int split, std::span<const std::byte> tokens, std::int64_t count, bool ends_document);
  /// Makes the present state the one to go on from.
  void commit();
  std::filesystem::path tokens_path(int split) const;
  std::filesystem::path documents_path(int split) const;
  /// Deletes the folder; the destructor does it too when nothing was ever committed.
  void remove();

 private:
  void open_files();
  std::filesystem::path folder_;
  std::optional<FolderLock> lock_;
  bool resumed_ = false;
  bool has_journal_ = false;
  PrepareState state_;
  std::vector<OutputFile> files_;  // tokens, documents of each split
};

}  // namespace mneme
