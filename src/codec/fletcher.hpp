// The checksum of HDF5's filter 3: Fletcher's, over 16-bit words. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::codec {

/// REQUIRES: an even number of bytes
std::uint32_t fletcher32(std::span<const std::byte> bytes) noexcept;

}  // namespace hugehist::codec
