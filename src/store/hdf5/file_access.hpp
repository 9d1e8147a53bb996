// An HDF5 file held open: on disk under a lock, or as an image in memory.
//
// A file has one writer at a time, and readers beside it, which see the last commit from before they came
// (file_locks.hpp, journal.hpp). A second writer is a locked_error at once.
#pragma once

#include "store/hdf5/driver.hpp"
#include "store/hdf5/handle.hpp"
#include "store/open.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

class file_access {
 public:
  virtual ~file_access() = default;

  hid_t file() const noexcept { return file_; }
  bool writable() const noexcept { return writable_; }
  const std::string& name() const noexcept { return name_; }
  /// True when the file was made by this opening, and so is empty.
  bool is_new() const noexcept { return is_new_; }

  /// Bytes of the file. Inside a session.
  virtual std::uint64_t size() const;
  /// Writes out what HDF5 holds back. Inside a session.
  void flush();

  /// Makes sure that the medium has room for so many more bytes, or throws std::system_error.
  virtual void reserve(std::uint64_t bytes) = 0;
  /// Makes what was written durable, as one commit. `stamp` is the place of the file's. Inside a session, after
  /// flush().
  virtual void sync(std::uint64_t stamp) = 0;
  /// Has a new file hold what was written, so that it is an HDF5 file.
  virtual void publish() = 0;

  /// Number of the last commit, which a file says itself where no journal does.
  virtual std::uint64_t commit_number() const noexcept { return 0; }
  virtual void set_commit_number(std::uint64_t) noexcept {}
  /// Whether there is a newer commit than the one that is read.
  virtual bool is_outdated() { return false; }

  /// Where the file would end if nothing before that were free; nothing where that is not worth much, or somebody has
  /// the file open besides.
  virtual std::optional<std::uint64_t> compact_end() const { return {}; }

  /// Where encoded chunks wait for a commit.
  virtual chunk_area& area() noexcept = 0;
  /// The driver of a file on disk, which is its area; null for an image.
  virtual driven_file* driver() noexcept { return nullptr; }

 protected:
  /// To be called by destructors: HDF5 lets go of the file before our lock does.
  void close_hdf5() noexcept {
    const session in_session;
    file_.reset();
  }

  std::string name_;
  handle file_;
  bool writable_ = false;
  bool is_new_ = false;
};

/// Throws as hugehist::file's constructor.
std::unique_ptr<file_access> open_file(const std::filesystem::path& path, access access, std::size_t hdf5_cache);
/// For reading, even where the end of the file is missing.
std::unique_ptr<file_access> open_damaged_file(const std::filesystem::path& path, std::size_t hdf5_cache);
std::unique_ptr<file_access> open_image(std::span<const std::byte> image, bool writable);

/// The bytes of an image. Inside a session, after flush().
std::vector<std::byte> image_of(const file_access& access);

}  // namespace hugehist::store::hdf5
