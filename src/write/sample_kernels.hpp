// The inner loops of a fill of means: weighted samples of events to the cells of one dense block.
//
// Cells lie as [bin][row], each as the accumulator of Boost.Histogram: (counts, mean, sum of squared deviations), or
// (sum of weights, of squared weights, mean, sum of squared deviations). Nothing here allocates or throws; different
// row ranges of one block may be filled by different threads.
#pragma once

#include "write/fill_kernels.hpp"

#include <hugehist/storage.hpp>

#include <cstddef>

namespace hugehist::write {

/// Takes each sample with its weight, for the rows [first_row, last_row) of each event; dropped bins and weights of 0
/// are passed over. Instantiated for double and float.
template <class Weight, class Sample>
void add_samples(storage kind, const fill_task& task, const weight_view<Weight>& weights,
                 const weight_view<Sample>& samples) noexcept;

/// Makes planes of accumulators: the sum of squared deviations of each cell becomes the variance.
void finish_cells(storage kind, void* cells, std::size_t count) noexcept;

}  // namespace hugehist::write
