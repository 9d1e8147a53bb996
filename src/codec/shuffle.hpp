// The HDF5 shuffle filter (number 2) for elements of eight bytes: byte j of all elements, for each j in turn.
//
// Bytes of like meaning then lie together, which compresses counts well. Pure functions; any thread.
#pragma once

#include <cstddef>

namespace hugehist::codec {

/// REQUIRES: `from` and `to` hold elements * 8 bytes each and do not overlap.
void shuffle(const std::byte* from, std::byte* to, std::size_t elements) noexcept;
void unshuffle(const std::byte* from, std::byte* to, std::size_t elements) noexcept;

}  // namespace hugehist::codec
