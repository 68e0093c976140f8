#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"

namespace mneme {

/// The bytes of a small file.
std::string read_text(const std::filesystem::path& path, FileFaults faults = {});

/// A new file with this text, on the device when it returns.
void write_text(const std::filesystem::path& path, const std::string& text);

/// The same by way of `path`.new and commit_file.
void write_text_atomically(const std::filesystem::path& path, const std::string& text);

/// Renames `from` to `to`, replacing it, such that after a crash one of the two is there whole:
/// both the file and its folder are synced.
void commit_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace mneme
