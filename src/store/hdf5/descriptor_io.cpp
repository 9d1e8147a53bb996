#include "store/hdf5/descriptor_io.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hugehist::store::hdf5 {

bool read_at(int descriptor, std::uint64_t offset, std::span<std::byte> to) noexcept {
  while (!to.empty()) {
    const auto got = ::pread(descriptor, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) {
      std::memset(to.data(), 0, to.size());
      return true;
    }
    to = to.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool write_at(int descriptor, std::uint64_t offset, std::span<const std::byte> from) noexcept {
  // Beyond the limit the system would send a signal that ends the process.
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      offset + from.size() > limit.rlim_cur) {
    errno = EFBIG;
    return false;
  }
  while (!from.empty()) {
    const auto written = ::pwrite(descriptor, from.data(), from.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = ENOSPC;
    if (written <= 0) return false;
    from = from.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

}  // namespace hugehist::store::hdf5
