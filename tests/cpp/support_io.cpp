#include "support_io.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

namespace {

std::mutex recording;
std::string watched;  // empty: nothing is recorded
std::vector<io::operation> operations;

std::string path_of(int descriptor) {
  std::array<char, 4096> path{};
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  const auto length = ::readlink(link.c_str(), path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string{};
}

void record(io::operation one) {
  const std::lock_guard lock{recording};
  if (!watched.empty() && one.path.starts_with(watched)) operations.push_back(std::move(one));
}

bool is_recording() {
  const std::lock_guard lock{recording};
  return !watched.empty();
}

std::optional<io::failure> planned;  // guarded by `recording`
std::size_t asked = 0;               // operations since it was planned

/// What is to become of the next operation on that path.
std::optional<io::failure> next_failure(const std::string& path) {
  const std::lock_guard lock{recording};
  if (!planned || watched.empty() || !path.starts_with(watched)) return {};
  const auto number = asked++;
  if (number == planned->operation || (planned->lasts && number > planned->operation)) return planned;
  return {};
}

/// Of one that cannot be short. True with errno set when it is to fail.
bool fails(const std::string& path) {
  const auto failing = next_failure(path);
  if (failing) errno = failing->code;
  return failing.has_value();
}

}  // namespace

extern "C" {

ssize_t pwrite(int descriptor, const void* from, size_t size, off_t offset) {
  if (is_recording()) {
    if (const auto failing = next_failure(path_of(descriptor))) {
      if (failing->is_short && size > 1) {
        size /= 2;  // and the rest fails, if it lasts
      } else {
        errno = failing->code;
        return -1;
      }
    }
  }
  const auto written = ::syscall(SYS_pwrite64, descriptor, from, size, offset);
  if (written > 0 && is_recording()) {
    const auto* first = static_cast<const std::byte*>(from);
    record({io::operation::kind::write,
            path_of(descriptor),
            static_cast<std::uint64_t>(offset),
            {first, first + written}});
  }
  return written;
}

int ftruncate(int descriptor, off_t length) noexcept {
  if (is_recording() && fails(path_of(descriptor))) return -1;
  const auto status = static_cast<int>(::syscall(SYS_ftruncate, descriptor, length));
  if (status == 0 && is_recording())
    record({io::operation::kind::truncate, path_of(descriptor), static_cast<std::uint64_t>(length)});
  return status;
}

int fdatasync(int descriptor) {
  if (is_recording() && fails(path_of(descriptor))) return -1;
  if (is_recording()) record({io::operation::kind::sync, path_of(descriptor)});
  return 0;  // nothing of a test needs to be durable
}

int fsync(int descriptor) {
  if (is_recording() && fails(path_of(descriptor))) return -1;
  if (is_recording()) record({io::operation::kind::sync_directory, path_of(descriptor)});
  return 0;
}

int unlink(const char* path) noexcept {
  if (is_recording() && fails(path)) return -1;
  const auto status = static_cast<int>(::syscall(SYS_unlink, path));
  if (status == 0 && is_recording()) record({io::operation::kind::unlink, path});
  return status;
}
}

namespace io {
namespace {

constexpr std::size_t sector = 512;

void write_into(std::vector<std::byte>& content, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void run(std::vector<std::byte>& content, const operation& one) {
  if (one.what == operation::kind::write) write_into(content, one.offset, one.bytes);
  if (one.what == operation::kind::truncate) content.resize(one.offset);
}

/// Some of the sectors that a write touches.
void write_sectors(std::vector<std::byte>& content, const operation& one, std::mt19937_64& random) {
  const auto end = one.offset + one.bytes.size();
  for (auto at = one.offset; at < end;) {
    const auto next = std::min<std::uint64_t>((at / sector + 1) * sector, end);
    if (random() % 2 == 0) write_into(content, at, std::span{one.bytes}.subspan(at - one.offset, next - at));
    at = next;
  }
}

}  // namespace

void begin(const std::filesystem::path& directory) {
  const std::lock_guard lock{recording};
  watched = directory.string();
  operations.clear();
}

void fail(const failure& wanted) {
  const std::lock_guard lock{recording};
  planned = wanted;
  asked = 0;
}

void heal() {
  const std::lock_guard lock{recording};
  planned.reset();
}

std::vector<operation> end() {
  const std::lock_guard lock{recording};
  watched.clear();
  return std::exchange(operations, {});
}

std::size_t recorded() {
  const std::lock_guard lock{recording};
  return operations.size();
}

disk::disk(contents begun) {
  for (auto& [path, content] : begun) files_[path] = {std::move(content), {}, true, true};
}

void disk::apply(const operation& one) {
  using kind = operation::kind;
  if (one.what == kind::sync_directory) {
    for (auto& [path, known] : files_) known.had_entry = known.exists;
    return;
  }
  auto& known = files_[one.path];
  if (one.what == kind::unlink) {
    known.exists = false;
  } else if (one.what == kind::sync) {
    for (const auto& waiting : known.pending) run(known.durable, waiting);
    known.pending.clear();
  } else {
    if (!known.exists) known.pending.push_back({kind::truncate, one.path, 0});  // made anew
    known.exists = true;
    known.pending.push_back(one);
  }
}

contents disk::after_kill(const operation* torn, std::size_t bytes) const {
  contents result;
  for (const auto& [path, known] : files_) {
    if (!known.exists) continue;
    auto content = known.durable;
    for (const auto& waiting : known.pending) run(content, waiting);
    result[path] = std::move(content);
  }
  if (torn != nullptr) write_into(result[torn->path], torn->offset, std::span{torn->bytes}.first(bytes));
  return result;
}

contents disk::after_power_loss(std::mt19937_64& random) const {
  contents result;
  for (const auto& [path, known] : files_) {
    if (!known.exists && !known.had_entry) continue;
    if (known.exists != known.had_entry && random() % 2 == 0) continue;
    auto content = known.durable;
    for (const auto& waiting : known.pending) {
      if (waiting.what == operation::kind::write)
        write_sectors(content, waiting, random);
      else if (random() % 2 == 0)
        run(content, waiting);
    }
    result[path] = std::move(content);
  }
  return result;
}

}  // namespace io
