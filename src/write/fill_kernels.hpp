// The inner loops of a fill: weights of events to the cells of one dense block.
//
// Cells lie as [bin][row]: int64, double, or weighted pairs (value, variance). Nothing here allocates or
// throws; different row ranges of one block may be filled by different threads.
#pragma once

#include <hugehist/storage.hpp>

#include <cstddef>
#include <cstdint>

namespace hugehist::write {

/// Weights without bounds: strides in elements, 0 where all events or all rows share one.
template <class T>
struct weight_view {
  const T* data = nullptr;
  std::ptrdiff_t event_stride = 0;
  std::ptrdiff_t row_stride = 0;
};

struct fill_task {
  void* cells = nullptr;
  std::size_t rows = 1;                   ///< of the block
  const std::uint32_t* events = nullptr;  ///< positions of the events; null: 0, 1, …
  std::size_t count = 0;                  ///< number of events
  const std::uint32_t* bins = nullptr;    ///< at [event], or at [event * rows + row] where bin_per_weight
  bool bin_per_weight = false;
  bool one_bin = false;  ///< the block has no other, and no event is dropped
  /// Where bin_per_weight: `bins` follows the list of events, not their positions, and begins at this row.
  bool bins_in_order = false;
  std::size_t first_bin_row = 0;
  std::size_t first_row = 0, last_row = 1;
};

/// cells[bin][row] += weight, for the rows [first_row, last_row) of each event; dropped bins are passed over.
/// REQUIRES for storage::int_: weights are whole numbers within int64
void add_events(storage kind, const fill_task& task, const weight_view<double>& weights) noexcept;
void add_events(storage kind, const fill_task& task, const weight_view<float>& weights) noexcept;

}  // namespace hugehist::write
