#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mneme {

/// What is not as it was written: in a dataset, or else in a file's "metadata".
struct Damage {
  std::string file;     // in the checkpoint's folder
  std::string dataset;  // "metadata" if none
  std::string what;     // one sentence
};

struct VerifyReport {
  std::vector<Damage> findings;  // none: every byte is what was written
  int files = 0;
  std::int64_t blocks = 0;
  std::int64_t bytes = 0;
};

/// Compares size and checksum of every file of a checkpoint, and the checksum of every block, with
/// the manifest, which guards itself: one flipped bit anywhere is found and named. Reads each file
/// once, in pieces. Damage is a finding, not an error; throws Fault::machine where reading fails.
VerifyReport verify_checkpoint(const std::filesystem::path& checkpoint);

}  // namespace mneme
