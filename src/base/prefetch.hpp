// What is read next from main memory, asked for ahead: the processor's own prefetching ends at each page.
#pragma once

#include <cstddef>

namespace hugehist::base {

/// A line of the cache. The address may be any.
inline void prefetch(const void* from) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(from);
#else
  static_cast<void>(from);
#endif
}

inline void prefetch(const std::byte* from, std::size_t bytes) noexcept {
  constexpr std::size_t line = 64;
  for (std::size_t at = 0; at < bytes; at += line) prefetch(from + at);
}

}  // namespace hugehist::base
