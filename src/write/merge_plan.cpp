#include "write/merge_plan.hpp"

#include "base/c_order.hpp"
#include "model/moments.hpp"
#include "model/schema.hpp"

#include <algorithm>
#include <bit>

namespace hugehist::write {

merge_plan::merge_plan(const delta_data& delta, const chunk::layout& layout, const std::vector<std::size_t>& extents,
                       std::vector<label_bins> labels)
    : delta_{delta}, layout_{layout}, extents_{extents}, labels_{std::move(labels)} {
  categories_ = model::category_axes(delta.axes);
  dense_ = model::dense_axes(delta.axes);
  const auto& shape = layout.grid.shape();
  for (std::size_t i = 0; i < extents.size(); ++i)
    chunk_counts_.push_back(std::max<std::size_t>(1, (extents[i] + shape[i] - 1) / shape[i]));
  make_tiles();
  for (std::uint32_t i = 0; i < delta.blocks.size(); ++i) add_block(i);
}

void merge_plan::make_tiles() {
  const auto& shape = layout_.grid.shape();
  std::vector<std::uint32_t> index(dense_.size(), 0);
  do {
    dense_tile made{index, {}, {}};
    for (std::size_t d = 0; d < dense_.size(); ++d) {
      const auto begin = index[d] * shape[dense_[d]];
      made.begins.push_back(begin);
      made.extents.push_back(std::min(shape[dense_[d]], extents_[dense_[d]] - begin));
    }
    tiles_.push_back(std::move(made));
  } while (base::advance(index, index.size(), [&](std::size_t d) { return chunk_counts_[dense_[d]]; }));
}

/// Range of groups_ with the rows of the block. Blocks of one fill share their rows, and so their groups.
std::pair<std::uint32_t, std::uint32_t> merge_plan::groups_of(const block& block) {
  const auto first = static_cast<std::uint32_t>(groups_.size());
  if (block.span == no_span) {
    if (last_spanned_ != nullptr || groups_.empty()) {
      groups_.push_back({0, {0}, {0}});
      last_spanned_ = nullptr;
      last_groups_ = {first, first + 1};
    }
    return last_groups_;
  }
  if (last_spanned_ != nullptr && last_spanned_->span == block.span && last_spanned_->row_codes == block.row_codes)
    return last_groups_;
  const auto length = layout_.grid.shape()[categories_[block.span]];
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;  // bin, row
  for (std::uint32_t row = 0; row < block.row_codes.size(); ++row)
    rows.emplace_back(labels_[block.span].of(block.row_codes[row]), row);
  // By chunk, and within a chunk as they come, which keeps neighbours in the block side by side.
  std::ranges::stable_sort(rows, {}, [&](const auto& entry) { return entry.first / length; });
  for (const auto& [bin, row] : rows) {
    const auto chunk = static_cast<std::uint32_t>(bin / length);
    if (groups_.size() == first || groups_.back().chunk != chunk) groups_.push_back({chunk, {}, {}});
    groups_.back().rows.push_back(row);
    groups_.back().offsets.push_back(static_cast<std::uint32_t>(bin % length));
  }
  last_spanned_ = &block;
  last_groups_ = {first, static_cast<std::uint32_t>(groups_.size())};
  return last_groups_;
}

void merge_plan::add_block(std::uint32_t index) {
  const auto& block = delta_.blocks[index];
  if (lacking_axis(block, labels_)) return;
  const auto [first, last] = groups_of(block);
  find_tiles(block);
  for (auto group = first; group < last; ++group)
    for (const auto& part : block_tiles_) {
      chunk_part made{.block = index, .group = group, .tile = part.tile, .events = part.events};
      made.chunk = position(coordinate(made));
      pieces_.push_back(made);
    }
}

/// Tiles that the block has something in: all for cells, for few events only those that they hit.
void merge_plan::find_tiles(const block& block) {
  block_tiles_.clear();
  const auto* few = block.few();
  if (few == nullptr) {
    for (std::uint32_t t = 0; t < tiles_.size(); ++t) block_tiles_.push_back({t, {}});
    return;
  }
  const auto bins_of_event = few->bin_per_weight ? block.rows() : 1;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> hits;  // tile, event
  for (std::size_t i = 0; i < few->bins.size(); ++i)
    if (few->bins[i] != event_rows::dropped)
      hits.emplace_back(tile_of(few->bins[i]), static_cast<std::uint32_t>(i / bins_of_event));
  if (!std::ranges::is_sorted(hits)) std::ranges::sort(hits);
  hits.erase(std::unique(hits.begin(), hits.end()), hits.end());
  for (const auto& [tile, event] : hits) {
    const auto end = tile_events_.size();
    if (block_tiles_.empty() || block_tiles_.back().tile != tile) block_tiles_.push_back({tile, {end, end}});
    tile_events_.push_back(event);
    ++block_tiles_.back().events.end;
  }
}

std::uint32_t merge_plan::tile_of(std::size_t bin) const noexcept {
  std::size_t tile = 0, step = 1;
  for (auto d = dense_.size(); d-- > 0;) {
    const auto extent = extents_[dense_[d]];
    tile += bin % extent / layout_.grid.shape()[dense_[d]] * step;
    step *= chunk_counts_[dense_[d]];
    bin /= extent;
  }
  return static_cast<std::uint32_t>(tile);
}

store::chunk_coordinate merge_plan::coordinate(const chunk_part& part) const noexcept {
  const auto& block = delta_.blocks[part.block];
  const auto& shape = layout_.grid.shape();
  store::chunk_coordinate result;
  result.rank = static_cast<std::uint32_t>(shape.size());
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    const auto axis = categories_[c];
    result.index[axis] = c == block.span ? groups_[part.group].chunk
                                         : static_cast<std::uint32_t>(labels_[c].of(block.codes[c]) / shape[axis]);
  }
  for (std::size_t d = 0; d < dense_.size(); ++d) result.index[dense_[d]] = tiles_[part.tile].chunks[d];
  return result;
}

