// What makes a file shorter in which much is free: its last chunks move to free space before them.
#pragma once

#include "store/backend.hpp"

#include <utility>
#include <vector>

namespace hugehist::store {

/// Moves chunks of these histograms from the end of the medium, in a commit of its own, where that is worth it. What
/// the medium holds stays the same. REQUIRES: nothing else waits in its area for a commit that will be
void compact(backend& medium, const std::vector<std::pair<histogram_id, storage>>& histograms);

}  // namespace hugehist::store
