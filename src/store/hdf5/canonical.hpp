// The checksum over what a histogram means: its axes, labels in order, and storage.
//
// HDF5 keeps lists and references unchecked: one flipped bit gives another label, another edge, another order of
// axes, silently. docs/format.md describes the bytes. Pure; any thread.
#pragma once

#include "store/store.hpp"

#include <cstdint>

namespace hugehist::store::hdf5 {

std::uint64_t schema_checksum(const histogram_record& record);

}  // namespace hugehist::store::hdf5
