// What a delta holds, bin by bin, for comparing it with a reference.
#pragma once

#include "model/schema.hpp"
#include "write/delta_data.hpp"

#include <hugehist/delta.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace support {

using hugehist::write::delta_data;

/// Labels of the category axes in axis order ("<overflow>" for an overflow bin), and the bin of the dense axes
/// in C order, flow bins included.
using cell_key = std::pair<std::vector<std::string>, std::size_t>;
/// Value and variance; the variance is 0 for storages that have none.
using cell_map = std::map<cell_key, std::array<double, 2>>;

inline double element(const std::byte* plane, std::ptrdiff_t offset, bool integer) {
  if (integer) {
    std::int64_t value;
    std::memcpy(&value, plane + offset * 8, 8);
    return static_cast<double>(value);
  }
  double value;
  std::memcpy(&value, plane + offset * 8, 8);
  return value;
}

inline void add_block(const delta_data& data, const hugehist::write::block& block, cell_map& result) {
  using namespace hugehist;
  std::vector<std::size_t> extents;
  for (auto i : model::dense_axes(data.axes)) extents.push_back(data.axes[i].extent());
  std::size_t bins = 1;
  for (auto n : extents) bins *= n;
  const auto key = [&](std::size_t row, std::size_t bin) {
    cell_key k{{}, bin};
    for (std::size_t c = 0; c < data.labels.size(); ++c) {
      const auto code = c == block.span ? block.row_codes.at(row) : block.codes.at(c);
      k.first.push_back(code == write::overflow_code ? "<overflow>" : data.labels[c].at(code));
    }
    return k;
  };
  const auto add = [&](const cell_key& k, double value, double variance) {
    auto& cell = result[k];
    cell[0] += value;
    cell[1] += variance;
  };
  const bool weighted = data.kind == storage::weighted;
  if (const auto* rows = block.few()) {
    const auto k = block.rows();
    for (std::size_t i = 0; i < rows->weights.size(); ++i) {
      const auto bin = rows->bins.at(rows->bin_per_weight ? i : i / k);
      const auto w = rows->weights[i];
      if (bin != write::event_rows::dropped) add(key(i % k, bin), w, weighted ? w * w : 0.0);
    }
    return;
  }
  const auto& cells = std::get<write::dense_cells>(block.cells);
  for (std::size_t row = 0; row < block.rows(); ++row)
    for (std::size_t bin = 0; bin < bins; ++bin) {
      auto offset = static_cast<std::ptrdiff_t>(row) * cells.row_stride;
      auto rest = bin;
      for (auto i = extents.size(); i-- > 0; rest /= extents[i])
        offset += static_cast<std::ptrdiff_t>(rest % extents[i]) * cells.bin_strides.at(i);
      add(key(row, bin), element(cells.planes[0], offset, data.kind == storage::int_),
          weighted ? element(cells.planes[1], offset, false) : 0.0);
    }
}

/// Cells that are not zero.
inline cell_map content(const hugehist::delta& delta) {
  cell_map all, result;
  for (const auto& block : delta.data().blocks) add_block(delta.data(), block, all);
  for (const auto& [key, cell] : all)
    if (cell[0] != 0 || cell[1] != 0) result.emplace(key, cell);
  return result;
}

}  // namespace support
