#include "store/hdf5/file_locks.hpp"

#include <hugehist/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <thread>

namespace hugehist::store::hdf5 {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t writer_byte = std::uint64_t{1} << 62, entrance_byte = writer_byte + 1,
                        first_snapshot = writer_byte + 2;
constexpr std::uint64_t snapshots = std::uint64_t{1} << 61;
constexpr milliseconds entrance_patience{30'000};  // a checkpoint may write much, to a slow disk

struct flock range_of(std::uint64_t byte, std::uint64_t bytes, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(byte);
  range.l_len = static_cast<off_t>(bytes);
  return range;
}

/// First byte of a lock of others within the range.
std::optional<std::uint64_t> find_lock(int descriptor, std::uint64_t byte, std::uint64_t bytes) {
  auto range = range_of(byte, bytes, F_WRLCK);
  if (bytes == 0 || ::fcntl(descriptor, F_OFD_GETLK, &range) != 0 || range.l_type == F_UNLCK) return {};
  return static_cast<std::uint64_t>(range.l_start);
}

[[noreturn]] void refuse_writing(const std::string& name) {
  throw locked_error{"'" + name +
                     "' is being written by another process or through another handle: a file has one writer, so close "
                     "it there first"};
}

}  // namespace

file_locks::~file_locks() {
  auto all = range_of(0, 0, F_UNLCK);  // to the end of all
  ::fcntl(descriptor_, F_OFD_SETLK, &all);
  ::flock(descriptor_, LOCK_UN);
}

bool file_locks::try_lock(std::uint64_t byte, mode how) {
  auto range = range_of(byte, 1, how == mode::exclusive ? F_WRLCK : how == mode::shared ? F_RDLCK : F_UNLCK);
  while (::fcntl(descriptor_, F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return false;
    if (!is_writer_) return true;  // a file system without locks: nothing to fear from reading what nobody writes
    throw std::system_error{errno, std::generic_category(), "cannot lock '" + name_ + "' for writing"};
  }
  return true;
}

bool file_locks::wait_for(std::uint64_t byte, mode how, milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!try_lock(byte, how)) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(milliseconds{1});
  }
  return true;
}

bool file_locks::is_locked(std::uint64_t byte) const { return find_lock(descriptor_, byte, 1).has_value(); }

/// As HDF5 does it. True where the file system has no such lock.
bool file_locks::try_lock_for_hdf5(mode how) noexcept {
  const int operation = how == mode::exclusive ? LOCK_EX : how == mode::shared ? LOCK_SH : LOCK_UN;
  while (::flock(descriptor_, operation | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    return errno != EWOULDBLOCK;
  }
  return true;
}

void file_locks::enter_as_writer() {
  is_writer_ = true;
  if (!try_lock(writer_byte, mode::exclusive)) refuse_writing(name_);
  if (!wait_for(entrance_byte, mode::exclusive, entrance_patience))
    throw locked_error{"'" + name_ + "' is being opened by another process that does not go on: end that first"};
  if (!try_lock_for_hdf5(mode::shared)) refuse_writing(name_);
}

void file_locks::enter_as_reader() {
  if (!wait_for(entrance_byte, mode::shared, entrance_patience))
    throw locked_error{"'" + name_ + "' is being changed by a writer that does not go on: end that first"};
}

void file_locks::leave_entrance() noexcept {
  auto range = range_of(entrance_byte, 1, F_UNLCK);
  ::fcntl(descriptor_, F_OFD_SETLK, &range);
}

void file_locks::hold_snapshot(std::uint64_t number) {
  // Where a writer of ours is at work, or left a journal, no other program is to write, and this lock would only keep
  // the writer from applying commits.
  if (number == 0 && !has_writer() && !try_lock_for_hdf5(mode::shared)) refuse_writing(name_);
  try_lock(first_snapshot + std::min(number, snapshots - 1), mode::shared);
}

bool file_locks::close_entrance(milliseconds patience) { return wait_for(entrance_byte, mode::exclusive, patience); }

bool file_locks::exclude_plain_hdf5() noexcept { return try_lock_for_hdf5(mode::exclusive); }

void file_locks::readmit() noexcept {
  leave_entrance();
  if (!try_lock_for_hdf5(mode::shared)) is_lost_ = true;  // one that was refused more has lost what it had
}

void file_locks::check_alone() const {
  if (is_lost_)
    throw locked_error{"'" + name_ + "' was opened for writing by another program: close it there, and open it again"};
}

bool file_locks::has_readers() const { return find_lock(descriptor_, first_snapshot, snapshots).has_value(); }

bool file_locks::has_writer() const { return is_locked(writer_byte); }

std::vector<std::uint64_t> file_locks::held_snapshots(std::uint64_t number) const {
  std::vector<std::uint64_t> held;
  // The system tells of some lock in a range: so on to both sides of it.
  const auto look = [&](auto&& again, std::uint64_t begin, std::uint64_t end) -> void {
    const auto found = find_lock(descriptor_, begin, end - begin);
    if (!found) return;
    const auto place = std::max(*found, begin);
    again(again, begin, place);
    held.push_back(place - first_snapshot);
    again(again, place + 1, end);
  };
  look(look, first_snapshot, first_snapshot + std::min(number, snapshots - 1));
  return held;
}

}  // namespace hugehist::store::hdf5
