// Encoded chunks to and from a dataset, past HDF5's filters and its chunk cache.
//
// A dataset that others wrote is read through HDF5 instead, and comes as raw chunks. To be called inside a
// session.
#pragma once

#include "base/encoding.hpp"
#include "store/chunk_area.hpp"
#include "store/chunk_coordinate.hpp"
#include "store/hdf5/driver.hpp"
#include "store/hdf5/handle.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace hugehist::store::hdf5 {

/// First bin of a chunk, or nothing where that lies outside of the extents.
std::optional<std::vector<hsize_t>> chunk_offset(const chunk_coordinate& coordinate,
                                                 const std::vector<std::size_t>& shape,
                                                 const std::vector<std::size_t>& extents);

/// Length of a stored chunk, 0 where there is none. Throws failure when HDF5 cannot tell.
std::uint64_t stored_chunk_bytes(hid_t dataset, const std::vector<hsize_t>& offset);

/// Where the chunk is, or without a driver its content; nothing where there is no such chunk. Throws failure when it is
/// longer than the file.
found_chunk find_stored_chunk(hid_t dataset, const std::vector<hsize_t>& offset, std::uint64_t file_bytes,
                              driven_file* driver);

void write_stored_chunk(hid_t dataset, const std::vector<hsize_t>& offset, const codec::encoded_view& chunk);
/// The same for a chunk that is in the file and expected by the driver: HDF5 writes no content.
void write_placed_chunk(hid_t dataset, const std::vector<hsize_t>& offset, const chunk_area::location& where);

/// A chunk of a dataset that others wrote: its numbers as eight-byte elements, 0 beyond the extents. Throws
/// format_error where a number does not fit.
codec::encoded_chunk read_foreign_chunk(hid_t dataset, bool is_integer, const std::vector<hsize_t>& offset,
                                        const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents);

}  // namespace hugehist::store::hdf5
