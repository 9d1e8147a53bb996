#include "chunk/policy.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "base/checked.hpp"

namespace hugehist::chunk {
namespace {

constexpr std::size_t max_cells = max_chunk_plane_bytes / element_size;
constexpr std::size_t min_cells = min_chunk_plane_bytes / element_size;

// Chunks of all-fixed category axes below the first size are joined up to the second: a histogram of a few
// kB is better off as one chunk than as hundreds.
constexpr std::size_t tiny_cells = (std::size_t{32} << 10) / element_size;
constexpr std::size_t joined_cells = (std::size_t{64} << 10) / element_size;

// A growing variations axis gets room for so many rows, or twice what is known, even where rows are so short
// that the smallest plane would hold thousands: nobody has thousands of variations of a ten-bin histogram.
constexpr std::size_t spare_rows = 256;

/// The length that cuts `extent` into the fewest pieces of at most `most` bins, all about equal.
std::size_t cut_evenly(std::size_t extent, std::size_t most) {
  if (extent <= most) return extent;
  const auto pieces = extent / most + (extent % most != 0 ? 1 : 0);
  return extent / pieces + (extent % pieces != 0 ? 1 : 0);
}

/// Bins to reckon with along each axis; at least 1.
std::vector<std::size_t> reckoned_extents(const store::histogram_record& record) {
  const auto& axes = record.schema.axes;
  if (!record.expected.empty() && record.expected.size() != axes.size())
    throw std::invalid_argument{"expected= needs one number for each axis: got " +
                                std::to_string(record.expected.size()) + " for " + std::to_string(axes.size()) +
                                " axes (0 where the number is not known)"};
  std::vector<std::size_t> extents;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto extent = axes[i].extent();
    if (axes[i].is_growing() && !record.expected.empty()) extent = std::max(extent, record.expected[i]);
    extents.push_back(std::max<std::size_t>(extent, 1));
  }
  return extents;
}

std::size_t variation_rows(const store::histogram_record& record, std::size_t known, std::size_t row_cells) {
  const auto axis = record.variations_axis;
  const auto most = std::max<std::size_t>(max_cells / row_cells, 1);
  if (known > most) return cut_evenly(known, most);
  const bool told = !record.expected.empty() && record.expected[axis] != 0;
  if (told || !record.schema.axes[axis].is_growing()) return known;
  const auto room = std::min({min_cells / row_cells, std::max(spare_rows, 2 * known), most});
  return std::max(known, room);
}

void join_fixed_categories(const store::histogram_record& record, const std::vector<std::size_t>& extents,
                           std::vector<std::size_t>& shape, std::size_t cells) {
  const auto& axes = record.schema.axes;
  const auto is_outer = [&](std::size_t i) {
    return axes[i].is_category() && !(record.has_variations_axis && i == record.variations_axis);
  };
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (is_outer(i) && axes[i].is_growing()) return;
  if (cells > tiny_cells) return;
  for (auto i = axes.size(); i-- > 0;) {
    if (!is_outer(i)) continue;
    shape[i] = cut_evenly(extents[i], std::max<std::size_t>(joined_cells / cells, 1));
    cells *= shape[i];
    if (shape[i] < extents[i]) return;  // an outer axis that joins now would make long, thin chunks
  }
}

/// Chunk coordinates have 32 bits an axis.
void check_chunk_count(const std::vector<std::size_t>& shape, const model::schema& schema) {
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (schema.axes[i].extent() / shape[i] >= std::numeric_limits<std::uint32_t>::max())
      throw std::invalid_argument{model::describe(schema.axes[i], i) + " has " +
                                  std::to_string(schema.axes[i].extent()) + " bins, which makes too many chunks of " +
                                  std::to_string(shape[i]) + ": use fewer bins or longer chunks="};
}

}  // namespace

std::vector<std::size_t> choose_chunk_shape(const store::histogram_record& record) {
  const auto& axes = record.schema.axes;
  const auto extents = reckoned_extents(record);
  std::vector<std::size_t> shape(axes.size(), 1);
  std::size_t cells = 1;
  for (auto i = axes.size(); i-- > 0;) {
    if (axes[i].is_category()) continue;
    shape[i] = cut_evenly(extents[i], max_cells / cells);
    cells *= shape[i];
  }
  if (record.has_variations_axis && axes[record.variations_axis].is_category()) {
    const auto axis = record.variations_axis;
    shape[axis] = variation_rows(record, extents[axis], cells);
    cells *= shape[axis];
  }
  join_fixed_categories(record, extents, shape, cells);
  check_chunk_count(shape, record.schema);
  return shape;
}

void validate_chunk_shape(const std::vector<std::size_t>& shape, const model::schema& schema) {
  if (shape.size() != schema.axes.size())
    throw std::invalid_argument{"chunks= needs one length for each axis: got " + std::to_string(shape.size()) +
                                " for " + std::to_string(schema.axes.size()) + " axes"};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto& axis = schema.axes[i];
    if (shape[i] == 0)
      throw std::invalid_argument{"chunks= is 0 for " + model::describe(schema.axes[i], i) +
                                  ": every length must be at least 1"};
    if (!axis.is_growing() && shape[i] > std::max<std::size_t>(axis.extent(), 1))
      throw std::invalid_argument{"chunks= is " + std::to_string(shape[i]) + " for " +
                                  model::describe(schema.axes[i], i) + ", which has only " +
                                  std::to_string(axis.extent()) + " bins (flow bins included) and does not grow"};
  }
  const auto bytes =
      base::checked_multiply(base::checked_product(shape, "the chunk shape"), element_size, "the chunk shape");
  if (bytes > max_requested_plane_bytes)
    throw std::invalid_argument{"chunks= makes chunks of " + std::to_string(bytes >> 20) + " MiB a plane: at most " +
                                std::to_string(max_requested_plane_bytes >> 20) +
                                " MiB are possible, and 0.25 to 1 MiB is best"};
  check_chunk_count(shape, schema);
}

}  // namespace hugehist::chunk
