// Which events go to which block: labels, codes and masks of a fill, worked out before anything is added.
#pragma once

#include "write/fill_call.hpp"
#include "write/label_table.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace hugehist::write {

/// Events that go to one tuple of category labels.
struct fill_job {
  std::vector<std::uint32_t> codes;       ///< for each category axis; 0 at the span axis
  const std::uint32_t* events = nullptr;  ///< ascending positions; null: all of them, 0, 1, …
  std::size_t count = 0;
  std::vector<const array_view<bool>*> row_masks;  ///< an event's row counts where all of them are true
};

struct fill_jobs {
  std::vector<fill_job> jobs;                    ///< each has events
  std::vector<std::uint32_t> row_codes;          ///< codes of the variations
  std::deque<std::vector<std::uint32_t>> lists;  ///< what fill_job::events points into
};

/// Resolves labels (appending to `tables`, one for each category axis; the caller undoes that on an exception)
/// and divides the events. Throws as label_table::resolve, and std::invalid_argument for a code outside of its
/// labels.
fill_jobs divide_events(const fill_call& call, std::vector<label_table>& tables);

}  // namespace hugehist::write
