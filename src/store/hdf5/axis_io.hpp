// One axis in the HDF5 layout of the UHI serialization: a group of attributes, edges and categories.
//
// What the schema cannot say (integer axes, growth, transforms) goes where boost-histogram looks for it,
// writer_info/boost-histogram; what boost-histogram cannot say goes to writer_info/hugehist. To be called inside
// a session.
#pragma once

#include "store/hdf5/handle.hpp"

#include <hugehist/axis.hpp>

#include <cstdint>

namespace hugehist::store::hdf5 {

void write_axis(hid_t group, const axis::any& axis);

/// Writes the labels; the first `keep` are there already. REQUIRES: axis.is_category()
void write_labels(hid_t group, const axis::any& axis, std::size_t keep);

/// Throws format_error or std::invalid_argument when the group describes no axis of ours.
axis::any read_axis(hid_t group, std::uint64_t file_bytes);

/// Attributes of the group at `path`, none where there is no such group.
metadata_map read_group_attributes(hid_t location, const std::string& path);
/// Writes a group of attributes; nothing where there are none.
void write_group_attributes(hid_t location, const std::string& path, const metadata_map& attributes);

}  // namespace hugehist::store::hdf5
