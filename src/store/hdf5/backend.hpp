// The medium of HDF5: a file, or an image of one in memory, that holds the committed state.
//
// For a commit room is reserved before anything is changed, all that changes goes through the driver of the file
// (driver.hpp), and the commit ends as one group of its journal (journal.hpp). Not synchronised, as every store; HDF5
// itself is entered under one lock of the process.
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
