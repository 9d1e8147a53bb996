// Changes chunks of a histogram in a store: all of them, or none.
//
// How: when all chunks fit in the cache they are pinned first and changed afterwards, which cannot fail; else
// what is dirty is written back before it changes, so that the store's mark has what it was.
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/category_index.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace hugehist::write {

/// A histogram as writers see it.
struct write_target {
  store::store& store;
  chunk::chunk_cache& cache;
  base::thread_pool& pool;
  store::histogram_id id;
  std::vector<model::category_index>& categories;  ///< one for each category axis; grows with a merge
  chunk::layout& layout;                           ///< its grid is made by the first change
};

struct chunk_edit {
  chunk::layout layout;                         ///< as it will be: its grid is the target's from the first chunk on
  std::vector<store::chunk_coordinate> chunks;  ///< distinct; in file order
  std::function<void()> structure = [] {};      ///< changes labels, flags or ledger of the store
  /// Marks the chunk of that position dirty and changes it. Does not throw; runs for different chunks on several
  /// threads.
  std::function<void(std::size_t, chunk::pinned_chunk&)> change;
  /// Told (chunks done, chunks to do), by any thread of the pool, one at a time; what it throws undoes the edit.
  std::function<void(std::size_t, std::size_t)> progress = {};
};

/// On an exception store, cache, categories and layout are as before the call.
void apply(const chunk_edit& edit, const write_target& target);

}  // namespace hugehist::write
