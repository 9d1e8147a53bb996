// The checksum under everything that HDF5 leaves unchecked: XXH64 (xxHash, 64 bits).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::base {

/// XXH64 of `bytes` with the given seed; the same on every platform.
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept;

}  // namespace hugehist::base
