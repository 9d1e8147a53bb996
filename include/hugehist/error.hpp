// Exceptions that callers of hugehist can catch.
//
// Every message names what failed (file, histogram, axis or chunk) and says what to do. Mistakes in
// arguments use the standard exceptions: std::invalid_argument for a value, type_error for a kind of
// value, key_error for a name or label that does not exist, std::out_of_range for an index,
// std::system_error for what the operating system refused, std::bad_alloc for memory.
// In Python they are ValueError, TypeError, KeyError, IndexError, OSError and MemoryError.
#pragma once

#include <hugehist/export.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace hugehist {

/// Base of the errors that are hugehist's own.
class HUGEHIST_EXPORT error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The file is no HDF5 file, holds no UHI histogram, or is from a newer format.
class HUGEHIST_EXPORT format_error : public error {
 public:
  using error::error;
};

/// Stored bytes are damaged: a checksum or a decoder refused them.
class HUGEHIST_EXPORT corruption_error : public error {
 public:
  using error::error;
};

/// Another process, or another handle, holds the file.
class HUGEHIST_EXPORT locked_error : public error {
 public:
  using error::error;
};

/// A merge whose interval is in the ledger in part: merging it would count that part twice.
class HUGEHIST_EXPORT overlap_error : public error {
 public:
  using error::error;
};

/// A name, a label or an axis that does not exist.
class HUGEHIST_EXPORT key_error : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

/// An argument of the wrong kind: a number for a string axis, a double weight for an integer storage.
class HUGEHIST_EXPORT type_error : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// An answer that does not fit into memory.
class HUGEHIST_EXPORT memory_error : public std::bad_alloc {
 public:
  explicit memory_error(std::string message) : message_{std::make_shared<const std::string>(std::move(message))} {}
  const char* what() const noexcept override { return message_->c_str(); }

 private:
  std::shared_ptr<const std::string> message_;  // shared: exceptions must copy without throwing
};

}  // namespace hugehist