std::uint64_t merge_plan::position(const store::chunk_coordinate& coordinate) const noexcept {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < coordinate.rank; ++i) result = result * chunk_counts_[i] + coordinate.index[i];
  return result;
}

void merge_plan::test(std::size_t piece) noexcept {
  auto& part = pieces_[piece];
  if (std::holds_alternative<dense_cells>(delta_.blocks[part.block].cells)) {
    part.is_zero = true;
    with_pieces(part, nullptr, [&](const auto& p) { part.is_zero = part.is_zero && !any_nonzero(p); });
  } else {
    part.is_zero = true;
    for_each_weight(part, [&](std::size_t, std::size_t) { part.is_zero = false; });
  }
}

void merge_plan::finish() {
  std::erase_if(pieces_, [](const auto& part) { return part.is_zero; });
  // The order of blocks within a chunk is the delta's, so that sums do not depend on threads.
  const auto order = [](const auto& part) { return std::pair{part.chunk, part.block}; };
  if (!std::ranges::is_sorted(pieces_, {}, order)) std::ranges::stable_sort(pieces_, {}, order);
  for (std::size_t begin = 0; begin < pieces_.size();) {
    auto end = begin;
    while (end < pieces_.size() && pieces_[end].chunk == pieces_[begin].chunk) ++end;
    chunks_.emplace_back(begin, end);
    begin = end;
  }
}

store::chunk_coordinate merge_plan::coordinate(std::size_t chunk) const noexcept {
  return coordinate(pieces_[chunks_[chunk].first]);
}

std::vector<store::chunk_coordinate> merge_plan::coordinates() const {
  std::vector<store::chunk_coordinate> result;
  result.reserve(chunks());
  for (std::size_t i = 0; i < chunks(); ++i) result.push_back(coordinate(i));
  return result;
}

