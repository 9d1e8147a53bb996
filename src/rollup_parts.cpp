#include "rollup_parts.hpp"

#include <algorithm>

namespace hugehist::rollups {
namespace {

void split_from(bin_lists box, std::size_t axis, std::size_t most_cells, std::vector<bin_lists>& to) {
  std::size_t inner = 1;
  for (auto i = axis + 1; i < box.size(); ++i) inner = std::max<std::size_t>(inner * box[i].size(), 1);
  const auto whole = axis < box.size() ? box[axis] : std::vector<std::size_t>{};
  if (whole.size() <= 1 && axis + 1 < box.size()) return split_from(std::move(box), axis + 1, most_cells, to);
  const auto length = std::max<std::size_t>(most_cells / inner, 1);
  for (std::size_t begin = 0; begin < whole.size(); begin += length) {
    const auto end = std::min(begin + length, whole.size());
    box[axis].assign(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                     whole.begin() + static_cast<std::ptrdiff_t>(end));
    if (length == 1 && axis + 1 < box.size())
      split_from(box, axis + 1, most_cells, to);
    else
      to.push_back(box);
  }
}

}  // namespace

std::size_t part_cells(std::size_t memory, storage kind) noexcept {
  return std::max<std::size_t>(memory / 16 / (planes(kind).size() * element_size), 1);
}

std::vector<bin_lists> split(const bin_lists& box, std::size_t most_cells) {
  std::vector<bin_lists> parts;
  split_from(box, 0, most_cells, parts);
  return parts;
}

std::vector<axis_map> maps_of(const bin_lists& box, const std::vector<std::size_t>& kept,
                              const std::vector<std::size_t>& extents) {
  std::vector<axis_map> maps;
  maps.reserve(extents.size());
  for (const auto extent : extents) maps.push_back(axis_map::sum(extent));
  for (std::size_t i = 0; i < kept.size(); ++i) maps[kept[i]] = axis_map::list(extents[kept[i]], box[i]);
  return maps;
}

histogram::progress_callback part_progress(const histogram::progress_callback& progress, std::size_t part,
                                           std::size_t parts) {
  if (!progress || parts == 1) return progress;
  return [progress, part, parts](std::size_t done, std::size_t all) {
    constexpr std::size_t steps = 1024;  // of a part
    const auto fraction = all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(all);
    progress(part * steps + static_cast<std::size_t>(fraction * steps), parts * steps);
  };
}

}  // namespace hugehist::rollups
