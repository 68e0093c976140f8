#include "checkpoint/load.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/scope.h"
#include "base/text_file.h"
#include "checkpoint/block_file.h"
#include "checkpoint/outcome.h"

namespace mneme {
namespace {

/// A block that holds something of an item's box.
struct Task {
  const BlockRecord* block = nullptr;
  const StateItem* item = nullptr;
  Box box;  // what this rank holds
};

std::string described(DType type, const Shape& shape) {
  return fmt::format("{} {}", enum_name(type), to_string(shape));
}

/// Refuses, in one message, a checkpoint whose tensors are not the items.
void require_fit(const Manifest& manifest, const LoadRequest& request) {
  constexpr std::size_t shown = 20;
  std::map<std::string, const ItemRecord*> held;
  for (const ItemRecord& item : manifest.items) held[item.name] = &item;
  std::vector<std::string> misfits;
  for (const StateItem& item : request.items) {
    const auto found = held.find(item.name);
    if (found == held.end()) {
      misfits.push_back(fmt::format("{} is missing in it", item.name));
      continue;
    }
    const ItemRecord& record = *found->second;
    if (record.type != item.local.type() || record.shape != item.shape) {
      misfits.push_back(fmt::format("{} is {} in it, wanted {}", item.name,
                                    described(record.type, record.shape),
                                    described(item.local.type(), item.shape)));
    }
    held.erase(found);
  }
  if (request.surplus == LoadRequest::Surplus::refuse) {
    for (const ItemRecord& item : manifest.items) {
      if (held.contains(item.name))
        misfits.push_back(item.name + " is in it, but not in this model");
    }
  }
  if (misfits.empty()) return;
  const std::size_t more = misfits.size() - std::min(misfits.size(), shown);
  misfits.resize(misfits.size() - more);
  fail(
      Fault::checkpoint,
      "the checkpoint {} is not of this model:\n  {}{}\n  hint: start the run with the config that "
      "the checkpoint was made with",
      request.checkpoint.string(), fmt::join(misfits, "\n  "),
      more == 0 ? "" : fmt::format("\n  and {} more", more));
}

/// The blocks that this rank needs, by file and place in it.
std::vector<Task> tasks_of(const Manifest& manifest, const LoadRequest& request) {
  std::map<std::string, const ItemRecord*> held;
  for (const ItemRecord& item : manifest.items) held[item.name] = &item;
  std::vector<Task> tasks;
  for (const StateItem& item : request.items) {
    const Box box = box_of(item, request.position);
    for (const BlockRecord& block : held.at(item.name)->blocks) {
      if (intersection(block.box, box).is_empty()) continue;
      tasks.push_back({&block, &item, box});
    }
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) {
    return std::tie(a.block->file, a.block->offset) < std::tie(b.block->file, b.block->offset);
  });
  return tasks;
}

/// Reads the whole block, also where a part would do, and compares its checksum.
void read_block(const File& file,
                const Task& task,
                const LoadRequest& request,
                std::vector<std::byte>& buffer) {
  const BlockRecord& block = *task.block;
  const std::size_t element = size_of(task.item->local.type());
  const std::int64_t elements = block.box.count.count();
  const auto step = static_cast<std::int64_t>(piece_bytes / element);
  Hasher hasher;
  for (std::int64_t at = 0; at < elements; at += step) {
    const std::size_t bytes = size_of(std::min(step, elements - at)) * element;
    buffer.resize(std::max(buffer.size(), bytes));
    const std::span<std::byte> piece(buffer.data(), bytes);
    file.read_at(block.offset + at * static_cast<std::int64_t>(element), piece);
    hasher.add(piece);
    copy_common(piece, at, block.box, task.box, element, task.item->local.raw());
  }
  require(
      hasher.value() == block.xxh3, Fault::checkpoint,
      "the dataset {} in {} is damaged: its checksum is {}, but {} was written; load an earlier "
      "checkpoint",
      block.dataset, (request.checkpoint / block.file).string(), hex(hasher.value()),
      hex(block.xxh3));
}

void read_items(const Manifest& manifest, const LoadRequest& request) {
  std::map<std::string, std::int64_t> bytes_of;
  for (const FileRecord& file : manifest.files) bytes_of[file.name] = file.bytes;
  std::vector<std::byte> buffer;
  const std::vector<Task> tasks = tasks_of(manifest, request);
  for (std::size_t first = 0; first < tasks.size();) {
    const std::string& name = tasks[first].block->file;
    const auto path = request.checkpoint / name;
    const File file = File::open_to_read(path, checkpoint_faults);
    require(file.size() == bytes_of.at(name), Fault::checkpoint,
            "{} has {} bytes, but {} were written: it is cut short or was changed", path.string(),
            file.size(), bytes_of.at(name));
    for (; first < tasks.size() && tasks[first].block->file == name; ++first) {
      read_block(file, tasks[first], request, buffer);
    }
  }
}

}  // namespace

Manifest load_checkpoint(Communicator& world, const LoadRequest& request) {
  const Scope scope("load_checkpoint");
  Agreement agreement(world);
  const auto path = request.checkpoint / Manifest::file_name;
  std::string text;
  agreement.together([&] {
    if (world.rank() != 0) return;
    read_manifest(request.checkpoint);  // for its errors
    text = read_text(path, checkpoint_faults);
  });
  text = agreement.from_first(text);
  Manifest manifest;
  agreement.together([&] {
    manifest = manifest_from_text(text, path.string());
    require_fit(manifest, request);
  });
  agreement.together([&] { read_items(manifest, request); });
  return manifest;
}

}  // namespace mneme
