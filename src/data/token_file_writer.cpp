#include "data/token_file_writer.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text_file.h"
#include "data/h5_handle.h"

namespace mneme {
namespace {

static_assert(std::endian::native == std::endian::little, "token files are little-endian");

h5::Handle create_file(const std::filesystem::path& path) {
  const h5::Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V18);  // checksummed metadata
  const h5::Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.id(), false);    // equal content, equal bytes
  H5Pset_attr_phase_change(creation.id(), 64, 0);  // all attributes in the root's own header
  h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose);
  require(file.ok(), Fault::machine, "the token file '{}' cannot be created: {}", path.string(),
          system_error_text());
  return file;
}

h5::Handle create_dataset(hid_t file, const char* name, hid_t type, std::int64_t count) {
  const hsize_t size = static_cast<hsize_t>(count);
  const h5::Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose);
  const h5::Handle create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_layout(create.id(), H5D_CONTIGUOUS);
  H5Pset_alloc_time(create.id(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(create.id(), H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(create.id(), false);  // equal content, equal bytes
  h5::Handle set(H5Dcreate2(file, name, type, space.id(), H5P_DEFAULT, create.id(), H5P_DEFAULT),
                 H5Dclose);
  require(set.ok(), Fault::machine, "dataset '{}' of {} elements cannot be created: {}", name,
          count, system_error_text());
  return set;
}

void write_part(hid_t set, hid_t type, std::int64_t first, std::int64_t count, const void* data) {
  if (count == 0) return;
  const auto start = static_cast<hsize_t>(first);
  const auto size = static_cast<hsize_t>(count);
  const h5::Handle in_file(H5Dget_space(set), H5Sclose);
  H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, &start, nullptr, &size, nullptr);
  const h5::Handle in_memory(H5Screate_simple(1, &size, nullptr), H5Sclose);
  const bool written = H5Dwrite(set, type, in_memory.id(), in_file.id(), H5P_DEFAULT, data) >= 0;
  require(written, Fault::machine, "writing {} elements of a token file failed: {}", count,
          system_error_text());
}

void write_number(hid_t file, const char* name, std::int64_t value) {
  const h5::Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const h5::Handle attribute(
      H5Acreate2(file, name, H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  require(attribute.ok() && H5Awrite(attribute.id(), H5T_NATIVE_INT64, &value) >= 0, Fault::machine,
          "attribute '{}' cannot be written: {}", name, system_error_text());
}

void write_text(hid_t file, const char* name, const std::string& value) {
  const h5::Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), std::max<std::size_t>(value.size(), 1));
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  const h5::Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const h5::Handle attribute(
      H5Acreate2(file, name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  require(attribute.ok() && H5Awrite(attribute.id(), type.id(), value.c_str()) >= 0, Fault::machine,
          "attribute '{}' cannot be written: {}", name, system_error_text());
}

std::string sources_json(const std::vector<TokenOrigin>& sources) {
  auto list = nlohmann::ordered_json::array();
  for (const TokenOrigin& s : sources) {
    list.push_back({{"name", s.name}, {"bytes", s.bytes}, {"xxh3_64", hex(s.hash)}});
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

struct TokenFileWriter::State {
  State(std::filesystem::path final_path, TokenFileInfo the_info)
      : path(std::move(final_path)),
        partial(path.string() + ".partial"),
        info(std::move(the_info)),
        token_type(info.token_bytes() == 2 ? H5T_STD_U16LE : H5T_STD_U32LE),
        file(create_file(partial)),
        tokens(create_dataset(file.id(), "tokens", token_type, info.tokens)),
        offsets(create_dataset(file.id(), "document_offsets", H5T_STD_U64LE, info.documents + 1)) {}

  h5::Quiet quiet;
  std::filesystem::path path;
  std::filesystem::path partial;
  TokenFileInfo info;
  hid_t token_type;
  h5::Handle file;
  h5::Handle tokens;
  h5::Handle offsets;
  std::int64_t tokens_written = 0;
  std::int64_t offsets_written = 0;
  std::vector<std::byte> open_chunk;  // tokens after the last whole chunk
  std::vector<std::uint64_t> checksums;
  Hasher offsets_hash;
  bool committed = false;

  void close_chunk() {
    const std::int64_t count = static_cast<std::int64_t>(open_chunk.size()) / info.token_bytes();
    if (count == 0) return;
    write_part(tokens.id(), token_type, tokens_written, count, open_chunk.data());
    checksums.push_back(hash64(open_chunk));
    tokens_written += count;
    open_chunk.clear();
  }

  void write_small(const char* name, const std::string& text) {
    const h5::Handle set = create_dataset(file.id(), name, H5T_STD_U8LE, std::ssize(text));
    write_part(set.id(), H5T_STD_U8LE, 0, std::ssize(text), text.data());
  }

  void write_header() {
    const std::string sources = sources_json(info.sources);
    write_small("tokenizer_model", info.tokenizer_model);
    write_small("sources", sources);
    const h5::Handle sums =
        create_dataset(file.id(), "token_checksums", H5T_STD_U64LE, std::ssize(checksums));
    write_part(sums.id(), H5T_STD_U64LE, 0, std::ssize(checksums), checksums.data());
    const std::uint64_t offsets_sum = offsets_hash.value();
    const std::uint64_t sums_sum = hash64(std::as_bytes(std::span(checksums)));
    write_text(file.id(), "format", "mneme tokens");
    write_number(file.id(), "format_version", TokenFileInfo::version);
    write_text(file.id(), "tokenizer_kind", info.tokenizer_kind);
    write_text(file.id(), "tokenizer_hash", hex(info.tokenizer_hash));
    write_number(file.id(), "vocab_size", info.vocab_size);
    write_number(file.id(), "eos", info.eos);
    write_number(file.id(), "tokens", info.tokens);
    write_number(file.id(), "documents", info.documents);
    write_number(file.id(), "text_bytes", info.text_bytes);
    write_number(file.id(), "tokens_per_checksum", TokenFileInfo::chunk);
    write_text(file.id(), "document_offsets_checksum", hex(offsets_sum));
    write_text(file.id(), "token_checksums_checksum", hex(sums_sum));
    write_text(file.id(), "sources_checksum", hex(hash64(sources)));
    write_text(file.id(), "content_hash", hex(hash64(hex(sums_sum), offsets_sum)));
  }
};

TokenFileWriter::TokenFileWriter(std::filesystem::path path, TokenFileInfo info)
    : state_(std::make_unique<State>(std::move(path), std::move(info))) {}

TokenFileWriter::~TokenFileWriter() {
  if (state_ == nullptr || state_->committed) return;
  const std::filesystem::path partial = state_->partial;
  state_.reset();  // closes the file
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
}

void TokenFileWriter::append_tokens(std::span<const std::byte> tokens) {
  State& s = *state_;
  const auto chunk_bytes = size_of(TokenFileInfo::chunk * s.info.token_bytes());
  while (!tokens.empty()) {
    const std::size_t n = std::min(tokens.size(), chunk_bytes - s.open_chunk.size());
    s.open_chunk.insert(s.open_chunk.end(), tokens.begin(),
                        tokens.begin() + static_cast<std::ptrdiff_t>(n));
    tokens = tokens.subspan(n);
    if (s.open_chunk.size() == chunk_bytes) s.close_chunk();
  }
}

void TokenFileWriter::append_offsets(std::span<const std::uint64_t> offsets) {
  State& s = *state_;
  write_part(s.offsets.id(), H5T_STD_U64LE, s.offsets_written, std::ssize(offsets), offsets.data());
  s.offsets_hash.add(std::as_bytes(offsets));
  s.offsets_written += std::ssize(offsets);
}

void TokenFileWriter::commit() {
  State& s = *state_;
  s.close_chunk();
  require(s.tokens_written == s.info.tokens && s.offsets_written == s.info.documents + 1,
          Fault::bug, "token file '{}' got {} of {} tokens and {} of {} document offsets",
          s.path.string(), s.tokens_written, s.info.tokens, s.offsets_written,
          s.info.documents + 1);
  s.write_header();
  require(H5Fflush(s.file.id(), H5F_SCOPE_GLOBAL) >= 0, Fault::machine,
          "writing '{}' to disk failed: {}", s.partial.string(), system_error_text());
  const std::filesystem::path partial = s.partial;
  const std::filesystem::path path = s.path;
  s.committed = true;
  state_.reset();
  commit_file(partial, path);
}

}  // namespace mneme
