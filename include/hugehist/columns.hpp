// The arguments of a fill: one column for each axis, and the weights.
//
// Columns are views: they own no events, and what they point to must live until fill returns.
// Shapes are (events,) or, where each of k variations has its own value, (events, k).
#pragma once

#include <hugehist/export.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace hugehist {

/// A strided view of shape (events, columns); strides are in elements and may be 0 (broadcast) or negative.
template <class T>
struct array_view {
  const T* data = nullptr;
  std::size_t events = 0;
  std::size_t columns = 1;
  std::ptrdiff_t event_stride = 1;
  std::ptrdiff_t column_stride = 0;

  array_view() = default;
  /// One value for each event.
  array_view(std::span<const T> values)  // NOLINT(google-explicit-constructor)
      : data{values.data()}, events{values.size()} {}
  /// A matrix in C order: `columns` values for each event.
  array_view(const T* values, std::size_t n_events, std::size_t n_columns)
      : data{values},
        events{n_events},
        columns{n_columns},
        event_stride{static_cast<std::ptrdiff_t>(n_columns)},
        column_stride{1} {}
  array_view(const T* values, std::size_t n_events, std::size_t n_columns, std::ptrdiff_t stride_event,
             std::ptrdiff_t stride_column)
      : data{values}, events{n_events}, columns{n_columns}, event_stride{stride_event}, column_stride{stride_column} {}

  T operator()(std::size_t event, std::size_t column) const noexcept {
    return data[static_cast<std::ptrdiff_t>(event) * event_stride +
                static_cast<std::ptrdiff_t>(column) * column_stride];
  }
};

/// Values for a numeric or boolean axis, of shape (events,), (events, k), or one value for all events
/// (`events` = 1 with event_stride 0 is not needed: a bare number is a scalar column).
using numbers = std::variant<array_view<double>, array_view<float>, array_view<std::int64_t>, array_view<std::int32_t>,
                             array_view<bool>, double, std::int64_t>;

/// A category axis where each event has its own label, given by a code into `labels`.
struct label_codes {
  std::vector<std::string> labels;
  array_view<std::int32_t> codes;  ///< shape (events,); -1 is an error
};

/// A category axis where an event is in every label whose mask is true: in none, one or many.
struct label_masks {
  std::vector<std::string> labels;
  std::vector<array_view<bool>> masks;  ///< one each, shape (events,) or (events, k)
};

/// A category axis that takes k labels at once: column j of every (events, k) array belongs to labels[j].
struct variations {
  std::vector<std::string> labels;
};

/// The column of one axis. A bare string is one label for all events. Labels of int_category axes are
/// decimal integers.
using column = std::variant<numbers, std::string, label_codes, label_masks, variations>;

/// Weights of shape (events,), (events, k), or one for all events.
using weights = std::variant<array_view<double>, array_view<float>, double>;

/// What the mean storages average: samples of shape (events,), (events, k), or one for all events.
using samples = weights;

/// All that one fill takes.
struct fill_arguments {
  std::vector<column> columns;         ///< one for each axis, in axis order
  std::optional<weights> weight = {};  ///< absent: every event counts 1
  bool allow_nan = false;              ///< let NaN weights and samples in; they poison the bins that they reach
  std::optional<samples> sample = {};  ///< of mean and weighted_mean storage, which need it; else absent
};

}  // namespace hugehist
