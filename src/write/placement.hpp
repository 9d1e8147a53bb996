// Where a delta goes in a histogram, and whether it does: found before anything changes.
#pragma once

#include "model/category_index.hpp"
#include "model/schema.hpp"
#include "write/delta_data.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::write {

/// For one category axis: where the delta's labels are in the target.
struct label_bins {
  std::vector<std::uint32_t> bins;         ///< of each of the delta's codes
  std::uint32_t overflow = overflow_code;  ///< the target's overflow bin; overflow_code where it has none
  std::uint32_t of(std::uint32_t code) const noexcept { return code == overflow_code ? overflow : bins[code]; }
};

struct placement {
  std::vector<label_bins> labels;                    ///< for each category axis
  std::vector<std::vector<std::string>> new_labels;  ///< that the target gets, likewise
  std::vector<std::size_t> extents;                  ///< of the target once it has grown
};

/// `categories`: the labels of the schema's category axes. Throws std::invalid_argument, saying which axis and how, for
/// another storage or other axes, a label that a fixed axis lacks, too many labels, and what goes to an overflow bin
/// that the target lacks.
placement place(const delta_data& delta, const model::schema& schema,
                std::span<const model::category_index> categories);

/// The category axis whose overflow bin the block needs and the target lacks.
std::optional<std::size_t> lacking_axis(const block& block, std::span<const label_bins> labels);

}  // namespace hugehist::write
