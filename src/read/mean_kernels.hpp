// The inner loop of a read of means: as kernels.hpp, but cells are combined, all planes at once.
#pragma once

#include "model/moments.hpp"
#include "read/kernels.hpp"

#include <span>

namespace hugehist::read {

/// out[to] = combine(out[to], in[from] scaled by scale * factors), for every combination of bins in their order.
void accumulate(std::span<const axis_loop> loops, const model::moment_planes<const double>& in,
                const model::moment_planes<double>& out, double scale) noexcept;

}  // namespace hugehist::read
