// Adds a delta to a histogram in a store, chunk by chunk.
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/category_index.hpp"
#include "store/store.hpp"
#include "write/delta_data.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hugehist::write {

/// A histogram as the merge sees it.
struct merge_target {
  store::store& store;
  chunk::chunk_cache& cache;
  base::thread_pool& pool;
  store::histogram_id id;
  std::vector<model::category_index>& categories;  ///< one for each category axis; grows with the merge
  chunk::layout& layout;                           ///< its grid is made by the first merge
};

/// Adds `delta`, and `id` to the ledger: both or neither. Categories are matched by label and grow; a label that a
/// fixed axis lacks is refused, before anything changes, with std::invalid_argument, as are axes or a storage that do
/// not fit. On any exception store, cache, categories and layout are as before the call.
///
/// How: when all touched chunks fit in the cache they are pinned first and added to afterwards, which cannot
/// fail; else touched chunks are written back before they change, so that the store's mark has what they were.
///
/// `progress` is told (chunks done, chunks to do), by any thread of the pool, one at a time; what it throws undoes the
/// merge.
void merge(const delta_data& delta, const merge_target& target, const std::optional<std::string>& id = {},
           const std::function<void(std::size_t, std::size_t)>& progress = {});

/// Throws std::invalid_argument, saying which axis and how, when the delta does not fit the schema.
void check_compatible(const delta_data& delta, const model::schema& schema);

}  // namespace hugehist::write