/// Where the block's bins of the category axes, but for the span axis, lie within a chunk.
std::size_t merge_plan::base_offset(const block& block) const noexcept {
  std::size_t offset = 0;
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    if (c == block.span) continue;
    const auto axis = categories_[c];
    offset += labels_[c].of(block.codes[c]) % layout_.grid.shape()[axis] * layout_.grid.strides()[axis];
  }
  return offset;
}

/// The part of a dense block as the kernels take it, some rows at a time; without a pin for looking only. Nothing
/// is allocated: a merge must not fail once it has begun to add.
template <class Use>
void merge_plan::with_pieces(const chunk_part& part, const chunk::pinned_chunk* pin, const Use& use) const noexcept {
  const auto& block = delta_.blocks[part.block];
  const auto& cells = std::get<dense_cells>(block.cells);
  const auto& group = groups_[part.group];
  const auto& tile = tiles_[part.tile];
  const auto& strides = layout_.grid.strides();

  std::ptrdiff_t source = 0;
  std::array<piece_axis, store::max_rank> axes;
  for (std::size_t d = 0; d < dense_.size(); ++d) {
    axes[d] = {tile.extents[d], cells.bin_strides[d], static_cast<std::ptrdiff_t>(strides[dense_[d]])};
    source += static_cast<std::ptrdiff_t>(tile.begins[d]) * cells.bin_strides[d];
  }
  const auto bins = compact(axes.data(), dense_.size());
  piece piece{.kind = delta_.kind, .source = cells.planes, .target = {}, .rows = {}, .bins = {axes.data(), bins}};
  for (std::size_t p = 0; pin != nullptr && p < layout_.planes; ++p) piece.target[p] = pin->plane(p);

  const auto target = static_cast<std::ptrdiff_t>(base_offset(block));
  const auto row_stride = block.span == no_span ? 0 : static_cast<std::ptrdiff_t>(strides[categories_[block.span]]);
  std::array<row_offset, 256> rows;
  for (std::size_t first = 0; first < group.rows.size(); first += rows.size()) {
    const auto n = std::min(rows.size(), group.rows.size() - first);
    for (std::size_t r = 0; r < n; ++r)
      rows[r] = {source + static_cast<std::ptrdiff_t>(group.rows[first + r]) * cells.row_stride,
                 target + static_cast<std::ptrdiff_t>(group.offsets[first + r]) * row_stride};
    piece.rows = {rows.data(), n};
    use(piece);
  }
}

/// Calls use(offset in the chunk, position of the weight) for each weight of a block of few events that is not zero.
template <class Use>
void merge_plan::for_each_weight(const chunk_part& part, const Use& use) const noexcept {
  const auto& block = delta_.blocks[part.block];
  const auto& few = *block.few();
  const auto& group = groups_[part.group];
  const auto& tile = tiles_[part.tile];
  const auto& strides = layout_.grid.strides();
  const auto base = base_offset(block);
  const auto row_stride = block.span == no_span ? 0 : strides[categories_[block.span]];
  const auto k = block.rows();
  constexpr auto outside = static_cast<std::size_t>(-1);

  const auto offset_of = [&](std::size_t bin) {
    std::size_t offset = base;
    for (auto d = dense_.size(); d-- > 0;) {
      const auto extent = extents_[dense_[d]];
      const auto local = bin % extent - tile.begins[d];  // wraps below the tile, and is then too large as well
      if (local >= tile.extents[d]) return outside;
      offset += local * strides[dense_[d]];
      bin /= extent;
    }
    return offset;
  };
  for (auto i = part.events.begin; i < part.events.end; ++i) {
    const std::size_t e = tile_events_[i];
    auto offset = few.bin_per_weight ? outside : offset_of(few.bins[e]);
    for (std::size_t r = 0; r < group.rows.size(); ++r) {
      const auto position = e * k + group.rows[r];
      if (few.weights[position] == 0) continue;
      if (few.bin_per_weight) {
        const auto bin = few.bins[position];
        offset = bin == event_rows::dropped ? outside : offset_of(bin);
        if (offset == outside) continue;
      }
      use(offset + group.offsets[r] * row_stride, position);
    }
  }
}

