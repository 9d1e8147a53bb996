// Which part of a delta goes to which chunk.
//
// A plan is made before the histogram changes, with the extents and the grid that it will have. It refers to the
// delta, the layout and the extents. A plain value once made; add() may be called for different chunks at once.
#pragma once

#include "chunk/cache.hpp"
#include "write/add_rows.hpp"
#include "write/cell_kernels.hpp"
#include "write/delta_data.hpp"
#include "write/placement.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hugehist::write {

class merge_plan {
 public:
  /// `extents` and `labels` as place() found them; what it let pass though the target lacks its bin is zero.
  merge_plan(const delta_data& delta, const chunk::layout& layout, const std::vector<std::size_t>& extents,
             std::vector<label_bins> labels);

  /// Leaves out the pieces that are zero. test(i) for i in [0, pieces()) may run on several threads; finish() once
  /// all have.
  std::size_t pieces() const noexcept { return pieces_.size(); }
  void test(std::size_t piece) noexcept;
  void finish();

  /// Chunks that change, in file order. REQUIRES: finish() was called
  std::size_t chunks() const noexcept { return chunks_.size(); }
  store::chunk_coordinate coordinate(std::size_t chunk) const noexcept;
  std::vector<store::chunk_coordinate> coordinates() const;

  /// Marks the chunk dirty and adds what goes to it.
  void add(std::size_t chunk, chunk::pinned_chunk& pin) const noexcept;

 private:
  /// Rows of a block that lie in one chunk along the span axis.
  struct row_group {
    std::uint32_t chunk = 0;
    std::vector<std::uint32_t> rows;
    std::vector<std::uint32_t> offsets;  // along the span axis, within the chunk
  };
  /// The part of the dense axes that lies in one chunk.
  struct dense_tile {
    std::vector<std::uint32_t> chunks;  // for each dense axis
    std::vector<std::size_t> begins, extents;
  };
  /// Events of a block that have a bin in one tile: a range of tile_events_.
  struct event_range {
    std::size_t begin = 0, end = 0;
  };
  struct tile_part {
    std::uint32_t tile = 0;
    event_range events = {};
  };
  struct chunk_part {
    std::uint64_t chunk = 0;  // position in C order among all chunks of the grid
    std::uint32_t block = 0, group = 0, tile = 0;
    event_range events = {};  // of a block of few events
    bool is_zero = false;
  };

  void make_tiles();
  void add_block(std::uint32_t index);
  void find_tiles(const block& block);
  std::uint32_t tile_of(std::size_t bin) const noexcept;
  std::pair<std::uint32_t, std::uint32_t> groups_of(const block& block);
  store::chunk_coordinate coordinate(const chunk_part& part) const noexcept;
  std::uint64_t position(const store::chunk_coordinate& coordinate) const noexcept;
  std::size_t base_offset(const block& block) const noexcept;
  std::optional<whole_rows> rows_of_chunk(const chunk_part& part) const noexcept;

  template <class Use>
  void with_pieces(const chunk_part& part, const chunk::pinned_chunk* pin, const Use& use) const noexcept;
  void add_few(const chunk_part& part, const chunk::pinned_chunk& pin) const noexcept;
  template <class Use>
  void for_each_weight(const chunk_part& part, const Use& use) const noexcept;

  const delta_data& delta_;
  const chunk::layout& layout_;
  const std::vector<std::size_t>& extents_;
  std::vector<label_bins> labels_;
  std::vector<std::size_t> categories_, dense_;  // positions of axes
  std::vector<std::size_t> chunk_counts_;        // along each axis
  std::vector<dense_tile> tiles_;
  std::vector<tile_part> block_tiles_;      // of the block being added
  std::vector<std::uint32_t> tile_events_;  // of blocks of few events
  std::vector<row_group> groups_;
  std::pair<std::uint32_t, std::uint32_t> last_groups_ = {0, 0};
  const block* last_spanned_ = nullptr;
  std::vector<chunk_part> pieces_;
  std::vector<std::pair<std::size_t, std::size_t>> chunks_;  // ranges of pieces_
};

}  // namespace hugehist::write
