#include "runtime/buffer.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/mman.h>

#include "base/check.h"

namespace mneme {

Buffer::Buffer(std::size_t bytes, Device device) : bytes_(bytes), device_(device) {
  require(device.kind == Device::Kind::cpu, Fault::machine,
          "this build has no backend for the device asked for");
  if (bytes == 0) return;
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(
      p != MAP_FAILED, Fault::machine,
      "the machine refused {} bytes of memory ({}); hint: run `mneme plan` on the config, use more "
      "ranks or smaller micro-batches",
      bytes, std::generic_category().message(errno));
  (void)madvise(p, bytes, MADV_HUGEPAGE);  // only a wish: fewer TLB misses on random pool rows
  data_ = static_cast<std::byte*>(p);
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      device_(other.device_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(device_, other.device_);
  return *this;
}

}  // namespace mneme
