// The sum of a delta over some of its axes: what a roll-up gets of it.
#pragma once

#include "base/thread_pool.hpp"
#include "write/delta_data.hpp"

#include <cstddef>
#include <span>

namespace hugehist::write {

/// The delta summed over all axes but `kept`, flow bins included; cells of means are combined. The labels of the axes
/// that are left stay, in their order. Cells that only change their category are shared with `delta`, not copied.
/// The result does not depend on the number of threads. REQUIRES: `kept` ascending, not empty
delta_data project(const delta_data& delta, std::span<const std::size_t> kept, base::thread_pool& pool);

}  // namespace hugehist::write
