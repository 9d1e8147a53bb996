// HDF5's way to the file, and ours beside it: a virtual file driver that lets chunks be in the file before HDF5 knows.
//
// A chunk is written as soon as it is encoded, by any thread, to space that nothing committed uses. At the commit HDF5
// is told of it: it asks the driver for space and gets the place where the bytes are, and its own writing of them is
// skipped. So encoded bytes are written once, and HDF5 handles nothing but its metadata, which is held back until the
// commit (journal.hpp). The driver owns the space of the file (file_space.hpp): HDF5 forgets what it frees (strategy
// AGGR), and what a commit replaced is used again when nobody reads older ones.
#pragma once

#include "store/chunk_area.hpp"
#include "store/hdf5/file_space.hpp"
#include "store/hdf5/handle.hpp"
#include "store/hdf5/journal.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

class driven_file final : public chunk_area {
 public:
  /// `descriptor` stays the caller's, and open until detach().
  driven_file(int descriptor, std::string name) : descriptor_{descriptor}, name_{std::move(name)} {}
  driven_file(const driven_file&) = delete;
  driven_file& operator=(const driven_file&) = delete;

  location write(const codec::encoded_view& chunk) override;
  std::optional<location> copy_before(std::uint64_t end, const location& chunk) override;
  codec::encoded_chunk read(const location& from) const override;
  void forget(const location& which) noexcept override;
  bool is_file() const noexcept override { return true; }

  // --- for the commit, inside a session

  /// The next space of that size that HDF5 asks for is this one. After it, HDF5's write of the content is skipped;
  /// where it took other space all the same, the driver copies.
  void expect(const location& placed);
  /// The same, with a place for so few bytes that are gone before the commit.
  void expect_scratch(std::uint32_t size);
  void expect_nothing() noexcept { expected_.reset(); }
  /// The expected chunk is part of the commit now, and `replaced` is what it was before. HDF5 uses the new place and
  /// has let go of the old one, or it keeps the old one (chunks of one size and mask): the other is free after the
  /// commit.
  void adopt(const location& placed, const std::optional<location>& replaced);
  /// Where the chunk that `read` makes HDF5 read lies. Nothing is read.
  template <class Read>
  std::optional<std::uint64_t> locate(Read&& read) {
    is_locating_ = true;
    located_.reset();
    try {
      read();
    } catch (...) {
      is_locating_ = false;
      throw;
    }
    is_locating_ = false;
    return located_;
  }
  /// `extent` is part of what is committed, and not any more after the commit that is prepared.
  void retire(std::uint64_t offset, std::uint64_t size);
  /// A committed chunk lies there. What is thought of free space is forgotten if it says otherwise.
  void check_used(const location& chunk) noexcept;

  /// What a journal has that the file has not; a writer applies it where it may. Within the entrance, before HDF5 opens
  /// the file.
  void recover(journal& journal, bool writable);
  /// For a writer, after that: what the journal or the file itself knows of free space. `keeps_no_book`: HDF5 does not,
  /// so that what it lets go is ours to use again.
  void begin(const journal& journal, bool keeps_no_book);
  /// Sets memory aside for what HDF5 writes: it does not recover from a write that fails. Throws std::bad_alloc.
  void keep_spare_memory();
  /// Makes all durable that was written, chunks and what HDF5 wrote besides, as one; `stamp` is where the file's is.
  void commit(journal& journal, std::uint64_t stamp);
  /// Writes what HDF5 wrote to a new file.
  void write_through(journal& journal);
  /// Where the file would end if nothing in it were free; nothing where less than a fifth of it is.
  std::optional<std::uint64_t> compact_end() const;
  /// Forgets chunks that no commit took: the file will end where HDF5 ends it.
  void abandon() noexcept;
  /// After HDF5 has let go.
  void close(journal& journal) noexcept;

  /// HDF5 takes the file for as long as it once was; what is missing is zeros. For reading what is left of it.
  void pretend_whole() noexcept { is_pretended_ = true; }
  bool is_pretended() const noexcept { return is_pretended_; }
  /// What of its journal could not be read; empty for all others.
  const std::string& lost_commits() const noexcept { return lost_; }
  /// Length of the file with what its journal has; 0 where the system does not tell.
  std::uint64_t real_size() const noexcept;

  // --- for HDF5

  /// The end of the file to HDF5: behind all chunks that wait, so that it extends nothing into them.
  std::uint64_t end() const noexcept;
  void set_end(std::uint64_t end) noexcept;
  std::uint64_t allocate(bool is_chunk, std::uint64_t size);
  /// False with errno set on failure.
  bool read_bytes(bool is_chunk, std::uint64_t offset, std::size_t size, void* to);
  bool write_bytes(bool is_chunk, std::uint64_t offset, std::size_t size, const void* from);
  std::uint64_t file_size() const noexcept;
  /// To be called when HDF5 should have let go. Of damaged files it keeps some open until the process ends (1.10.8),
  /// and then closes them: nothing reaches the file any more.
  void detach() noexcept { is_detached_ = true; }
  bool is_detached() const noexcept { return is_detached_; }

 private:
  using extent = file_space::extent;
  void release();
  void checkpoint(journal& journal, std::uint64_t least_end, bool is_urgent) noexcept;
  void write_placed(const location& placed, std::span<const std::byte> bytes);
  void start_writing_out(std::uint64_t bytes) noexcept;
  bool read_current(std::uint64_t offset, std::span<std::byte> to) const;

  const int descriptor_;
  const std::string name_;
  std::atomic<std::uint64_t> written_ = 0;  // bytes of chunks
  bool owns_space_ = false;
  bool is_detached_ = false, is_pretended_ = false;
  std::string lost_;                     // of the journal
  std::uint64_t held_end_ = 0;           // of the file with what its journal has
  std::optional<std::uint64_t> length_;  // of the file as it was opened or made

  mutable std::mutex mutex_;  // guards what follows; HDF5's side is under the session's lock besides
  file_space space_;
  std::optional<file_space::seen_states> seen_;  // as the last checkpoint found it
  held_writes overlay_;                          // of commits that are in the journal only
  held_writes held_;                           // all that HDF5 wrote but chunks in their places, until it is committed
  std::unique_ptr<std::byte[]> spare_memory_;  // NOLINT(modernize-avoid-c-arrays): given up when there is no other

  std::optional<extent> scratch_;
  std::optional<extent> expected_;
  bool is_met_ = false;
  bool is_locating_ = false;
  std::optional<std::uint64_t> located_;
};

/// Files that are opened or created with these access properties go through the driver, and HDF5 keeps `file` for as
/// long as it has them open. Inside a session; `file` itself must be there when they are opened.
void use_driver(hid_t access_properties, const std::shared_ptr<driven_file>& file);

}  // namespace hugehist::store::hdf5
