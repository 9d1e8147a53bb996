// Where the chunks of one histogram go in another that has all its labels.
//
// A plain value; any thread may use it.
#pragma once

#include "chunk/grid.hpp"
#include "store/chunk_coordinate.hpp"
#include "store/store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hugehist::join {

class chunk_map {
 public:
  /// `bins`: for each axis, where its bins are in the target; empty: at the same places. REQUIRES: both chunk shapes
  /// are fixed
  chunk_map(const store::histogram_record& from, const store::histogram_record& to,
            const std::vector<std::vector<std::uint32_t>>& bins);

  /// The chunk of the target that has all of a chunk, cell by cell at the same place; nothing where there is none.
  std::optional<store::chunk_coordinate> whole(const store::chunk_coordinate& from) const;

  /// Calls use(coordinate) for each chunk of the target that gets something of a chunk.
  template <class Use>
  void for_each_target(const store::chunk_coordinate& from, const Use& use) const {
    store::chunk_coordinate to;
    to.rank = from.rank;
    visit(0, from, to, use);
  }

  /// Adds what one chunk has of the other, both decoded, plane after plane.
  void add(const store::chunk_coordinate& from, const std::byte* content, const store::chunk_coordinate& to,
           std::byte* sum) const noexcept;

 private:
  /// Bins of an axis that lie side by side in a chunk of either.
  struct run {
    std::uint32_t chunk = 0;                   // of the target
    std::size_t from = 0, to = 0, length = 0;  // offsets within the chunks
  };
  using runs = std::vector<run>;  // by chunk

  static std::vector<runs> runs_of(std::size_t extent, std::size_t from_length, std::size_t to_length,
                                   std::span<const std::uint32_t> bins);

  template <class Use>
  void visit(std::size_t axis, const store::chunk_coordinate& from, store::chunk_coordinate& to, const Use& use) const {
    if (axis == from.rank) return use(to);
    const run* last = nullptr;
    for (const auto& each : runs_[axis][from.index[axis]]) {
      if (last != nullptr && last->chunk == each.chunk) continue;
      last = &each;
      to.index[axis] = each.chunk;
      visit(axis + 1, from, to, use);
    }
  }

  storage kind_;
  chunk::grid from_, to_;
  std::vector<std::vector<runs>> runs_;  // of each axis, for each chunk of the source along it
};

}  // namespace hugehist::join
