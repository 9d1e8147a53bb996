// The checksums over what a histogram means (its axes, labels in order, storage, metadata), and over attributes.
//
// HDF5 keeps lists and references unchecked: one flipped bit gives another label, another edge, another order of
// axes, silently. Attributes are checked where they lie in an object header, and not in a heap of many. docs/format.md
// describes the bytes. Pure; any thread.
#pragma once

#include "store/store.hpp"

#include <cstdint>

namespace hugehist::store::hdf5 {

std::uint64_t schema_checksum(const histogram_record& record);
std::uint64_t attribute_checksum(const std::string& name, const scalar& value);

}  // namespace hugehist::store::hdf5
