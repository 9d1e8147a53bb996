#include "store/hdf5/journal.hpp"

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "store/hdf5/descriptor_io.hpp"
#include "store/hdf5/superblock.hpp"

#include <hugehist/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::uint64_t magic = 0x31304c4e524a4848;  // "HHJRNL01"

struct group {
  std::uint64_t salt = 0, number = 0;
  std::array<std::vector<std::byte>, 3> superblocks;  // before, marked, after
  std::uint64_t end = 0;
  held_writes changes;
};

constexpr std::size_t header_bytes = 16;  // of a group: the magic number and its length

/// The group that the bytes are, without the header; nothing where it is not whole.
std::optional<group> read_group(std::span<const std::byte> bytes) {
  try {
    base::byte_reader in{bytes};
    group result;
    for (auto* number : {&result.salt, &result.number, &result.end}) *number = in.get<std::uint64_t>();
    for (auto& superblock : result.superblocks) superblock = in.get_all<std::byte>(in.get_count<std::uint64_t>(1));
    const auto ranges = in.get<std::uint64_t>();
    for (std::uint64_t i = 0; i < ranges; ++i) {
      const auto offset = in.get<std::uint64_t>();
      const auto content = in.take(in.get<std::uint64_t>());
      if (content.empty() || offset > result.end || content.size() > result.end - offset) return std::nullopt;
      result.changes.write(offset, content);
    }
    const auto length = bytes.size() - in.left();
    if (in.get<std::uint64_t>() != base::checksum(bytes.first(length), result.salt) || in.left() != 0)
      return std::nullopt;
    return result;
  } catch (const corruption_error&) {
    return std::nullopt;  // torn
  }
}

/// Groups of one salt, numbered 0, 1, …; what follows is of commits before, or torn.
std::vector<group> read_groups(int journal, std::uint64_t journal_bytes) {
  std::vector<group> result;
  for (std::uint64_t at = 0; at + header_bytes <= journal_bytes;) {
    std::array<std::uint64_t, 2> header{};
    if (!read_at(journal, at, std::as_writable_bytes(std::span{header}))) break;
    at += header_bytes;
    if (header[0] != magic || header[1] > journal_bytes - at) break;
    std::vector<std::byte> bytes(header[1]);
    if (!read_at(journal, at, bytes)) break;
    auto next = read_group(bytes);
    if (!next || next->number != result.size() || (!result.empty() && next->salt != result.front().salt)) break;
    result.push_back(std::move(*next));
    at += bytes.size();
  }
  return result;
}

/// Whether a superblock is one of the groups', or what an interrupted write made of two of them.
bool is_from(std::span<const std::byte> superblock, const std::vector<group>& groups) {
  const auto has_byte = [&](std::size_t i) {
    return std::ranges::any_of(groups, [&](const group& one) {
      return std::ranges::any_of(one.superblocks, [&](const auto& known) {
        return known.size() == superblock.size() && known[i] == superblock[i];
      });
    });
  };
  for (std::size_t i = 0; i < superblock.size(); ++i)
    if (!has_byte(i)) return false;
  return !superblock.empty();
}

}  // namespace

/// The superblock as bytes; empty for a file without one.
struct journal::superblock {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;

  /// As one that a writer has open, which HDF5 refuses; the same where its version has no such mark.
  superblock marked() const {
    auto result = *this;
    mark_superblock(result.bytes, true);
    return result;
  }
  bool is_marked() const { return !bytes.empty() && bytes == marked().bytes; }
  bool has_mark() const {
    auto probe = bytes;
    return mark_superblock(probe, true);
  }
};

