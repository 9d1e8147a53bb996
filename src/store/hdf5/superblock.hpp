// The superblock of an HDF5 file as bytes.
//
// H5Fget_file_image clears the mark "open for writing" but leaves the checksum over it as it was (HDF5 1.10.8), and
// then no program opens the image. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::store::hdf5 {

/// Makes the checksum of the superblock right. Older superblocks have none, and stay as they are.
void mend_superblock(std::span<std::byte> image) noexcept;

/// Length of the superblock that `bytes` begin with; 0 where they begin with none.
std::size_t superblock_length(std::span<const std::byte> bytes) noexcept;

/// Sets or clears the mark by which HDF5 1.10 and later refuse a file that somebody writes (older ones do not know the
/// version then); sums it anew. False where the version has no such mark: nothing is changed.
bool mark_superblock(std::span<std::byte> superblock, bool is_written) noexcept;

/// Sets where the file ends, and sums the superblock anew.
void set_superblock_end(std::span<std::byte> superblock, std::uint64_t end) noexcept;

/// Bob Jenkins's lookup3 (hashlittle): the checksum of HDF5's metadata.
std::uint32_t lookup3(std::span<const std::byte> bytes) noexcept;

}  // namespace hugehist::store::hdf5
