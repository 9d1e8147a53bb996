// Memory on huge pages, where the system has them: the first use of a page costs more than what is written to it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace hugehist::base {

/// For memory that was allocated and not used yet; less than some huge pages is left as it is.
inline void prefer_huge_pages(void* data, std::size_t bytes) noexcept {
  constexpr std::uintptr_t page = 4096;
  constexpr std::size_t least = std::size_t{8} << 20;
  if (bytes < least) return;
  const auto begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace hugehist::base
