#include "data/token_header.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/math.h"
#include "data/h5_handle.h"

namespace mneme {
namespace {

/// One open file and its name for errors.
struct Source {
  std::string path;
  hid_t file;
};

std::int64_t read_number(const Source& source, const char* name) {
  const h5::Handle attribute(H5Aopen(source.file, name, H5P_DEFAULT), H5Aclose);
  std::int64_t value = 0;
  require(attribute.ok() && H5Aread(attribute.id(), H5T_NATIVE_INT64, &value) >= 0, Fault::data,
          "'{}' is not a token file: its attribute '{}' is missing or no number; make token files "
          "with `mneme prep text`",
          source.path, name);
  return value;
}

std::string read_text(const Source& source, const char* name) {
  const h5::Handle attribute(H5Aopen(source.file, name, H5P_DEFAULT), H5Aclose);
  std::string value;
  bool good = attribute.ok();
  if (good) {
    const h5::Handle type(H5Aget_type(attribute.id()), H5Tclose);
    good = type.ok() && H5Tget_class(type.id()) == H5T_STRING && H5Tis_variable_str(type.id()) == 0;
    if (good) {
      value.resize(H5Tget_size(type.id()));
      good = H5Aread(attribute.id(), type.id(), value.data()) >= 0;
    }
  }
  require(good, Fault::data,
          "'{}' is not a token file: its attribute '{}' is missing or no text; make token files "
          "with `mneme prep text`",
          source.path, name);
  value.resize(value.find_last_not_of('\0') + 1);
  return value;
}

std::uint64_t read_hash(const Source& source, const char* name) {
  const std::string text = read_text(source, name);
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  require(std::from_chars(text.data(), end, value, 16).ptr == end && text.size() == 16, Fault::data,
          "'{}' is damaged: attribute '{}' is '{}', wanted 16 hexadecimal digits", source.path,
          name, text);
  return value;
}

std::int64_t element_count(hid_t set) {
  const h5::Handle space(H5Dget_space(set), H5Sclose);
  return H5Sget_simple_extent_npoints(space.id());
}

h5::Handle open_dataset(const Source& source, const char* name) {
  h5::Handle set(H5Dopen2(source.file, name, H5P_DEFAULT), H5Dclose);
  require(set.ok(), Fault::data,
          "'{}' is not a token file: its dataset '{}' is missing or damaged; make token files with "
          "`mneme prep text`",
          source.path, name);
  return set;
}

/// Where a dataset of `count` elements of `width` bytes lies in the file.
std::int64_t locate(const Source& source,
                    const char* name,
                    std::int64_t count,
                    std::int64_t width) {
  const h5::Handle set = open_dataset(source, name);
  const h5::Handle type(H5Dget_type(set.id()), H5Tclose);
  const std::int64_t found = element_count(set.id());
  const auto found_width = static_cast<std::int64_t>(H5Tget_size(type.id()));
  const haddr_t at = H5Dget_offset(set.id());
  require(
      found == count && found_width == width && (at != HADDR_UNDEF || count == 0), Fault::data,
      "'{}' is damaged: dataset '{}' holds {} elements of {} bytes, its header says {} of {} in "
      "one piece",
      source.path, name, found, found_width, count, width);
  return count == 0 ? 0 : static_cast<std::int64_t>(at);
}

template <class T>
std::vector<T> read_array(const Source& source, const char* name, hid_t type) {
  const h5::Handle set = open_dataset(source, name);
  std::vector<T> values(size_of(element_count(set.id())));
  const bool read =
      values.empty() || H5Dread(set.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
  require(read, Fault::data, "'{}' is damaged: dataset '{}' cannot be read", source.path, name);
  return values;
}

std::string read_bytes(const Source& source, const char* name) {
  const auto bytes = read_array<std::uint8_t>(source, name, H5T_NATIVE_UINT8);
  return {bytes.begin(), bytes.end()};
}

void check_sum(const Source& source, const char* what, std::uint64_t found, std::uint64_t wanted) {
  require(found == wanted, Fault::data,
          "'{}' is damaged: the checksum of its {} is {}, wanted {}; make the file again",
          source.path, what, hex(found), hex(wanted));
}

void check_size(const Source& source,
                const char* name,
                std::int64_t at,
                std::int64_t bytes,
                std::int64_t file_size) {
  require(at + bytes <= file_size, Fault::data,
          "'{}' is cut short: dataset '{}' ends at byte {}, the file has {} bytes; make the file "
          "again or copy it again",
          source.path, name, at + bytes, file_size);
}

std::vector<TokenOrigin> parse_sources(const Source& source, const std::string& json) {
  std::vector<TokenOrigin> origins;
  try {
    for (const auto& entry : nlohmann::json::parse(json)) {
      origins.push_back({entry.at("name"), entry.at("bytes"),
                         std::stoull(entry.at("xxh3_64").get<std::string>(), nullptr, 16)});
    }
  } catch (const std::exception& e) {
    fail(Fault::data, "'{}' is damaged: its list of sources cannot be read ({})", source.path,
         std::string(e.what()));
  }
  return origins;
}

TokenFileInfo read_info(const Source& source) {
  const std::string format = read_text(source, "format");
  require(format == "mneme tokens", Fault::data, "'{}' is not a token file: its format is '{}'",
          source.path, format);
  const std::int64_t version = read_number(source, "format_version");
  require(version == TokenFileInfo::version, Fault::data,
          "'{}' has format version {}, this build reads {}; make the file again with `mneme prep "
          "text`, or use the release that wrote it",
          source.path, version, TokenFileInfo::version);
  TokenFileInfo info;
  info.tokenizer_kind = read_text(source, "tokenizer_kind");
  info.tokenizer_hash = read_hash(source, "tokenizer_hash");
  info.vocab_size = narrow<std::int32_t>(read_number(source, "vocab_size"));
  info.eos = narrow<std::int32_t>(read_number(source, "eos"));
  info.tokens = read_number(source, "tokens");
  info.documents = read_number(source, "documents");
  info.text_bytes = read_number(source, "text_bytes");
  info.content_hash = read_hash(source, "content_hash");
  const std::int64_t chunk = read_number(source, "tokens_per_checksum");
  require(chunk == TokenFileInfo::chunk && info.tokens >= 0 && info.documents >= 0, Fault::data,
          "'{}' is damaged: {} tokens, {} documents, {} tokens per checksum", source.path,
          info.tokens, info.documents, chunk);
  info.tokenizer_model = read_bytes(source, "tokenizer_model");
  const std::string sources = read_bytes(source, "sources");
  check_sum(source, "list of sources", hash64(sources), read_hash(source, "sources_checksum"));
  check_sum(source, "tokenizer", hash64(info.tokenizer_model, hash64(info.tokenizer_kind)),
            info.tokenizer_hash);
  info.sources = parse_sources(source, sources);
  return info;
}

}  // namespace

TokenHeader read_token_header(const std::filesystem::path& path) {
  const h5::Quiet quiet;
  const std::int64_t file_size = File::open_to_read(path).size();
  const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  require(
      file.ok(), Fault::data,
      "'{}' ({} bytes) is not a token file, or it is cut short: HDF5 cannot open it; make token "
      "files with `mneme prep text`",
      path.string(), file_size);
  const Source source{path.string(), file.id()};
  TokenHeader header;
  header.info = read_info(source);
  const std::int64_t width = header.info.token_bytes();
  header.tokens_at = locate(source, "tokens", header.info.tokens, width);
  header.offsets_at = locate(source, "document_offsets", header.info.documents + 1, 8);
  check_size(source, "tokens", header.tokens_at, header.info.tokens * width, file_size);
  check_size(source, "document_offsets", header.offsets_at, (header.info.documents + 1) * 8,
             file_size);
  header.offsets_checksum = read_hash(source, "document_offsets_checksum");
  header.checksums = read_array<std::uint64_t>(source, "token_checksums", H5T_NATIVE_UINT64);
  require(std::ssize(header.checksums) == ceil_div(header.info.tokens, TokenFileInfo::chunk),
          Fault::data, "'{}' is damaged: {} checksums for {} tokens", source.path,
          header.checksums.size(), header.info.tokens);
  check_sum(source, "table of checksums", hash64(std::as_bytes(std::span(header.checksums))),
            read_hash(source, "token_checksums_checksum"));
  return header;
}

}  // namespace mneme
