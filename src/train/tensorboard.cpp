#include "train/tensorboard.h"

#include <chrono>
#include <cstring>
#include <span>

#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"

namespace mneme {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// CRC-32C, rotated and shifted as the record format of event files wants it.
std::uint32_t masked_crc(const std::string& bytes) {
  const std::uint32_t c = crc32c(std::as_bytes(std::span(bytes)));
  return ((c >> 15U) | (c << 17U)) + 0xa282ead8U;
}

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7U) out.push_back(static_cast<char>((value & 127U) | 128U));
  out.push_back(static_cast<char>(value));
}

// Fields of a protocol buffer: the key is number * 8 + wire type (0 varint, 1 eight bytes, 2
// counted bytes, 5 four bytes).
template <class T>
void put_fixed(std::string& out, unsigned number, T value) {
  put_varint(out, number * 8U + (sizeof(T) == 8 ? 1U : 5U));
  put(out, value);
}
void put_bytes(std::string& out, unsigned number, const std::string& bytes) {
  put_varint(out, number * 8U + 2U);
  put_varint(out, bytes.size());
  out += bytes;
}

/// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
std::string event(std::int64_t step) {
  std::string e;
  put_fixed(e, 1, now());
  put_varint(e, 2 * 8U);
  put_varint(e, static_cast<std::uint64_t>(step));
  return e;
}

}  // namespace

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto seconds = static_cast<std::int64_t>(now());
  out_.open(folder / fmt::format("events.out.tfevents.{}.mneme.{}", seconds, getpid()),
            std::ios::binary);
  require(out_.good(), Fault::machine, "no event file can be written in {}", folder.string());
  std::string first = event(0);
  put_bytes(first, 3, "brain.Event:2");
  write(first);
}

void TensorboardWriter::add(std::int64_t step,
                            const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;  // Summary { repeated Value value = 1; }
  for (const auto& [tag, value] : scalars) {
    std::string v;  // Value { string tag = 1; float simple_value = 2; }
    put_bytes(v, 1, tag);
    put_fixed(v, 2, static_cast<float>(value));
    put_bytes(summary, 1, v);
  }
  std::string e = event(step);
  put_bytes(e, 5, summary);
  write(e);
}

void TensorboardWriter::write(const std::string& record_bytes) {
  std::string record;
  put(record, static_cast<std::uint64_t>(record_bytes.size()));
  put(record, masked_crc(record));
  record += record_bytes;
  put(record, masked_crc(record_bytes));
  out_.write(record.data(), static_cast<std::streamsize>(record.size()));
  out_.flush();
}

}  // namespace mneme
