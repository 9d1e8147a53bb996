// What is read next from main memory, asked for ahead: the processor's own prefetching ends at each page.
#pragma once

#include <cstddef>

namespace hugehist::base {

inline void prefetch(const std::byte* from, std::size_t bytes) noexcept {
#if defined(__GNUC__)
  constexpr std::size_t cache_line = 64;
  for (std::size_t at = 0; at < bytes; at += cache_line) __builtin_prefetch(from + at);
#else
  static_cast<void>(from);
  static_cast<void>(bytes);
#endif
}

}  // namespace hugehist::base
