// One selection while it is read: its plan, the chunks it still has to visit, and its answer.
//
// Several of them may read one chunk. A walk visits the chunks that a selection needs in file order. reduce() may run
// on several threads; add() too, where tracks or stripes differ.
#pragma once

#include "chunk/grid.hpp"
#include "read/contribution.hpp"
#include "read/plan.hpp"

#include <hugehist/selection.hpp>
#include <hugehist/storage.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hugehist::read {

/// Zeros. Throws memory_error when they do not fit.
dense_planes make_answer(std::vector<std::size_t> shape, std::span<const plane_info> infos, bool scaled);

class reduction {
 public:
  /// REQUIRES: validated maps, a grid of the same rank
  reduction(storage kind, const chunk::grid& grid, std::span<const axis_map> maps);

  /// Chunks to visit in all, whether they exist or not.
  std::size_t chunks() const noexcept { return plan_.chunks; }
  bool at_end() const noexcept { return visited_ == plan_.chunks; }
  /// The next chunk, and its parts in the plan. REQUIRES: !at_end()
  const store::chunk_coordinate& next() const noexcept { return next_; }
  std::span<const std::uint32_t> next_parts() const noexcept { return position_; }
  void advance();

  contribution visit(std::span<const std::uint32_t> parts) const noexcept { return {plan_, grid_, parts}; }
  std::size_t box_bytes(const contribution& chunk) const noexcept;
  /// Chunk to box, all planes. REQUIRES: not chunk.direct()
  void reduce(const contribution& chunk, const std::byte* data, std::byte* box) const;

  /// Planes that add up by themselves; those of means go together, as one track.
  std::size_t tracks() const noexcept { return tracks_; }
  /// Adds the chunk (where direct) or its box to the answer, within the stripe where one is given.
  void add(const contribution& chunk, const std::byte* data, std::size_t track, const stripe* within);
  /// Cuts the answer along an axis that chunks copy: the outermost that is long enough in every chunk, so that rows
  /// stay whole. Empty where there is none.
  std::vector<stripe> choose_stripes(std::size_t count) const;

  dense_planes take_answer() { return std::move(answer_); }

 private:
  int power(std::size_t plane) const { return infos_[plane].name == "variances" ? 2 : 1; }

  storage kind_;
  const chunk::grid& grid_;
  std::span<const plane_info> infos_;
  std::size_t tracks_;
  plan plan_;
  dense_planes answer_;
  std::vector<std::uint32_t> position_;  // of the next chunk: its part along each axis
  store::chunk_coordinate next_;
  std::size_t visited_ = 0;
};

}  // namespace hugehist::read
