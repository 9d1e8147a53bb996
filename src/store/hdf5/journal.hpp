// Commits that are whole or not there: changes of the file's metadata go to a journal beside it first.
//
// Chunks are written to space that no commit uses (driver.hpp). All else that HDF5 writes is held back in memory until
// the commit. Then the chunks are synced, one group with all that was held is appended to the journal and synced, and
// that is the commit: from here on an opening finds it, in the journal or in the file. After it the group is applied to
// the file. While it is, the superblock is marked, so that other programs refuse the file. A file that was closed has
// no journal.
//
// A group, little-endian, of numbers with 64 bits: "HHJRNL01"; salt; number in the journal; length of the file after;
// the superblock before, marked and after, each with its length; number of ranges; for each range its offset, length
// and bytes; XXH64 of all before, with the salt as seed.
#pragma once

#include "store/hdf5/held_writes.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace hugehist::store::hdf5 {

class journal {
 public:
  /// The journal of the file `name`, open at `descriptor`, which stays the caller's.
  journal(int descriptor, const std::string& name);
  ~journal();
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;

  /// What a writer that was killed left behind: a writer brings the file to its last commit; a reader gets what it is
  /// to read over the file, and its length. To be called under the lock. Throws format_error for a journal that
  /// belongs to another file, std::system_error when the system fails.
  std::uint64_t recover(bool writable, held_writes& held);
  /// Forgets the journal of a file that is replaced.
  void remove();

  /// Makes all that was written to the file durable, and `changes` with it; `end` is the length of the file then.
  /// `changes` is empty when they are in the file; otherwise they are in the journal, and the next call is to have them
  /// again. Throws std::system_error, and then nothing was committed.
  void commit(held_writes& changes, std::uint64_t end);
  /// The same for a file that is new: without the journal, and not durable.
  void write_through(held_writes& changes, std::uint64_t end);
  /// Before the file is closed.
  void close() noexcept;

 private:
  struct superblock;
  superblock read_superblock() const;
  void open_for_writing();
  void enter();
  void append(const held_writes& changes, const superblock& before, const superblock& after, std::uint64_t end);
  void apply(const held_writes& changes, const superblock& marked, const superblock& after, std::uint64_t end) const;
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void sync(int descriptor) const;
  [[noreturn]] void fail(int code, const char* what) const;

  const int descriptor_;
  const std::string name_;
  std::filesystem::path path_;
  int journal_ = -1;
  std::uint64_t salt_ = 0, number_ = 0, end_ = 0;  // of the groups that are in the journal and not in the file
  bool is_entered_ = false;                        // the directory's entry is durable
  bool is_dead_ = false;
};

}  // namespace hugehist::store::hdf5
