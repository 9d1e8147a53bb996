// Columns of numbers to bins of a block: one 32-bit bin for each event, or for each event and variation.
//
// Bins count the dense axes in C order with flow bins. Stateless after construction; any thread may call.
#pragma once

#include "model/boost_axes.hpp"

#include <hugehist/axis.hpp>
#include <hugehist/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hugehist::write {

/// Number of rows and columns of a column of numbers; a bare number has none.
struct column_shape {
  std::size_t events = 0;
  std::size_t columns = 1;
  bool is_scalar = false;
};
column_shape shape_of(const numbers& column) noexcept;

class binning {
 public:
  /// `axes`: the dense axes in axis order; their bins together fit 31 bits (model::validate).
  explicit binning(const std::vector<axis::any>& axes);

  std::size_t rank() const noexcept { return axes_.size(); }
  /// Bins of all axes together, 1 for no axes.
  std::size_t bins() const noexcept { return bins_; }
  /// Distance between neighbours along each axis, C order.
  const std::vector<std::size_t>& strides() const noexcept { return strides_; }
  const std::vector<model::boost_axis>& axes() const noexcept { return axes_; }

  /// Throws type_error where boost-histogram does: floats for an integer or boolean axis.
  void check_kind(std::size_t position, const numbers& column) const;

  /// Finds the bins of events [first, last); bins[(e - first) * width + j] belongs to event e and variation j. An event
  /// outside of an axis without flow bins becomes event_rows::dropped. Throws std::invalid_argument for integers that
  /// do not fit 32 bits, as boost-histogram does.
  /// REQUIRES: a column for each axis, of 1 or `width` columns, for which check_kind passed
  void find_bins(std::span<const numbers* const> columns, std::size_t first, std::size_t last, std::size_t width,
                 std::uint32_t* bins) const;
  /// Whether find_bins cannot throw for such columns.
  bool takes_all(std::span<const numbers* const> columns) const noexcept;

 private:
  /// Adds the part of one axis; that of axis 0 is the beginning.
  void add_bins(std::size_t position, const numbers& column, std::size_t first, std::size_t last, std::size_t width,
                std::uint32_t* bins) const;
  template <class Value>
  void to_offsets(std::size_t position, const Value* x, std::size_t n, std::uint32_t* offsets) const;

  std::vector<axis::any> values_;
  std::vector<model::boost_axis> axes_;
  std::vector<bool> takes_integers_;
  bool may_drop_ = false;  // some axis has values that fall into no bin
  std::vector<std::size_t> strides_;
  std::size_t bins_ = 1;
};

}  // namespace hugehist::write
