#pragma once

#include <cstddef>

#include "tensor/device.h"

namespace mneme {

/// One allocation on a device, aligned to 4096 bytes and zero at first. On the host it is mapped
/// lazily: pages cost memory once they are written. Throws Fault::machine with the byte count.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t bytes, Device device);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_;
};

}  // namespace mneme
