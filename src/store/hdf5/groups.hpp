// Groups and links of an HDF5 file. To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"

#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

/// Whether every link along the path exists and the last leads to an object.
bool exists(hid_t location, const std::string& path);

/// Creates a group and those above it that are missing.
handle create_group(hid_t location, const std::string& path);
handle open_group(hid_t location, const std::string& path);
handle open_dataset(hid_t location, const std::string& path);
void remove_link(hid_t location, const std::string& path);

/// Names of the links in a group, sorted.
std::vector<std::string> link_names(hid_t group);

/// Where the object lies in its file: the same for every link to it.
haddr_t address_of(hid_t object);

/// Whether a group has neither links nor attributes.
bool is_bare(hid_t group);

/// Whether the link leads, in this file, to a group (or dataset). Soft and external links are not followed.
bool is_group(hid_t group, const std::string& name);
bool is_dataset(hid_t group, const std::string& name);

}  // namespace hugehist::store::hdf5
