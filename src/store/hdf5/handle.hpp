// HDF5 calls made safe: handles that close themselves, error codes that become exceptions.
//
// Debian's libhdf5 is not thread-safe, so every use of it, closing a handle included, happens inside a
// `session`, which holds one lock for the whole process. Inside one HDF5 prints nothing of its own.
#pragma once

#include <hugehist/error.hpp>

// What newer versions call otherwise keeps the names that it has in HDF5 1.10.
#ifndef H5_USE_110_API
#define H5_USE_110_API
#endif
#include <hdf5.h>

#include <mutex>
#include <string>
#include <system_error>
#include <utility>

namespace hugehist::store::hdf5 {

/// Holds the process-wide lock and keeps HDF5 from printing. Sessions nest.
class session {
 public:
  /// Throws error when the HDF5 library at run time is not the one that this was compiled for.
  session();
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
};

/// What HDF5 refused. It never leaves the store: guarded() says what it means there.
class failure : public error {
 public:
  failure(const std::string& message, std::string trace, int code)
      : error{message}, trace_{std::move(trace)}, code_{code} {}
  /// Descriptions of the whole error stack, innermost first, one a line.
  const std::string& trace() const noexcept { return trace_; }
  bool mentions(const char* text) const noexcept { return trace_.find(text) != std::string::npos; }
  /// errno of the system call behind it, 0 where it was none.
  int code() const noexcept { return code_; }

 private:
  std::string trace_;
  int code_;
};

/// Throws failure from the HDF5 error stack, and empties the stack.
[[noreturn]] void fail(const char* what);

/// The error stack as text (innermost first), which is then empty.
std::string take_error_stack();

/// The result of an HDF5 call, or an exception where it is negative.
template <class Result>
Result check(Result result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

/// Runs `work` in a session; a failure becomes std::system_error where a system call was behind it, and else an
/// `Error`, with `context` in front.
template <class Error, class Work>
auto guarded(const std::string& context, Work&& work) {
  const session in_session;
  try {
    return work();
  } catch (const failure& problem) {
    if (problem.code() != 0)
      throw std::system_error{problem.code(), std::generic_category(), context + ": " + problem.what()};
    throw Error{context + ": " + problem.what()};
  }
}

/// Owns an HDF5 identifier of any kind. To be destroyed inside a session or with none running.
class handle {
 public:
  handle() = default;
  /// Takes over the result of a call that opens or creates.
  handle(hid_t id, const char* what) : id_{check(id, what)} {}
  handle(handle&& other) noexcept : id_{std::exchange(other.id_, H5I_INVALID_HID)} {}
  handle& operator=(handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~handle() { reset(); }

  operator hid_t() const noexcept { return id_; }  // NOLINT(google-explicit-constructor)
  bool is_open() const noexcept { return id_ >= 0; }
  void reset() noexcept;

 private:
  hid_t id_ = H5I_INVALID_HID;
};

}  // namespace hugehist::store::hdf5
