#include "checkpoint/manifest.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text_file.h"
#include "tensor/view.h"

namespace mneme {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view head = "{\n \"checksum\": \"";
constexpr std::string_view zeros = "0000000000000000";

Json extents_json(const Shape& shape) {
  Json list = Json::array();
  for (int d = 0; d < shape.rank(); ++d) list.push_back(shape[d]);
  return list;
}

Shape shape_from(const Json& list) {
  require(list.size() <= Shape::max_rank, Fault::checkpoint, "a shape has {} extents", list.size());
  const auto at = [&](std::size_t i) { return list.at(i).get<std::int64_t>(); };
  switch (list.size()) {
    case 0:
      return {};
    case 1:
      return {at(0)};
    case 2:
      return {at(0), at(1)};
    case 3:
      return {at(0), at(1), at(2)};
    default:
      return {at(0), at(1), at(2), at(3)};
  }
}

std::uint64_t hash_from(const Json& text) {
  const auto digits = text.get<std::string>();
  std::uint64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
  require(error == std::errc() && stop == end && digits.size() == zeros.size(), Fault::checkpoint,
          "'{}' is no checksum", digits);
  return value;
}

template <NamedEnum E>
E enum_from(const Json& text) {
  const auto name = text.get<std::string>();
  const auto value = enum_value<E>(name);
  require(value.has_value(), Fault::checkpoint, "'{}' is none of {}", name, enum_choices<E>());
  return *value;
}

Json block_json(const BlockRecord& b) {
  return {{"file", b.file},
          {"dataset", b.dataset},
          {"start", extents_json(b.box.start)},
          {"count", extents_json(b.box.count)},
          {"offset", b.offset},
          {"bytes", b.bytes},
          {"xxh3", hex(b.xxh3)}};
}

BlockRecord block_from(const Json& j) {
  return {.file = j.at("file").get<std::string>(),
          .dataset = j.at("dataset").get<std::string>(),
          .box = {shape_from(j.at("start")), shape_from(j.at("count"))},
          .offset = j.at("offset").get<std::int64_t>(),
          .bytes = j.at("bytes").get<std::int64_t>(),
          .xxh3 = hash_from(j.at("xxh3"))};
}

ItemRecord item_from(const Json& j) {
  ItemRecord item{.name = j.at("name").get<std::string>(),
                  .type = enum_from<DType>(j.at("dtype")),
                  .shape = shape_from(j.at("shape")),
                  .blocks = {}};
  for (const Json& block : j.at("blocks")) item.blocks.push_back(block_from(block));
  return item;
}

/// Blocks lie in their tensor and in a file of the list, and have its elements in all.
void require_consistent(const Manifest& m) {
  std::map<std::string, std::int64_t> size_of_file;
  for (const FileRecord& f : m.files) size_of_file[f.name] = f.bytes;
  std::set<std::string> names;
  for (const ItemRecord& item : m.items) {
    require(names.insert(item.name).second, Fault::checkpoint, "the tensor {} is listed twice",
            item.name);
    std::int64_t elements = 0;
    for (const BlockRecord& b : item.blocks) {
      const auto file = size_of_file.find(b.file);
      require(lies_in(b.box, item.shape) && file != size_of_file.end() && b.offset >= 0 &&
                  b.bytes == narrow<std::int64_t>(byte_count(item.type, b.box.count)) &&
                  b.bytes <= file->second - b.offset,
              Fault::checkpoint, "the block {} of {} in {} does not fit", to_string(b.box),
              item.name, b.file);
      elements += b.box.count.count();
    }
    require(elements == item.shape.count(), Fault::checkpoint,
            "the blocks of {} hold {} elements, but its shape is {}", item.name, elements,
            to_string(item.shape));
  }
}

Manifest manifest_from(const Json& j) {
  Manifest m;
  m.format_version = j.at("format_version").get<int>();
  require(m.format_version >= 1 && m.format_version <= Manifest::newest_format, Fault::checkpoint,
          "it has format version {}, and this program reads 1 to {}", m.format_version,
          Manifest::newest_format);
  m.kind = enum_from<CheckpointKind>(j.at("kind"));
  m.step = j.at("step").get<std::int64_t>();
  m.time = j.at("time").get<std::string>();
  m.host = j.at("host").get<std::string>();
  m.writer = j.at("writer").get<std::string>();
  m.ranks = j.at("ranks").get<int>();
  m.meta = nlohmann::json::parse(j.at("meta").dump());
  for (const Json& file : j.at("files")) {
    m.files.push_back({file.at("name").get<std::string>(), file.at("bytes").get<std::int64_t>(),
                       hash_from(file.at("xxh3"))});
  }
  for (const Json& item : j.at("items")) m.items.push_back(item_from(item));
  require_consistent(m);
  return m;
}

}  // namespace

