#include <hugehist/delta.hpp>

#include "base/checked.hpp"
#include "model/schema.hpp"
#include "write/delta_data.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace hugehist {

using namespace write;

namespace {

/// Somebody's dense histogram, cut into blocks: one for each bin tuple of the category axes but the last.
class cutter {
 public:
  cutter(std::vector<axis::any> axes, storage kind, dense_view cells, bool variance_known) : cells_{std::move(cells)} {
    model::validate({.axes = axes, .kind = kind});
    if (cells_.strides.size() != axes.size())
      throw std::invalid_argument{"a view of " + std::to_string(axes.size()) + " axes needs as many strides, not " +
                                  std::to_string(cells_.strides.size())};
    data_.axes = std::move(axes);
    data_.kind = kind;
    data_.variance_known = variance_known;
    categories_ = model::category_axes(data_.axes);
    for (auto i : model::dense_axes(data_.axes)) {
      bin_strides_.push_back(cells_.strides[i]);
      bin_extents_.push_back(data_.axes[i].extent());
    }
    for (auto i : categories_) data_.labels.push_back(data_.axes[i].labels());
  }

  delta_data run() {
    const auto extents = model::extents(data_.axes);
    const auto cells = base::checked_product(extents, "the number of bins");
    data_.size_bytes = cells * planes(data_.kind).size() * element_size;
    if (cells == 0) return std::move(data_);
    for (std::size_t p = 0; p < planes(data_.kind).size(); ++p)
      if (cells_.planes[p] == nullptr)
        throw std::invalid_argument{"the plane '" + std::string{planes(data_.kind)[p].name} + "' is missing"};
    cut(0, std::vector<std::uint32_t>(categories_.size(), 0), 0);
    return std::move(data_);
  }

 private:
  /// Blocks for all bins of the category axes from position `axis` on, `offset` elements into the planes.
  void cut(std::size_t axis, std::vector<std::uint32_t> codes, std::ptrdiff_t offset) {
    if (axis + 1 >= categories_.size()) return add_block(std::move(codes), offset);
    const auto i = categories_[axis];
    for (std::size_t bin = 0; bin < data_.axes[i].extent(); ++bin) {
      codes[axis] = code(axis, bin);
      cut(axis + 1, codes, offset + static_cast<std::ptrdiff_t>(bin) * cells_.strides[i]);
    }
  }

  void add_block(std::vector<std::uint32_t> codes, std::ptrdiff_t offset) {
    block result;
    dense_cells cells;
    // An overflow bin fits no growing target: it is mentioned only where it holds something.
    const bool in_overflow = std::ranges::find(codes, overflow_code) != codes.end();
    result.codes = std::move(codes);
    if (!categories_.empty()) {
      const auto last = categories_.back();
      result.span = categories_.size() - 1;
      cells.row_stride = cells_.strides[last];
      for (std::size_t bin = 0; bin < data_.axes[last].extent(); ++bin) {
        const auto row = code(result.span, bin);
        if (row == overflow_code && all_zero(offset + static_cast<std::ptrdiff_t>(bin) * cells.row_stride)) continue;
        result.row_codes.push_back(row);
      }
      if (in_overflow && all_rows_zero(result, offset, cells.row_stride)) return;
    }
    for (std::size_t p = 0; p < planes(data_.kind).size(); ++p)
      cells.planes[p] =
          static_cast<const std::byte*>(cells_.planes[p]) + offset * static_cast<std::ptrdiff_t>(element_size);
    cells.bin_strides = bin_strides_;
    cells.owner = cells_.owner;
    result.cells = std::move(cells);
    data_.blocks.push_back(std::move(result));
  }

  std::uint32_t code(std::size_t axis, std::size_t bin) const {
    return bin < data_.labels[axis].size() ? static_cast<std::uint32_t>(bin) : overflow_code;
  }

  bool all_rows_zero(const block& b, std::ptrdiff_t offset, std::ptrdiff_t row_stride) const {
    for (std::size_t row = 0; row < b.rows(); ++row)
      if (!all_zero(offset + static_cast<std::ptrdiff_t>(row) * row_stride)) return false;
    return true;
  }

  /// All bins of the dense axes at `offset`, from dense axis `axis` on.
  bool all_zero(std::ptrdiff_t offset, std::size_t axis = 0) const {
    if (axis < bin_strides_.size()) {
      for (std::size_t bin = 0; bin < bin_extents_[axis]; ++bin)
        if (!all_zero(offset + static_cast<std::ptrdiff_t>(bin) * bin_strides_[axis], axis + 1)) return false;
      return true;
    }
    const auto mask = data_.kind == storage::int_ ? ~std::uint64_t{0} : ~std::uint64_t{0} >> 1;  // -0.0 is zero
    for (std::size_t p = 0; p < planes(data_.kind).size(); ++p) {
      std::uint64_t bits;
      std::memcpy(&bits,
                  static_cast<const std::byte*>(cells_.planes[p]) + offset * static_cast<std::ptrdiff_t>(element_size),
                  sizeof bits);
      if ((bits & mask) != 0) return false;
    }
    return true;
  }

  dense_view cells_;
  delta_data data_;
  std::vector<std::size_t> categories_;
  std::vector<std::ptrdiff_t> bin_strides_;
  std::vector<std::size_t> bin_extents_;
};

}  // namespace

delta::delta(std::shared_ptr<const delta_data> data) noexcept : data_{std::move(data)} {}

delta delta::from_dense(std::vector<axis::any> axes, storage kind, dense_view cells, bool variance_known) {
  return delta{std::make_shared<delta_data>(cutter{std::move(axes), kind, std::move(cells), variance_known}.run())};
}

std::vector<axis::any> delta::axes() const {
  auto result = data_->axes;
  std::size_t category = 0;
  for (auto& axis : result) {
    if (!axis.is_category()) continue;
    const auto& labels = data_->labels[category++];
    if (axis.is_growing()) axis = axis.with_labels(labels);  // a fixed axis has its labels, used or not
  }
  return result;
}

storage delta::kind() const noexcept { return data_->kind; }
std::size_t delta::size_bytes() const noexcept { return data_->size_bytes; }
bool delta::empty() const noexcept { return data_->blocks.empty(); }

}  // namespace hugehist
