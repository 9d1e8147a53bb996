// Which histograms the joined file has, and which of the sources' go to each.
//
// Plain values and functions.
#pragma once

#include "join_sources.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hugehist::join {

/// A histogram, or a roll-up, of a source.
struct part {
  std::size_t source = 0;
  store::histogram_id id = 0;
  std::vector<std::vector<std::uint32_t>> bins;  ///< for each axis, of each of its bins: the target's; empty: the same
};

struct joined_histogram {
  std::string name;                ///< of a roll-up: of its histogram
  store::histogram_record record;  ///< as it shall be
  std::vector<part> parts;         ///< that have content, by source; none of a roll-up that is stale: to be summed anew
};

struct planned {
  joined_histogram histogram;
  std::vector<joined_histogram> rollups;
};

/// All of them, by name. Throws std::invalid_argument, naming histogram, axis and files, where they do not fit.
std::vector<planned> plan_histograms(std::span<const source> sources);

}  // namespace hugehist::join
