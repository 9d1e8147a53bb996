#include "join_map.hpp"

#include "base/c_order.hpp"
#include "model/schema.hpp"
#include "write/cell_kernels.hpp"

#include <algorithm>

namespace hugehist::join {

chunk_map::chunk_map(const store::histogram_record& from, const store::histogram_record& to,
                     const std::vector<std::vector<std::uint32_t>>& bins)
    : kind_{from.schema.kind}, from_{from.chunk_shape}, to_{to.chunk_shape} {
  const auto extents = model::extents(from.schema.axes);
  for (std::size_t i = 0; i < extents.size(); ++i)
    runs_.push_back(runs_of(extents[i], from_.shape()[i], to_.shape()[i], bins[i]));
}

std::vector<chunk_map::runs> chunk_map::runs_of(std::size_t extent, std::size_t from_length, std::size_t to_length,
                                                std::span<const std::uint32_t> bins) {
  std::vector<runs> result;
  for (std::size_t bin = 0, length = 0; bin < extent; bin += length) {
    const auto place = bins.empty() ? bin : bins[bin];
    const auto from = bin % from_length, to = place % to_length;
    const auto chunk = static_cast<std::uint32_t>(place / to_length);
    length = bins.empty() ? std::min({from_length - from, to_length - to, extent - bin}) : 1;
    if (from == 0) result.emplace_back();
    auto& list = result.back();
    if (!list.empty() && list.back().chunk == chunk && list.back().to + list.back().length == to)
      list.back().length += length;
    else
      list.push_back({chunk, from, to, length});
  }
  for (auto& list : result) std::ranges::stable_sort(list, {}, &run::chunk);
  return result;
}

std::optional<store::chunk_coordinate> chunk_map::whole(const store::chunk_coordinate& from) const {
  store::chunk_coordinate to;
  to.rank = from.rank;
  for (std::size_t i = 0; i < from.rank; ++i) {
    const auto& list = runs_[i][from.index[i]];
    if (from_.shape()[i] != to_.shape()[i] || list.size() != 1 || list.front().to != 0) return {};
    to.index[i] = list.front().chunk;
  }
  return to;
}

void chunk_map::add(const store::chunk_coordinate& from, const std::byte* content, const store::chunk_coordinate& to,
                    std::byte* sum) const noexcept {
  const auto rank = from.rank;
  std::array<std::span<const run>, store::max_rank> shared;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto& list = runs_[i][from.index[i]];
    shared[i] = {std::ranges::lower_bound(list, to.index[i], {}, &run::chunk),
                 std::ranges::upper_bound(list, to.index[i], {}, &run::chunk)};
    if (shared[i].empty()) return;
  }
  write::piece piece{.kind = kind_, .source = {}, .target = {}, .rows = {}, .bins = {}};
  for (std::size_t p = 0; p < planes(kind_).size(); ++p) {
    piece.source[p] = content + p * from_.cells() * element_size;
    piece.target[p] = sum + p * to_.cells() * element_size;
  }
  std::array<std::size_t, store::max_rank> index{};
  do {
    std::array<write::piece_axis, store::max_rank> axes;
    write::row_offset row;
    for (std::size_t i = 0; i < rank; ++i) {
      const auto& each = shared[i][index[i]];
      const auto from_stride = static_cast<std::ptrdiff_t>(from_.strides()[i]);
      const auto to_stride = static_cast<std::ptrdiff_t>(to_.strides()[i]);
      axes[i] = {each.length, from_stride, to_stride};
      row.source += static_cast<std::ptrdiff_t>(each.from) * from_stride;
      row.target += static_cast<std::ptrdiff_t>(each.to) * to_stride;
    }
    piece.rows = {&row, 1};
    piece.bins = {axes.data(), write::compact(axes.data(), rank)};
    write::add_piece(piece);
  } while (base::advance(index, rank, [&](std::size_t i) { return shared[i].size(); }));
}

}  // namespace hugehist::join
