// Reading and writing at a position of an open file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::store::hdf5 {

/// What lies beyond the end of the file is zero. False with errno set on failure.
bool read_at(int descriptor, std::uint64_t offset, std::span<std::byte> to) noexcept;

/// False with errno set on failure; some of it may be written then.
bool write_at(int descriptor, std::uint64_t offset, std::span<const std::byte> from) noexcept;

}  // namespace hugehist::store::hdf5
