#include "store/hdf5/journal.hpp"

#include "store/hdf5/descriptor_io.hpp"
#include "store/hdf5/space_tail.hpp"
#include "store/hdf5/superblock.hpp"

#include <hugehist/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

namespace hugehist::store::hdf5 {
namespace {

using std::chrono::milliseconds;

/// A journal may grow to this, or to twice what it would hold at least.
constexpr std::uint64_t tolerated_bytes = std::uint64_t{8} << 20;

std::vector<std::byte> marked(std::vector<std::byte> superblock) {
  mark_superblock(superblock, true);
  return superblock;
}

/// Whether the bytes are one of the states that groups know, or what an interrupted write made of two of them.
template <class Known>
bool is_mixed_from(std::span<const std::byte> bytes, const std::vector<read_group>& groups, Known known) {
  const auto has_byte = [&](std::size_t i) {
    return std::ranges::any_of(groups, [&](const read_group& one) {
      return std::ranges::any_of((one.head.*known).states, [&](const auto& state) {
        return state.size() == bytes.size() && state[i] == bytes[i];
      });
    });
  };
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (!has_byte(i)) return false;
  return true;
}

void add(held_writes& to, const held_writes& from) {
  for (const auto& [offset, content] : from.ranges()) to.write(offset, content);
}

}  // namespace

journal::journal(int descriptor, const std::string& name, file_locks& locks)
    : descriptor_{descriptor}, name_{name}, locks_{locks} {
  std::error_code failed;
  path_ = std::filesystem::canonical(name, failed);  // one journal, by whatever name the file is opened
  if (failed) path_ = std::filesystem::absolute(name);
  path_ += ".journal";
  folder_ = path_.parent_path();
}

journal::~journal() {
  if (journal_ >= 0) ::close(journal_);
}

void journal::fail(int code, const char* what) const {
  throw std::system_error{code, std::generic_category(), std::string{what} + " '" + name_ + "'"};
}

void journal::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  if (!write_at(descriptor_, offset, bytes)) fail(errno, "cannot write to");
}

void journal::sync(int descriptor) const {
  if (::fdatasync(descriptor) != 0) fail(errno, "cannot make durable");
}

journal::superblock_bytes journal::read_superblock() const {
  constexpr std::uint64_t farthest = std::uint64_t{1} << 30;
  std::array<std::byte, 96> block{};
  for (std::uint64_t at = 0; at < farthest; at = at == 0 ? 512 : 2 * at) {
    if (!read_at(descriptor_, at, block)) fail(errno, "cannot read");
    const auto length = superblock_length(block);
    if (length > 0) return {at, {block.begin(), block.begin() + static_cast<std::ptrdiff_t>(length)}};
  }
  return {};
}

// ---- what is there

namespace {

class open_journal {
 public:
  /// Nothing where there is none.
  open_journal(const std::filesystem::path& path, const std::string& name)
      : descriptor_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)} {
    struct stat info {};
    if (descriptor_ < 0 && errno != ENOENT)
      throw std::system_error{errno, std::generic_category(), "cannot read the journal of '" + name + "'"};
    if (descriptor_ < 0 || (::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode))) return;
    ::close(descriptor_);
    throw format_error{"'" + path.string() + "' stands where the journal of '" + name +
                       "' would be, and is no regular file: move it away"};
  }
  ~open_journal() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  open_journal(const open_journal&) = delete;
  open_journal& operator=(const open_journal&) = delete;
  bool is_there() const noexcept { return descriptor_ >= 0; }
  bool is_empty() const noexcept {
    struct stat info {};
    return ::fstat(descriptor_, &info) != 0 || info.st_size == 0;
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

bool journal::is_known(const std::vector<read_group>& groups) const {
  const auto superblock = read_superblock();
  if (superblock.bytes.empty() || !is_mixed_from(superblock.bytes, groups, &journal_group::superblock)) return false;
  const auto& stamp = groups.back().head.stamp;
  std::vector<std::byte> stamped(stamp.states.back().size());
  if (!read_at(descriptor_, stamp.offset, stamped)) fail(errno, "cannot read");
  return is_mixed_from(stamped, groups, &journal_group::stamp);
}

std::vector<read_group> journal::read(int descriptor) const {
  for (int tries = 1;; ++tries) {
    constexpr int most = 20;
    const bool may_change = locks_.has_writer();
    try {
      return read_groups(descriptor);
    } catch (const corruption_error& problem) {
      if (!may_change || tries == most)
        throw format_error{"'" + path_.string() + "', the journal of '" + name_ + "', is damaged: " + problem.what() +
                           "; restore both from a copy, or salvage what was before that commit"};
      std::this_thread::sleep_for(milliseconds{tries});  // a writer went on while it was read
    }
  }
}

journal::content journal::open(bool writable) {
  const open_journal found{path_, name_};
  if (!found.is_there()) return {};
  auto groups = read(found.get());
  if (groups.empty()) {
    const auto superblock = read_superblock();
    if (superblock.bytes != marked(superblock.bytes)) {
      if (writable) remove();
    } else if (!superblock.bytes.empty() && !found.is_empty()) {
      throw format_error{"'" + name_ + "' is half way through a commit, and its journal '" + path_.string() +
                         "' is damaged: restore both from a copy"};
    }
    return {};
  }
  return adopt(std::move(groups));
}

journal::content journal::open_in_part() {
  const open_journal found{path_, name_};
  const auto superblock = read_superblock();
  if (!found.is_there() || superblock.bytes == marked(superblock.bytes)) return open(false);
  try {
    read_groups(found.get());
    return open(false);
  } catch (const corruption_error& problem) {
    auto groups = read_groups_in_part(found.get());
    auto result = groups.empty() ? content{} : adopt(std::move(groups));
    result.lost =
        std::string{"its journal is damaged ("} + problem.what() + "), and this is the state before that commit";
    return result;
  }
}

/// What these groups say, which are all that count.
journal::content journal::adopt(std::vector<read_group> groups) {
  if (!is_known(groups))
    throw format_error{"'" + path_.string() + "' is the journal of another file than '" + name_ +
                       "', or is damaged, or the file was changed by another program since: restore both from a copy, "
                       "or delete the journal if the file was replaced on purpose"};
  content result;
  for (auto& one : groups) {
    add(result.overlay, one.changes);
    groups_.push_back(one.place);
  }
  last_ = std::move(groups.back().head);
  salt_ = last_->salt;
  number_ = last_->number;
  first_ = last_->first;
  applied_ = std::min(last_->states.front().number, first_ - 1);
  result.end = last_->end();
  return result;
}

bool journal::has_newer_commit() const {
  const open_journal found{path_, name_};
  if (!found.is_there()) return false;
  const auto groups = read(found.get());
  if (groups.empty()) return false;
  return !last_ || groups.back().head.salt != salt_ || groups.back().head.number > number_;
}

void journal::remove() {
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) fail(errno, "cannot remove the journal of");
}

