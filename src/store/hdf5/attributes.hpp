// Attributes of HDF5 objects as scalars: what h5py and uhi write and read.
//
// Booleans are h5py's enum of FALSE and TRUE, strings are written with a fixed length as UTF-8 and read with any.
// To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"

#include <hugehist/axis.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

/// Writes an attribute, replacing one of that name.
void write_attribute(hid_t object, const std::string& name, const scalar& value);
void write_unsigned(hid_t object, const std::string& name, std::uint64_t value);
void write_sizes(hid_t object, const std::string& name, std::span<const std::size_t> values);
void write_attributes(hid_t object, const metadata_map& attributes);
void remove_attribute(hid_t object, const std::string& name);

bool has_attribute(hid_t object, const std::string& name);

/// Nothing where there is no such attribute, or one that is no scalar of ours.
std::optional<scalar> read_attribute(hid_t object, const std::string& name);
std::optional<std::uint64_t> read_unsigned(hid_t object, const std::string& name);
std::vector<std::size_t> read_sizes(hid_t object, const std::string& name);

std::vector<std::string> attribute_names(hid_t object);
/// All attributes that are scalars.
metadata_map read_attributes(hid_t object);
/// All that read_unsigned reads.
std::map<std::string, std::uint64_t> read_unsigned_attributes(hid_t object);

}  // namespace hugehist::store::hdf5