journal::journal(int descriptor, const std::string& name) : descriptor_{descriptor}, name_{name} {
  std::error_code failed;
  path_ = std::filesystem::canonical(name, failed);  // one journal, by whatever name the file is opened
  if (failed) path_ = std::filesystem::absolute(name);
  path_ += ".journal";
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

journal::superblock journal::read_superblock() const {
  constexpr std::uint64_t farthest = std::uint64_t{1} << 30;
  superblock result;
  std::array<std::byte, 96> block{};
  for (std::uint64_t at = 0; at < farthest; at = at == 0 ? 512 : 2 * at) {
    if (!read_at(descriptor_, at, block)) fail(errno, "cannot read");
    const auto length = superblock_bytes(block);
    if (length == 0) continue;
    result.offset = at;
    result.bytes.assign(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(length));
    break;
  }
  return result;
}

// ---- recovery

std::uint64_t journal::recover(bool writable, held_writes& held) {
  const int found = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (found < 0 && errno == ENOENT) return 0;
  if (found < 0) fail(errno, "cannot read the journal of");
  struct stat info {};
  if (::fstat(found, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(found);
    throw format_error{"'" + path_.string() + "' stands where the journal of '" + name_ +
                       "' would be, and is no regular file: move it away"};
  }
  const auto groups = read_groups(found, static_cast<std::uint64_t>(info.st_size));
  ::close(found);
  if (groups.empty()) {
    if (writable && !read_superblock().is_marked()) remove();
    return 0;
  }
  const auto now = read_superblock();
  if (!is_from(now.bytes, groups))
    throw format_error{"'" + path_.string() + "' is the journal of another file than '" + name_ +
                       "', or that one was changed by another program since: restore both from a copy, or delete the "
                       "journal if the file was replaced on purpose"};
  for (const auto& one : groups)
    for (const auto& [offset, content] : one.changes.ranges()) held.write(offset, content);
  const auto end = groups.back().end;
  if (!writable) return end;

  // With the superblocks of the journal, so that a recovery that is killed leaves one of them.
  const auto& [before, marked, after] = groups.back().superblocks;
  apply(held, {now.offset, marked}, {now.offset, after}, end);
  held.clear();
  remove();
  return 0;
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
  journal_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, info.st_mode & read_and_write);
  if (journal_ < 0) fail(errno, "cannot create the journal of");
  is_entered_ = false;
}

/// Has the directory know the journal.
void journal::enter() {
  if (std::exchange(is_entered_, true)) return;
  const auto folder = path_.parent_path();
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail(errno, "cannot open the directory of");
  const auto status = ::fsync(directory);
  const auto code = errno;
  ::close(directory);
  if (status != 0 && code != EINVAL) fail(code, "cannot make the journal durable of");  // EINVAL: cannot be synced
}

void journal::append(const held_writes& changes, const superblock& before, const superblock& after, std::uint64_t end) {
  if (end_ == 0) {
    number_ = 0;
    salt_ = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  }
  base::byte_writer out;
  for (const auto number : {magic, std::uint64_t{0}, salt_, number_, end}) out.put(number);  // the length comes last
  for (const auto& state : {before, before.marked(), after}) {
    out.put(std::uint64_t{state.bytes.size()});
    out.put_all(std::span{state.bytes});
  }
  out.put(std::uint64_t{changes.ranges().size()});
  for (const auto& [offset, content] : changes.ranges()) {
    out.put(offset);
    out.put(std::uint64_t{content.size()});
    out.put_all(std::span{content});
  }
  out.put(base::checksum(std::span{out.bytes()}.subspan(header_bytes), salt_));
  const std::uint64_t length = out.size() - header_bytes;
  std::memcpy(out.bytes().data() + sizeof magic, &length, sizeof length);
  if (!write_at(journal_, end_, out.bytes())) fail(errno, "cannot write the journal of");
  is_dead_ = true;  // until the sync is done: after one that failed nobody knows what is on the disk
  sync(journal_);
  enter();
  is_dead_ = false;
  end_ += out.size();
  ++number_;
}

void journal::commit(held_writes& changes, std::uint64_t end) {
  if (is_dead_) fail(EIO, "nothing more can be committed after a sync that failed: close and open again");
  is_dead_ = true;
  sync(descriptor_);
  is_dead_ = false;
  if (changes.empty()) return;

  const auto before = read_superblock();
  auto after = before;
  changes.patch(after.offset, after.bytes);
  mark_superblock(after.bytes, false);
  changes.write(after.offset, after.bytes);
  open_for_writing();
  append(changes, before, after, end);
  try {
    apply(changes, before.marked(), after, end);
    changes.clear();
    end_ = 0;
  } catch (const std::exception&) {
    // It is in the journal, from where the next commit or the next opening takes it.
  }
}

/// The superblock comes last; the mark is there before anything else.
void journal::apply(const held_writes& changes, const superblock& marked, const superblock& after,
                    std::uint64_t end) const {
  const bool has_mark = marked.has_mark();
  if (has_mark) {
    write(marked.offset, marked.bytes);
    sync(descriptor_);
  }
  held_writes masked;
  if (has_mark) masked.write(marked.offset, marked.bytes);
  for (const auto& [offset, content] : changes.ranges()) {
    if (offset < marked.offset + marked.bytes.size() && offset + content.size() > marked.offset) {
      auto with_mark = content;
      masked.patch(offset, with_mark);
      write(offset, with_mark);
    } else {
      write(offset, content);
    }
  }
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) fail(errno, "cannot write to");
  if (static_cast<std::uint64_t>(info.st_size) < end && ::ftruncate(descriptor_, static_cast<off_t>(end)) != 0)
    fail(errno, "cannot extend");
  sync(descriptor_);
  if (!has_mark) return;
  write(after.offset, after.bytes);
  sync(descriptor_);
}

void journal::write_through(held_writes& changes, std::uint64_t end) {
  for (const auto& [offset, content] : changes.ranges()) write(offset, content);
  if (::ftruncate(descriptor_, static_cast<off_t>(end)) != 0) fail(errno, "cannot extend");
  changes.clear();
}

/// A journal that is not needed any more is emptied first: one that came back after a power cut would be applied.
void journal::close() noexcept {
  if (journal_ < 0) return;
  if (end_ == 0 && ::ftruncate(journal_, 0) == 0 && ::fdatasync(journal_) == 0) ::unlink(path_.c_str());
  ::close(std::exchange(journal_, -1));
}

}  // namespace hugehist::store::hdf5