// ---- commits

void journal::open_for_writing() {
  if (journal_ >= 0) return;
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) fail(errno, "cannot create the journal of");
  constexpr mode_t read_and_write = 0666;
  const int fresh = last_ ? 0 : O_CREAT | O_TRUNC;
  journal_ = ::open(path_.c_str(), O_RDWR | fresh | O_CLOEXEC | O_NOFOLLOW, info.st_mode & read_and_write);
  if (journal_ < 0) fail(errno, "cannot create the journal of");
  if (!last_) salt_ = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
}

/// Has the directory know the journal.
void journal::enter() {
  if (is_entered_) return;
  const int directory = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail(errno, "cannot open the directory of");
  const auto status = ::fsync(directory);
  const auto code = errno;
  ::close(directory);
  if (status != 0 && code != EINVAL) fail(code, "cannot make the journal durable of");  // EINVAL: cannot be synced
  is_entered_ = true;
}

std::uint64_t journal::live_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& one : groups_) bytes += one.length;
  return bytes;
}

/// The first gap between the groups that a recovery needs.
std::uint64_t journal::find_room(std::uint64_t length) const {
  auto groups = groups_;
  std::ranges::sort(groups, {}, &group_place::offset);
  std::uint64_t at = 0;
  for (const auto& one : groups) {
    if (at + length <= one.offset) break;
    at = one.end();
  }
  return at;
}

void journal::commit(held_writes& changes, held_writes& overlay, std::uint64_t stamp_offset,
                     std::vector<file_space::state> states) {
  locks_.check_alone();
  if (is_dead_) fail(EIO, "nothing more can be committed after a sync that failed: close and open again");
  is_dead_ = true;
  sync(descriptor_);
  is_dead_ = false;

  auto superblock = read_superblock();
  auto settled = superblock.bytes;
  overlay.patch(superblock.offset, settled);
  changes.patch(superblock.offset, settled);
  mark_superblock(settled, false);
  set_superblock_end(settled, states.back().end);
  changes.write(superblock.offset, settled);
  constexpr std::size_t stamp_bytes = 16;
  std::vector<std::byte> stamp(stamp_bytes);
  if (!read_at(descriptor_, stamp_offset, stamp)) fail(errno, "cannot read");
  auto stamped = stamp;
  changes.patch(stamp_offset, stamped);

  // All memory is there before anything is written.
  auto next_overlay = overlay;
  add(next_overlay, changes);
  auto groups = groups_;
  groups.reserve(groups.size() + 1);
  // What nobody has applied for long is written once more, as one, so that the journal stays short.
  const bool is_whole = live_bytes() > tolerated_bytes && live_bytes() > 2 * next_overlay.bytes();
  open_for_writing();
  journal_group head;
  head.salt = salt_;
  head.number = states.back().number;
  // A whole group stands for all before it, which may be written over.
  head.first = is_whole ? head.number : first_;
  head.superblock = {superblock.offset, {superblock.bytes, marked(superblock.bytes), settled}};
  head.stamp = {stamp_offset, {stamp, stamped}};
  head.states = std::move(states);
  // What HDF5 wrote and let go again at the end is no part of the file.
  const auto& wanted = is_whole ? next_overlay : changes;
  const auto bytes = encode_group(head, wanted.end() > head.end() ? wanted.before(head.end()) : wanted);
  const auto offset = find_room(bytes.size());

  if (!write_at(journal_, offset, bytes)) fail(errno, "cannot write the journal of");
  is_dead_ = true;  // until the sync is done: after one that failed nobody knows what is on the disk
  sync(journal_);
  enter();
  is_dead_ = false;

  overlay = std::move(next_overlay);
  changes.clear();
  number_ = head.number;
  first_ = head.first;
  groups.push_back({head.number, offset, bytes.size()});
  std::erase_if(groups, [&](const group_place& one) { return one.number < head.first; });
  groups_ = std::move(groups);
  last_ = std::move(head);
}

