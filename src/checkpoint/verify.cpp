#include "checkpoint/verify.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/scope.h"
#include "checkpoint/block_file.h"
#include "checkpoint/manifest.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

constexpr const char* metadata = "metadata";

std::vector<const BlockRecord*> blocks_in(const Manifest& manifest, const std::string& file) {
  std::vector<const BlockRecord*> blocks;
  for (const ItemRecord& item : manifest.items) {
    for (const BlockRecord& block : item.blocks) {
      if (block.file == file) blocks.push_back(&block);
    }
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  return blocks;
}

void verify_file(const fs::path& checkpoint,
                 const FileRecord& file,
                 const std::vector<const BlockRecord*>& blocks,
                 VerifyReport& report) {
  const fs::path path = checkpoint / file.name;
  if (!fs::is_regular_file(path)) {
    report.findings.push_back({file.name, metadata, "the file is missing"});
    return;
  }
  std::vector<FileRegion> regions;
  for (const BlockRecord* block : blocks) regions.push_back({block->offset, block->bytes});
  const std::int64_t size = File::open_to_read(path, checkpoint_faults).size();
  const FileHashes found = hash_file(path, regions);
  const std::size_t before = report.findings.size();
  if (size != file.bytes) {
    report.findings.push_back(
        {file.name, metadata,
         fmt::format("it has {} bytes, but {} were written", size, file.bytes)});
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (found.regions[i] == blocks[i]->xxh3) continue;
    report.findings.push_back({file.name, blocks[i]->dataset,
                               fmt::format("its checksum is {}, but {} was written",
                                           hex(found.regions[i]), hex(blocks[i]->xxh3))});
  }
  if (found.file != file.xxh3 && report.findings.size() == before) {
    report.findings.push_back({file.name, metadata,
                               fmt::format("the file's checksum is {}, but {} was written",
                                           hex(found.file), hex(file.xxh3))});
  }
  report.files += 1;
  report.blocks += std::ssize(blocks);
  report.bytes += size;
}

}  // namespace

VerifyReport verify_checkpoint(const fs::path& checkpoint) {
  const Scope scope("verify_checkpoint");
  VerifyReport report;
  Manifest manifest;
  try {
    manifest = read_manifest(checkpoint);
  } catch (const Error& e) {
    if (e.fault() != Fault::checkpoint) throw;
    report.findings.push_back({Manifest::file_name, metadata, e.what()});
    return report;
  }
  for (const FileRecord& file : manifest.files) {
    verify_file(checkpoint, file, blocks_in(manifest, file.name), report);
  }
  return report;
}

}  // namespace mneme
