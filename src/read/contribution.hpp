// What one chunk adds to the answer, as loop nests for the kernels.
//
// A chunk whose bins all go to different places is added to the answer directly; any other is reduced to its box
// first, and the box is added to the answer. Which of the two depends on the maps alone, so that the result is
// the same for any number of threads. Factors of axes with one bin in the chunk are left to the last step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "chunk/grid.hpp"
#include "read/plan.hpp"
#include "store/chunk_coordinate.hpp"

namespace hugehist::read {

/// Bins [begin, end) of the answer along one axis.
struct stripe {
  std::size_t axis;
  std::size_t begin;
  std::size_t end;
};

/// A loop nest with its offsets, ready for accumulate(). Stays where it is: the loops point into it.
class loop_nest {
 public:
  loop_nest() = default;
  loop_nest(const loop_nest&) = delete;
  loop_nest& operator=(const loop_nest&) = delete;

  std::span<const axis_loop> loops() const noexcept { return {loops_.data(), count_}; }
  std::size_t in_offset = 0;
  std::size_t out_offset = 0;
  double scale = 1.0;
  bool empty = false;  ///< nothing to add: outside of the stripe

  /// Adds the next axis, from the outermost on; `to_base` is added to its output bins. An axis of one run may vanish
  /// into the offsets or into the loop outside of it.
  void add_axis(std::span<const run> runs, const bin_pair* pairs, const double* factors, std::size_t in_stride,
                std::size_t out_stride, std::size_t to_base);

 private:
  bool join(const run& inner, std::size_t in_stride, std::size_t out_stride);

  std::size_t count_ = 0;
  std::array<axis_loop, store::max_rank> loops_;
  std::array<run, store::max_rank> own_runs_;
};

class contribution {
 public:
  /// `parts`: for each axis the position of the chunk's part in the plan.
  contribution(const plan& plan, const chunk::grid& grid, std::span<const std::uint32_t> parts) noexcept
      : plan_{plan}, grid_{grid}, parts_{parts} {}

  store::chunk_coordinate coordinate() const;
  /// Whether all bins go to the answer directly.
  bool direct() const noexcept;
  std::size_t box_cells() const noexcept;
  /// Chunks with different numbers add to different bins of the answer (the reverse need not be true).
  std::uint64_t group() const noexcept;

  /// Chunk to box. `power` of the factors: 1 or 2.
  void reduce_nest(loop_nest& nest, int power) const;
  /// Chunk (where direct) or box to answer, within `within` where given. REQUIRES: the axis of the stripe is_copied
  void answer_nest(loop_nest& nest, int power, const stripe* within) const;

 private:
  const part& part_of(std::size_t axis) const { return plan_.axes[axis].parts[parts_[axis]]; }

  const plan& plan_;
  const chunk::grid& grid_;
  std::span<const std::uint32_t> parts_;
};

/// Whether every part of the axis copies one run of bins, so that the answer can be cut into stripes along it.
bool is_copied(const axis_plan& axis) noexcept;

}  // namespace hugehist::read
