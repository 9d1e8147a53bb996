#include "store/scratch.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <stdexcept>
#include <system_error>

namespace hugehist::store {
namespace {

[[noreturn]] void fail(int code, const std::string& what, const std::string& directory) {
  throw std::system_error{code, std::generic_category(), what + " in '" + directory + "'"};
}

int open_unlinked(const std::string& directory) {
  const int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  // Not every file system has O_TMPFILE; old kernels answer EISDIR.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT) return -1;
  auto name = directory + "/.hugehist-scratch-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

scratch::~scratch() {
  if (file_ >= 0) ::close(file_);
}

void scratch::open() {
  if (file_ >= 0) return;
  file_ = open_unlinked(directory_);
  if (file_ < 0) fail(errno, "cannot make a scratch file for uncommitted chunks", directory_);
}

scratch::location scratch::write(codec::encoded_chunk chunk) {
  const auto size = chunk.bytes.size();
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw std::invalid_argument{"a chunk of 4 GiB or more cannot be kept: ask for smaller chunks"};
  location result{position(), static_cast<std::uint32_t>(size), chunk.filter_mask};
  if (in_memory()) {
    chunk.bytes.shrink_to_fit();
    chunks_.push_back(std::move(chunk.bytes));
    memory_bytes_ += size;
    return result;
  }
  open();
  for (std::size_t done = 0; done < size;) {
    const auto written = ::pwrite(file_, chunk.bytes.data() + done, size - done, static_cast<off_t>(end_ + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno, "cannot write uncommitted chunks to a scratch file", directory_);
    if (written == 0) fail(ENOSPC, "cannot write uncommitted chunks to a scratch file", directory_);
    done += static_cast<std::size_t>(written);
  }
  end_ += size;
  return result;
}

codec::encoded_chunk scratch::read(const location& from) const {
  if (in_memory()) return {chunks_.at(from.offset), from.filter_mask};
  codec::encoded_chunk chunk{std::vector<std::byte>(from.size), from.filter_mask};
  for (std::size_t done = 0; done < from.size;) {
    const auto got =
        ::pread(file_, chunk.bytes.data() + done, from.size - done, static_cast<off_t>(from.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(errno, "cannot read uncommitted chunks from a scratch file", directory_);
    if (got == 0) fail(EIO, "uncommitted chunks are missing from a scratch file", directory_);
    done += static_cast<std::size_t>(got);
  }
  return chunk;
}

void scratch::forget(const location& which) noexcept {
  if (!in_memory()) return;
  auto& chunk = chunks_[which.offset];
  memory_bytes_ -= chunk.size();
  std::vector<std::byte>{}.swap(chunk);
}

void scratch::truncate(std::uint64_t position) noexcept {
  while (in_memory() && chunks_.size() > position) {
    memory_bytes_ -= chunks_.back().size();
    chunks_.pop_back();
  }
  if (in_memory() || position >= end_) return;
  end_ = position;
  // Only a hint to give space back: a later write at `end_` overwrites what is there.
  [[maybe_unused]] const auto ignored = ::ftruncate(file_, static_cast<off_t>(position));
}

}  // namespace hugehist::store
