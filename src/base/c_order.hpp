// Stepping an index through C order: the last axis runs fastest.
#pragma once

#include <cstddef>

namespace hugehist::base {

/// The next index, where axis i has length(i) positions; false after the last, and then the index is all zero again.
template <class Index, class Length>
bool advance(Index& index, std::size_t rank, const Length& length) {
  for (auto i = rank; i-- > 0; index[i] = 0)
    if (++index[i] < length(i)) return true;
  return false;
}

}  // namespace hugehist::base
