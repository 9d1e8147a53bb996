// Adds a delta to a histogram in a store, chunk by chunk.
#pragma once

#include "write/delta_data.hpp"
#include "write/edit_chunks.hpp"

#include <hugehist/merge_id.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace hugehist::write {

/// Adds `delta`, and `id` to the ledger: both or neither. Categories are matched by label and grow; a label that a
/// fixed axis lacks is refused, before anything changes, with std::invalid_argument, as are axes or a storage that do
/// not fit. On any exception store, cache, categories and layout are as before the call.
///
/// `progress` is told (chunks done, chunks to do), by any thread of the pool, one at a time; what it throws undoes the
/// merge.
void merge(const delta_data& delta, const write_target& target, const std::optional<merge_id>& id = {},
           const std::function<void(std::size_t, std::size_t)>& progress = {});

/// Throws what merge would throw for a delta that does not fit, and changes nothing.
void check(const delta_data& delta, const write_target& target);

}  // namespace hugehist::write
