#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <hdf5.h>

namespace mneme::h5 {

/// Owns an HDF5 identifier. Private to src/data.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  bool ok() const { return id_ >= 0; }
  hid_t id() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

/// Keeps the library from printing its errors in this thread: ours name the file and the cure. The
/// library's clean-up at exit is left out too where it is not too late for that: every handle here
/// is closed by its owner, and after a damaged file the clean-up of HDF5 1.10 prints an alarm.
class Quiet {
 public:
  Quiet() {
    H5dont_atexit();
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace mneme::h5
