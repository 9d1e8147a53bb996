// Reads selections: plan, visit each needed chunk once, add into the answers.
//
// Chunks are visited in file order and decoded in parallel; their contributions are added in file order, so
// the answers are the same to the last bit for any number of threads, and for a selection alone or among others. Chunks
// that do not exist cost nothing but the question.
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/schema.hpp"

#include <hugehist/selection.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace hugehist::read {

struct read_source {
  chunk::chunk_cache& cache;
  base::thread_pool& pool;
  const chunk::layout& layout;  ///< an empty grid: nothing was ever merged, all is zero
  storage kind;
  std::vector<std::size_t> extents;  ///< now, flow bins included
  bool magnitudes = false;           ///< read |content| of planes that are no integers
};

/// One map for each axis.
using axis_maps = std::span<const axis_map>;

/// One answer for each selection. REQUIRES: one map for each axis, targets within extents (checked:
/// std::invalid_argument). Throws memory_error when an answer itself does not fit into memory, corruption_error that
/// names the chunk, and what `progress` throws.
std::vector<dense_planes> read_many(const read_source& source, std::span<const axis_maps> selections,
                                    const std::function<void(std::size_t, std::size_t)>& progress);

/// The same of one selection.
dense_planes read(const read_source& source, axis_maps maps,
                  const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace hugehist::read
