// All chunks of a dataset, however HDF5 keeps them. To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <vector>

namespace hugehist::store::hdf5 {

/// Calls the visitor for each chunk that the dataset has, or may have. Throws failure where not even their number can
/// be told and there are too many places to look for each.
void visit_stored_chunks(hid_t dataset, const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents,
                         const chunk_visitor& visitor);

/// Calls visitor.found for each place that a chunk could have.
void visit_places(const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents,
                  const chunk_visitor& visitor);

}  // namespace hugehist::store::hdf5
