// From axis maps to chunks: which chunks a read needs, and what it does with the bins of each.
//
// For each axis the plan lists the chunk indices that hold at least one bin that is kept (parts); the chunks to
// visit are the product of these lists. A chunk adds to a box of the answer: along each axis to the distinct
// targets of its part. A plan is a value, made once for a read; any thread may read it.
#pragma once

#include <hugehist/selection.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chunk/grid.hpp"
#include "read/kernels.hpp"

namespace hugehist::read {

/// What happens to the bins of one axis within the chunks that have one index along it.
struct part {
  std::uint32_t chunk = 0;         ///< index of the chunks along this axis
  std::uint32_t group = 0;         ///< parts of different groups have no target in common
  std::uint32_t lowest = 0;        ///< target
  std::uint32_t length = 0;        ///< number of distinct targets: the box's length
  std::uint32_t reduce_begin = 0;  ///< runs from bins of the chunk to positions in the box
  std::uint32_t reduce_count = 0;
  std::uint32_t answer_begin = 0;  ///< runs from positions in the box to targets; none where contiguous
  std::uint32_t answer_count = 0;
  bool injective = true;   ///< no two bins go to one target
  bool contiguous = true;  ///< the targets are [lowest, lowest + length)

  /// Bins may go to the answer directly: `lowest` + position in the box.
  bool direct() const noexcept { return injective && contiguous; }
};

struct axis_plan {
  std::vector<part> parts;  ///< by ascending chunk index
  std::vector<run> runs;
  std::vector<bin_pair> pairs;
  std::array<std::vector<double>, 2> factors;  ///< for each bin of the axis, to the powers 1 and 2; or empty
  std::size_t chunk_length = 1;
  std::uint32_t groups = 0;

  std::span<const run> reduce_runs(const part& p) const { return {runs.data() + p.reduce_begin, p.reduce_count}; }
  std::span<const run> answer_runs(const part& p) const { return {runs.data() + p.answer_begin, p.answer_count}; }
};

struct plan {
  std::vector<axis_plan> axes;
  std::vector<std::size_t> shape;           ///< of the answer
  std::vector<std::size_t> answer_strides;  ///< in elements
  std::size_t chunks = 0;                   ///< to visit, whether they exist or not; SIZE_MAX where that overflows
  bool scaled = false;                      ///< some axis has factors
};

/// Throws std::invalid_argument when maps do not fit the extents (lengths, targets, factors).
void validate(std::span<const axis_map> maps, std::span<const std::size_t> extents);

/// REQUIRES: validated maps, a grid of the same rank
plan make_plan(const chunk::grid& grid, std::span<const axis_map> maps);

}  // namespace hugehist::read
