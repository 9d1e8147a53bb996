// The planes of a histogram as datasets: resizable, chunked, with the filters that the chunks are coded for.
//
// To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"
#include "store/store.hpp"

#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hugehist::store::hdf5 {

using plane_handles = std::array<handle, max_planes>;

/// The chunk shape of the record, or, while that is not fixed, one that other readers can live with.
std::vector<std::size_t> shape_or_provisional(const histogram_record& record);

/// Inner axes whole, as far as a plane of a chunk stays within 1 MiB, 1 along the outer ones.
std::vector<std::size_t> compact_shape(const std::vector<std::size_t>& extents);

/// Makes the planes of the record in the storage group; those that are there go.
void create_planes(hid_t storage, const histogram_record& record);

/// Resizes the planes to the extents of the record's axes.
void resize_planes(hid_t storage, const histogram_record& record);

/// Throws failure when the planes are not what create_planes made for this record.
void check_planes(hid_t storage, const histogram_record& record);

handle open_plane(hid_t storage, const plane_info& plane);

/// Extents of a dataset.
std::vector<std::size_t> dataset_extents(hid_t dataset);

}  // namespace hugehist::store::hdf5
