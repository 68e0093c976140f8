#include "train/tensorboard.h"

#include <boost/crc.hpp>
#include <chrono>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"

#include "src/train/event.pb.h"

namespace mneme {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// CRC-32C, rotated and shifted as the record format of event files wants it.
std::uint32_t masked_crc(const void* data, std::size_t bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(data, bytes);
  const std::uint32_t c = crc.checksum();
  return ((c >> 15U) | (c << 17U)) + 0xa282ead8U;
}

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

}  // namespace

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto seconds = static_cast<std::int64_t>(now());
  out_.open(folder / fmt::format("events.out.tfevents.{}.mneme.{}", seconds, getpid()),
            std::ios::binary);
  require(out_.good(), Fault::machine, "no event file can be written in {}", folder.string());
  tensorboard::Event event;
  event.set_wall_time(now());
  event.set_file_version("brain.Event:2");
  write(event.SerializeAsString());
}

void TensorboardWriter::add(std::int64_t step,
                            const std::vector<std::pair<std::string, double>>& scalars) {
  tensorboard::Event event;
  event.set_wall_time(now());
  event.set_step(step);
  for (const auto& [tag, value] : scalars) {
    tensorboard::Summary::Value* v = event.mutable_summary()->add_value();
    v->set_tag(tag);
    v->set_simple_value(static_cast<float>(value));
  }
  write(event.SerializeAsString());
}

void TensorboardWriter::write(const std::string& event) {
  std::string record;
  put(record, static_cast<std::uint64_t>(event.size()));
  put(record, masked_crc(record.data(), record.size()));
  record += event;
  put(record, masked_crc(event.data(), event.size()));
  out_.write(record.data(), static_cast<std::streamsize>(record.size()));
  out_.flush();
}

}  // namespace mneme
