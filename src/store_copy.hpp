// A copy of all that is sound in one store to another, without decoding more than the check needs.
//
// A histogram that lost a chunk gets its roll-ups empty and stale, since they still have what it lost. Histograms of
// others become ours. REQUIRES: nobody else uses either store
#pragma once

#include "inspection.hpp"

#include <cstdint>
#include <vector>

namespace hugehist {

struct copy_result {
  std::uint64_t chunks = 0, bytes = 0;
  std::vector<std::string> to_rebuild;  ///< histograms with stale roll-ups
};

/// Commits now and then, and at the end.
copy_result copy_store(store::store& from, store::store& to, base::thread_pool& pool, std::size_t memory,
                       const histogram::progress_callback& progress, inspection::findings& lost);

}  // namespace hugehist