// ---- checkpoints

std::optional<file_space::seen_states> journal::checkpoint(held_writes& overlay, std::uint64_t least_end,
                                                           bool is_urgent) {
  if (!last_ || applied_ == number_) return file_space::seen_states{applied_, {}};
  constexpr milliseconds none{0}, some{50};
  is_urgent = is_urgent || live_bytes() > tolerated_bytes;
  if (!locks_.close_entrance(is_urgent ? some : none)) return {};
  std::exception_ptr failed;
  file_space::seen_states seen;
  try {
    seen.older = locks_.held_snapshots(number_);
    if (locks_.exclude_plain_hdf5())
      apply_up_to(seen.older.empty() ? number_ : seen.older.front(), overlay, least_end, is_urgent);
  } catch (...) {
    failed = std::current_exception();
  }
  locks_.readmit();
  if (failed) std::rethrow_exception(failed);
  seen.applied = applied_;
  return seen;
}

void journal::apply_up_to(std::uint64_t oldest, held_writes& overlay, std::uint64_t least_end, bool is_urgent) {
  if (oldest == number_) {
    apply(overlay, *last_, std::max(least_end, last_->end()));
    overlay.clear();
    applied_ = number_;
  } else if (oldest >= first_ && is_urgent) {
    // Readers that follow one another never leave all of it to be applied.
    open_for_writing();
    held_writes seen, unseen;
    std::optional<journal_group> newest;
    for (auto& one : read_groups(journal_)) {
      add(one.head.number <= oldest ? seen : unseen, one.changes);
      if (one.head.number <= oldest) newest = std::move(one.head);
    }
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) fail(errno, "cannot write to");
    apply(seen, *newest, std::max(static_cast<std::uint64_t>(info.st_size), newest->end()));
    overlay = std::move(unseen);
    applied_ = newest->number;
  } else {
    return;
  }
  first_ = applied_ + 1;
}

/// The superblock comes last; the mark is there before anything else, and so is the stamp: where the journal has lost
/// the last commit since, what is applied of it is not taken for a part of the one before.
void journal::apply(const held_writes& changes, const journal_group& last, std::uint64_t end) const {
  const auto& [offset, states] = last.superblock;
  const auto &mark = states[1], &after = states[2];
  auto probe = mark;
  const bool has_mark = mark_superblock(probe, true);
  if (has_mark) write(offset, mark);
  write(last.stamp.offset, last.stamp.states.back());
  sync(descriptor_);
  held_writes masked;
  if (has_mark) masked.write(offset, mark);
  for (const auto& [at, bytes] : changes.ranges()) {
    if (at < offset + mark.size() && at + bytes.size() > offset) {
      auto with_mark = bytes;
      masked.patch(at, with_mark);
      write(at, with_mark);
    } else {
      write(at, bytes);
    }
  }
  // Also where it has that length: space beyond the end that was reserved and not needed goes.
  if (::ftruncate(descriptor_, static_cast<off_t>(end)) != 0) fail(errno, "cannot set the length of");
  sync(descriptor_);
  if (!has_mark) return;
  write(offset, after);
  sync(descriptor_);
}

void journal::write_through(held_writes& changes, std::uint64_t end) {
  for (const auto& [offset, bytes] : changes.ranges()) write(offset, bytes);
  if (::ftruncate(descriptor_, static_cast<off_t>(end)) != 0) fail(errno, "cannot extend");
  changes.clear();
}

/// A journal that is not needed any more is emptied first: one that came back after a power cut would be applied.
void journal::close() noexcept {
  constexpr milliseconds patience{1000};
  if (!last_ || is_dead_ || applied_ != number_ || !locks_.close_entrance(patience)) return;
  try {
    const auto end = last_->end();
    const auto tail = encode_tail(last_->states.back().free, last_->superblock.states.back());
    write(end, tail);
    if (::ftruncate(descriptor_, static_cast<off_t>(end + tail.size())) != 0) fail(errno, "cannot set the length of");
    sync(descriptor_);
    open_for_writing();
    if (::ftruncate(journal_, 0) == 0 && ::fdatasync(journal_) == 0) ::unlink(path_.c_str());
  } catch (const std::exception&) {
    // The journal stays, and knows what the file is to be.
  }
  locks_.leave_entrance();
}

}  // namespace hugehist::store::hdf5
