// The content of a delta: blocks of cells under category labels.
//
// A block stands for one bin of every category axis but, at most, one: along its *span* axis it has a row for
// each of k labels (the variations of a many-weights fill, or one axis of somebody's dense histogram). Within
// a block the bins are those of the dense axes in axis order, C order, flow bins included.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hugehist::write {

/// Category code that means the overflow bin of a fixed category axis.
inline constexpr std::uint32_t overflow_code = 0xffffffff;
inline constexpr std::size_t no_span = static_cast<std::size_t>(-1);

/// Dense cells. Plane p of bin (i, j, …) and row r: planes[p][r * row_stride + i * bin_strides[0] + …].
struct dense_cells {
  std::array<const std::byte*, max_planes> planes = {};  ///< eight-byte elements, aligned
  std::ptrdiff_t row_stride = 0;
  std::vector<std::ptrdiff_t> bin_strides;  ///< one for each dense axis
  std::shared_ptr<const void> owner = nullptr;
};

/// Few events: for event e and row r, weights[e * k + r] goes to a bin. `bins` has one bin for each event, or,
/// where each row has its own, one for each weight. Bins count the block's dense bins in C order. Mean storages have
/// a sample for each weight.
struct event_rows {
  static constexpr std::uint32_t dropped = 0xffffffff;  ///< outside of an axis without flow bins, or masked
  std::vector<std::uint32_t> bins;
  std::vector<double> weights;
  std::vector<double> samples = {};
  bool bin_per_weight = false;
};

struct block {
  std::vector<std::uint32_t> codes;      ///< for each category axis, into `labels`; ignored at the span axis
  std::size_t span = no_span;            ///< position among the category axes
  std::vector<std::uint32_t> row_codes;  ///< codes on the span axis, one for each row; empty when span is no_span
  std::variant<dense_cells, std::shared_ptr<const event_rows>> cells;

  /// Null where the cells are dense.
  const event_rows* few() const noexcept {
    const auto* events = std::get_if<std::shared_ptr<const event_rows>>(&cells);
    return events == nullptr ? nullptr : events->get();
  }
  std::size_t rows() const noexcept { return span == no_span ? 1 : row_codes.size(); }
};

/// Memory that the block takes once it was read from the compact form. `bins`: of the dense axes.
inline std::size_t decoded_bytes(const block& block, storage kind, std::size_t bins) noexcept {
  const auto codes = block.row_codes.size() * sizeof(std::uint32_t);
  if (const auto* few = block.few())
    return codes + few->bins.size() * sizeof(std::uint32_t) +
           (few->weights.size() + few->samples.size()) * sizeof(double);
  return codes + block.rows() * bins * planes(kind).size() * element_size;
}

struct delta_data {
  std::vector<axis::any> axes;  ///< category axes here may lack labels: `labels` counts
  storage kind = storage::double_;
  std::vector<std::vector<std::string>> labels;  ///< for each category axis, in axis order among those
  std::vector<block> blocks;
  bool variance_known = true;
  std::size_t size_bytes = 0;  ///< memory held by the blocks
};

}  // namespace hugehist::write
