// The medium of HDF5: a file (or an image of one in memory) that holds the committed state.
//
// What a commit promises today: room is reserved before anything is changed, and when commit() returns all of it
// is on the disk. A process that dies, or a disk that fails, in the middle of a commit can leave a torn file; the
// journal that mends that is to come under this interface. Not synchronised, as every store; HDF5 itself is
// entered under one lock of the process.
#pragma once

#include "store/backend.hpp"
#include "store/hdf5/file_access.hpp"

#include <memory>
#include <string>

namespace hugehist::store::hdf5 {

/// Throws format_error when the file holds something else and no histogram, or is too new. A file that is new gets this
/// uuid, or one of its own; with `damage`, what cannot be read is told and left out.
std::unique_ptr<backend> make_backend(std::shared_ptr<file_access> access, const std::string& uuid = {},
                                      damage_listener damage = {});

}  // namespace hugehist::store::hdf5
