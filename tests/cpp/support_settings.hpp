// How thorough long tests are, as the environment asks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace store_support {

inline std::size_t setting(const char* name, std::size_t usual) {
  const auto* const asked = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return asked == nullptr ? usual : static_cast<std::size_t>(std::atoll(asked));
}

/// Of so many states or failures one is looked at: for builds that are slow.
inline std::size_t checked_every() {
  static const auto every = std::max<std::size_t>(1, setting("HUGEHIST_CHECK_EVERY", 1));
  return every;
}

}  // namespace store_support
