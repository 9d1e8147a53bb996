// What is read next from main memory, asked for ahead: the processor's own prefetching ends at each page.
#pragma once

namespace hugehist::base {

/// A line of the cache. The address may be any.
inline void prefetch(const void* from) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(from);
#else
  static_cast<void>(from);
#endif
}

}  // namespace hugehist::base
