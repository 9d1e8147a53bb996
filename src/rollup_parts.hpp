// Parts of a roll-up: boxes of its bins that fit into memory. Plain functions; any thread.
#pragma once

#include <hugehist/histogram.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/storage.hpp>

#include <cstddef>
#include <vector>

namespace hugehist::rollups {

/// For each axis the bins: a box is their product.
using bin_lists = std::vector<std::vector<std::size_t>>;

/// How many bins a part has at most, for a file of so much memory.
std::size_t part_cells(std::size_t memory, storage kind) noexcept;

/// Cuts a box into boxes of at most so many bins, along the outer axes first.
std::vector<bin_lists> split(const bin_lists& box, std::size_t most_cells);

/// What a box is of the histogram: the bins of the axes that are kept, the sum over all others.
std::vector<axis_map> maps_of(const bin_lists& box, const std::vector<std::size_t>& kept,
                              const std::vector<std::size_t>& extents);

/// Progress of a part as that of all parts, which are taken for equal.
histogram::progress_callback part_progress(const histogram::progress_callback& progress, std::size_t part,
                                           std::size_t parts);

}  // namespace hugehist::rollups
