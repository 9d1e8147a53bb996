// Who has a file open: one writer, readers at their snapshots, and programs that know HDF5's lock only.
//
// Ours are open-file-description locks on bytes where no file has any, so that two handles in one process exclude each
// other too: the writer's byte; the entrance, which an opening passes and a checkpoint closes; and one byte for each
// snapshot, by the number of its commit. HDF5's own lock, on the whole file, keeps its programs out: a writer shares
// it, so that others read the file but do not write to it, and has it alone for as long as it changes what they read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hugehist::store::hdf5 {

class file_locks {
 public:
  /// `descriptor` stays the caller's.
  file_locks(int descriptor, std::string name) : descriptor_{descriptor}, name_{std::move(name)} {}
  /// Gives up all locks. Closing the descriptor would not, where a child process has inherited it.
  ~file_locks();
  file_locks(const file_locks&) = delete;
  file_locks& operator=(const file_locks&) = delete;

  /// Makes this the writer, within the entrance and alone there. Throws locked_error.
  void enter_as_writer();
  /// Within the entrance, with others that open. Throws locked_error when it stays closed.
  void enter_as_reader();
  void leave_entrance() noexcept;
  /// What is read is the state after this commit of the journal, or the file as it is (0), for as long as it is open.
  /// Within the entrance. Throws locked_error when another program writes to the file.
  void hold_snapshot(std::uint64_t number);

  /// For the writer: nobody opens the file until leave_entrance(). False where somebody does for longer than
  /// `patience`.
  bool close_entrance(std::chrono::milliseconds patience);
  /// With the entrance closed: no other program has the file open. Ended by readmit(), also where it was refused.
  bool exclude_plain_hdf5() noexcept;
  void readmit() noexcept;
  /// Throws locked_error when another program came to write to the file all the same.
  void check_alone() const;
  bool has_readers() const;
  /// Another one than this.
  bool has_writer() const;
  /// The snapshots before `number` that somebody reads, in order.
  std::vector<std::uint64_t> held_snapshots(std::uint64_t number) const;

 private:
  enum class mode { shared, exclusive, none };
  bool try_lock(std::uint64_t byte, mode how);
  bool wait_for(std::uint64_t byte, mode how, std::chrono::milliseconds patience);
  bool is_locked(std::uint64_t byte) const;
  bool try_lock_for_hdf5(mode how) noexcept;

  const int descriptor_;
  const std::string name_;
  bool is_writer_ = false, is_lost_ = false;
};

}  // namespace hugehist::store::hdf5