std::int64_t Manifest::bytes() const {
  std::int64_t sum = 0;
  for (const FileRecord& f : files) sum += f.bytes;
  return sum;
}

std::string to_text(const Manifest& m) {
  Json j{{"checksum", zeros},
         {"format", "mneme checkpoint"},
         {"format_version", m.format_version},
         {"kind", enum_name(m.kind)},
         {"step", m.step},
         {"time", m.time},
         {"host", m.host},
         {"writer", m.writer},
         {"ranks", m.ranks}};
  j["meta"] = Json::parse(m.meta.dump());
  j["files"] = Json::array();
  for (const FileRecord& f : m.files) {
    j["files"].push_back({{"name", f.name}, {"bytes", f.bytes}, {"xxh3", hex(f.xxh3)}});
  }
  j["items"] = Json::array();
  for (const ItemRecord& item : m.items) {
    Json blocks = Json::array();
    for (const BlockRecord& b : item.blocks) blocks.push_back(block_json(b));
    j["items"].push_back({{"name", item.name},
                          {"dtype", enum_name(item.type)},
                          {"shape", extents_json(item.shape)},
                          {"blocks", std::move(blocks)}});
  }
  std::string text = j.dump(1) + "\n";
  return text.replace(head.size(), zeros.size(), hex(hash64(text)));
}

Manifest manifest_from_text(const std::string& text, const std::string& where) {
  try {
    require(text.size() > head.size() + zeros.size() && text.starts_with(head), Fault::checkpoint,
            "it does not begin as a manifest does");
    std::string plain = text;
    plain.replace(head.size(), zeros.size(), zeros);
    const std::string sum = hex(hash64(plain));
    require(text.compare(head.size(), sum.size(), sum) == 0, Fault::checkpoint,
            "its checksum is {}, but {} is written in it: it is cut short or damaged", sum,
            text.substr(head.size(), sum.size()));
    return manifest_from(Json::parse(text));
  } catch (const Error& e) {
    fail(Fault::checkpoint, "{} cannot be used: {}", where, e.what());
  } catch (const nlohmann::json::exception& e) {
    fail(Fault::checkpoint, "{} cannot be used: {}", where, e.what());
  }
}

Manifest read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / Manifest::file_name;
  require(std::filesystem::is_regular_file(path), Fault::checkpoint,
          "{} is no checkpoint: it has no {}", folder.string(), Manifest::file_name);
  return manifest_from_text(read_text(path, checkpoint_faults), path.string());
}

std::string to_table(const Manifest& m) {
  std::size_t name_width = 4;
  std::size_t shape_width = 5;
  for (const ItemRecord& item : m.items) {
    name_width = std::max(name_width, item.name.size());
    shape_width = std::max(shape_width, to_string(item.shape).size());
  }
  std::string table = fmt::format("{:<{}}  {:<5}  {:<{}}  {:>6}  {:>16}\n", "name", name_width,
                                  "dtype", "shape", shape_width, "blocks", "bytes");
  std::int64_t sum = 0;
  for (const ItemRecord& item : m.items) {
    const auto bytes = narrow<std::int64_t>(byte_count(item.type, item.shape));
    sum += bytes;
    table += fmt::format("{:<{}}  {:<5}  {:<{}}  {:>6}  {:>16}\n", item.name, name_width,
                         enum_name(item.type), to_string(item.shape), shape_width,
                         item.blocks.size(), bytes);
  }
  return table + fmt::format("{}, {}, in {} by {}\n", counted(std::ssize(m.items), "tensor"),
                             counted(sum, "byte"), counted(std::ssize(m.files), "file"),
                             counted(m.ranks, "rank"));
}

}  // namespace mneme
