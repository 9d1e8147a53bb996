// A block with many events: a Boost.Histogram histogram over the variations and the dense axes.
//
// Its first axis, the fastest in memory, counts the variations; the dense axes follow in reverse, so that the
// cells lie as [bin in C order][variation], which lets one event add all its weights to neighbours.
#pragma once

#include "model/boost_axes.hpp"
#include "write/delta_data.hpp"

#include <hugehist/storage.hpp>

#include <boost/histogram/accumulators/mean.hpp>
#include <boost/histogram/accumulators/weighted_mean.hpp>
#include <boost/histogram/accumulators/weighted_sum.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>
#include <boost/histogram/unsafe_access.hpp>

#include <cassert>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <variant>
#include <vector>

namespace hugehist::write {

namespace bh = boost::histogram;

template <class Cell>
using boost_histogram = bh::histogram<std::vector<model::boost_axis>, bh::dense_storage<Cell>>;

class dense_block {
 public:
  using weighted_sum = bh::accumulators::weighted_sum<double>;
  using mean = bh::accumulators::mean<double>;
  using weighted_mean = bh::accumulators::weighted_mean<double>;
  static_assert(sizeof(weighted_sum) == 2 * element_size && std::is_standard_layout_v<weighted_sum>);
  static_assert(sizeof(mean) == 3 * element_size && std::is_standard_layout_v<mean>);
  static_assert(sizeof(weighted_mean) == 4 * element_size && std::is_standard_layout_v<weighted_mean>);
  static_assert(sizeof(std::int64_t) == element_size && sizeof(double) == element_size);

  /// All zero. `rows` 1 and not `spanned`: no axis of variations, unless there would be no axis at all.
  dense_block(storage kind, const std::vector<model::boost_axis>& dense_axes, bool spanned, std::size_t rows) {
    std::vector<model::boost_axis> axes;
    if (spanned || dense_axes.empty())
      axes.push_back(model::boost_integer<model::boost_option::none>(0, static_cast<int>(rows)));
    axes.insert(axes.end(), dense_axes.rbegin(), dense_axes.rend());
    switch (kind) {
      case storage::int_:
        make<std::int64_t>(std::move(axes));
        break;
      case storage::double_:
        make<double>(std::move(axes));
        break;
      case storage::weighted:
        make<weighted_sum>(std::move(axes));
        break;
      case storage::mean:
        make<mean>(std::move(axes));
        break;
      case storage::weighted_mean:
        make<weighted_mean>(std::move(axes));
        break;
    }
  }

  void* cells() const noexcept { return cells_; }
  std::size_t size_bytes() const noexcept { return bytes_; }

  /// Bytes of the cells of such a block.
  static std::size_t bytes_for(storage kind, std::size_t rows, std::size_t bins) noexcept {
    return rows * bins * planes(kind).size() * element_size;
  }

 private:
  template <class Cell>
  void make(std::vector<model::boost_axis> axes) {
    auto& histogram = histogram_.emplace<boost_histogram<Cell>>(std::move(axes));
    auto& storage = bh::unsafe_access::storage(histogram);
    cells_ = storage.data();
    bytes_ = storage.size() * sizeof(Cell);
  }

  std::variant<std::monostate, boost_histogram<std::int64_t>, boost_histogram<double>, boost_histogram<weighted_sum>,
               boost_histogram<mean>, boost_histogram<weighted_mean>>
      histogram_;
  void* cells_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The block's cells as a delta carries them (those of means once they are finished). `bin_strides`: of the dense axes
/// in C order, in bins.
inline dense_cells cells_of(std::shared_ptr<const dense_block> dense, storage kind, std::size_t rows,
                            const std::vector<std::size_t>& bin_strides) {
  const auto plane_count = static_cast<std::ptrdiff_t>(planes(kind).size());
  dense_cells result;
  for (std::ptrdiff_t p = 0; p < plane_count; ++p)
    result.planes[static_cast<std::size_t>(p)] =
        static_cast<const std::byte*>(dense->cells()) + p * static_cast<std::ptrdiff_t>(element_size);
  result.row_stride = plane_count;
  for (auto stride : bin_strides)
    result.bin_strides.push_back(static_cast<std::ptrdiff_t>(stride * rows) * plane_count);
  result.owner = std::move(dense);
  return result;
}

}  // namespace hugehist::write
