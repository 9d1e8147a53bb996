// What a closed file remembers of its free space, behind the end that HDF5 knows.
//
// Other programs leave it alone when they read, and cut it off when they write; copies that are no copies byte by byte
// have none. So where it is, it is right. All numbers have 64 bits, little-endian: "HHSPACE1"; its length without these
// two; length of the superblock, and its bytes; number of free extents, and of each its offset and length; XXH64 of all
// before.
#pragma once

#include "base/byte_stream.hpp"
#include "store/hdf5/file_space.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hugehist::store::hdf5 {

/// Extents as they are in the tail, and in a journal.
void put_extents(base::byte_writer& out, std::span<const file_space::extent> extents);
/// Throws corruption_error where they are not in order, or not within a file that ends at `end`.
std::vector<file_space::extent> get_extents(base::byte_reader& in, std::uint64_t end);

struct space_tail {
  std::vector<file_space::extent> free;
  std::uint64_t length = 0;  // of the tail
};

/// Empty where nothing is free.
std::vector<std::byte> encode_tail(std::span<const file_space::extent> free, std::span<const std::byte> superblock);
/// The tail of an open file that ends at `end` to HDF5; an empty one where there is none for this superblock.
space_tail read_tail(int descriptor, std::uint64_t end, std::span<const std::byte> superblock);

}  // namespace hugehist::store::hdf5