/// The part as rows, where it has a row for each of its chunk, in the chunk's order and with its bins side by side.
std::optional<whole_rows> merge_plan::rows_of_chunk(const chunk_part& part) const noexcept {
  const auto& block = delta_.blocks[part.block];
  const auto& shape = layout_.grid.shape();
  const auto* cells = std::get_if<dense_cells>(&block.cells);
  if (cells == nullptr || !is_additive(delta_.kind) || block.span == no_span ||
      layout_.variations_axis != categories_[block.span])
    return {};
  const auto& [chunk, rows, offsets] = groups_[part.group];
  if (rows.size() * layout_.grid.strides()[categories_[block.span]] != layout_.grid.cells()) return {};
  for (std::size_t r = 0; r < offsets.size(); ++r)
    if (offsets[r] != r) return {};
  const auto& tile = tiles_[part.tile];
  std::ptrdiff_t step = 1, offset = 0;
  for (auto d = dense_.size(); d-- > 0; step *= static_cast<std::ptrdiff_t>(tile.extents[d])) {
    if (tile.extents[d] != shape[dense_[d]] || (tile.extents[d] > 1 && cells->bin_strides[d] != step)) return {};
    offset += static_cast<std::ptrdiff_t>(tile.begins[d]) * cells->bin_strides[d];
  }
  return whole_rows{delta_.kind, cells->planes, offset, cells->row_stride, rows, static_cast<std::size_t>(step)};
}

void merge_plan::add(std::size_t chunk, chunk::pinned_chunk& pin) const noexcept {
  auto [begin, end] = chunks_[chunk];
  if (const auto rows = rows_of_chunk(pieces_[begin])) {
    add_rows(*rows, pin);
    ++begin;
  }
  if (begin == end) return;
  pin.mark_dirty();
  for (auto i = begin; i < end; ++i) {
    if (std::holds_alternative<dense_cells>(delta_.blocks[pieces_[i].block].cells))
      with_pieces(pieces_[i], &pin, [](const auto& p) { add_piece(p); });
    else
      add_few(pieces_[i], pin);
  }
}

void merge_plan::add_few(const chunk_part& part, const chunk::pinned_chunk& pin) const noexcept {
  const auto& few = *delta_.blocks[part.block].few();
  const auto plane = [&](std::size_t p) { return reinterpret_cast<double*>(pin.plane(p)); };
  auto* values = plane(0);
  switch (delta_.kind) {
    case storage::int_:
      for_each_weight(part, [&](std::size_t offset, std::size_t i) {
        reinterpret_cast<std::uint64_t*>(values)[offset] +=
            std::bit_cast<std::uint64_t>(static_cast<std::int64_t>(few.weights[i]));
      });
      break;
    case storage::double_:
      for_each_weight(part, [&](std::size_t offset, std::size_t i) { values[offset] += few.weights[i]; });
      break;
    case storage::weighted:
      for_each_weight(part, [&, variances = plane(1)](std::size_t offset, std::size_t i) {
        values[offset] += few.weights[i];
        variances[offset] += few.weights[i] * few.weights[i];
      });
      break;
    case storage::mean:
    case storage::weighted_mean:
      for_each_weight(part, [&, cells = model::moment_planes_of<double>(delta_.kind, plane)](std::size_t offset,
                                                                                             std::size_t i) {
        const auto at = static_cast<std::ptrdiff_t>(offset);
        cells.store(at, model::combine(cells.load(at), model::one_sample(delta_.kind, few.weights[i], few.samples[i])));
      });
      break;
  }
}

}  // namespace hugehist::write
