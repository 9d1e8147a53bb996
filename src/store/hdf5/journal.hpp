// Commits that are whole or not there: changes of the file's metadata go to a journal beside it first.
//
// Chunks are written to space that no commit uses (driver.hpp). All else that HDF5 writes is held back in memory until
// the commit. Then the chunks are synced, one group with all that was held is added to the journal (journal_group.hpp)
// and synced, and that is the commit: from here on an opening finds it, in the journal or in the file.
//
// A *checkpoint* applies commits to the file. It waits while somebody reads older ones: a reader has the journal's
// groups over the file, as they were when it came, so that it may see those applied, and no later ones. While groups
// are applied, the superblock is marked, so that other programs refuse the file. A file that was closed has no journal,
// unless somebody still read an older commit.
#pragma once

#include "store/hdf5/file_locks.hpp"
#include "store/hdf5/file_space.hpp"
#include "store/hdf5/held_writes.hpp"
#include "store/hdf5/journal_group.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

class journal {
 public:
  /// The journal of the file `name`, open at `descriptor`, which stays the caller's.
  journal(int descriptor, const std::string& name, file_locks& locks);
  ~journal();
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;

  /// What commits left beside the file: what is to be read over it.
  struct content {
    held_writes overlay;
    std::uint64_t end = 0;  // length of the file with it
    std::string lost;       // what of the commits could not be read, and why
  };
  /// Within the entrance. Throws format_error for a journal that belongs to another file or is damaged,
  /// std::system_error when the system fails.
  content open(bool writable);
  /// The same for reading, up to a commit that the journal lacks, where the file is at a commit itself.
  content open_in_part();
  /// Whether there is a commit that open() did not find. Within the entrance.
  bool has_newer_commit() const;
  /// Forgets the journal of a file that is replaced.
  void remove();

  /// After a sync that failed: what is on the disk is for the next opening to see.
  bool is_dead() const noexcept { return is_dead_; }
  bool has_commits() const noexcept { return last_.has_value(); }
  /// Number of the last commit, and of the last one that the file has.
  std::uint64_t number() const noexcept { return number_; }
  std::uint64_t applied() const noexcept { return applied_; }
  /// What is known of the file's space. REQUIRES: has_commits()
  const std::vector<file_space::state>& states() const noexcept { return last_->states; }
  /// For a file whose journal holds no commit.
  void set_number(std::uint64_t number) noexcept {
    if (last_) return;
    number_ = applied_ = number;
    first_ = number + 1;
  }

  /// Makes all that was written to the file durable, and `changes` with it; they move into `overlay`, of those that are
  /// in the journal and not in the file. `stamp` is where the file's is, `states` are what may be seen of it, with the
  /// one after this commit. Throws std::system_error, and then nothing was committed.
  void commit(held_writes& changes, held_writes& overlay, std::uint64_t stamp, std::vector<file_space::state> states);
  /// Applies to the file what may be applied, and returns what is seen then; nothing where somebody opens the file. Of
  /// `overlay` remains what is not in the file; an error leaves all of it. The file keeps what lies before `least_end`.
  /// Where it is urgent, or the journal is long, it waits a moment for those who open the file, and does not wait for
  /// the last reader of an older commit.
  std::optional<file_space::seen_states> checkpoint(held_writes& overlay, std::uint64_t least_end, bool is_urgent);
  /// The same for a file that is new: without the journal, and not durable.
  void write_through(held_writes& changes, std::uint64_t end);
  /// Before a file is closed that nobody writes to any more: it remembers its free space (space_tail.hpp), and the
  /// journal goes. It stays where something is in it alone.
  void close() noexcept;

  struct superblock_bytes {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
  };
  /// As it is in the file.
  superblock_bytes read_superblock() const;

 private:
  std::vector<read_group> read(int descriptor) const;
  content adopt(std::vector<read_group> groups);
  void open_for_writing();
  void enter();
  std::uint64_t find_room(std::uint64_t length) const;
  void apply_up_to(std::uint64_t oldest, held_writes& overlay, std::uint64_t least_end, bool is_urgent);
  void apply(const held_writes& changes, const journal_group& last, std::uint64_t end) const;
  bool is_known(const std::vector<read_group>& groups) const;
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void sync(int descriptor) const;
  std::uint64_t live_bytes() const noexcept;
  [[noreturn]] void fail(int code, const char* what) const;

  const int descriptor_;
  const std::string name_;
  file_locks& locks_;
  std::filesystem::path path_, folder_;
  int journal_ = -1;
  std::uint64_t salt_ = 0;
  std::uint64_t number_ = 0, applied_ = 0;  // the last commit, and the last one in the file
  std::uint64_t first_ = 1;                 // the first that a recovery applies
  std::vector<group_place> groups_;         // that it reads
  std::optional<journal_group> last_;
  bool is_entered_ = false;  // the directory's entry is durable
  bool is_dead_ = false;
};

}  // namespace hugehist::store::hdf5
