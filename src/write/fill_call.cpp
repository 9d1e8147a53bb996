#include "write/fill_call.hpp"

#include "base/overloaded.hpp"
#include "model/moments.hpp"
#include "model/schema.hpp"

#include <hugehist/error.hpp>

#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace hugehist::write {
namespace {

void check_no_repeats(const std::vector<std::string>& labels, const std::string& axis) {
  std::unordered_set<std::string_view> seen;
  for (const auto& label : labels)
    if (!seen.insert(label).second)
      throw std::invalid_argument{axis + ": the label '" + label + "' is given twice: give each label once"};
}

/// Integers on an integer category axis: the same as codes into the distinct values.
template <class T>
void take_integers(const array_view<T>& values, category_column& result) {
  std::unordered_map<std::int64_t, std::int32_t> codes;
  result.own_codes.reserve(values.events);
  for (std::size_t e = 0; e < values.events; ++e) {
    const std::int64_t value = values(e, 0);
    const auto [position, is_new] = codes.try_emplace(value, static_cast<std::int32_t>(codes.size()));
    if (is_new) result.own_labels.push_back(std::to_string(value));
    result.own_codes.push_back(position->second);
  }
  result.use = category_column::kind::codes;
  result.labels = result.own_labels;
  result.codes = std::span<const std::int32_t>{result.own_codes};
}

class checker {
 public:
  checker(const std::vector<axis::any>& axes, storage kind, const binning& binning, const fill_arguments& arguments)
      : axes_{axes},
        kind_{kind},
        binning_{binning},
        arguments_{arguments},
        call_{.weight = weight_source{arguments.weight}, .sample = weight_source{arguments.sample, "sample"}} {}

  fill_call run() {
    if (arguments_.columns.size() != axes_.size())
      throw std::invalid_argument{"a fill takes one column for each of the " + std::to_string(axes_.size()) +
                                  " axes, not " + std::to_string(arguments_.columns.size())};
    check_sample();
    find_variations();
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (axes_[i].is_category())
        call_.categories.push_back(category(i));
      else
        call_.values.push_back(&values(i));
    }
    for (const auto& source : {call_.weight, call_.sample})
      if (source.is_array()) check_shape(source.what(), source.events(), source.columns());
    call_.events = events_.value_or(1);  // scalars alone are one event, as in boost-histogram
    if (call_.events >= event_rows::dropped)
      throw std::invalid_argument{"more than 2^32 - 2 events in one fill: divide them"};
    std::size_t weights = 0;
    if (__builtin_mul_overflow(call_.events, call_.rows, &weights))
      throw std::invalid_argument{"events times variations do not fit 64 bits: divide the events"};
    return std::move(call_);
  }

 private:
  void check_sample() const {
    if (model::is_mean(kind_) == call_.sample.given()) return;
    const auto storage = "storage '" + std::string{to_string(kind_)} + "' ";
    throw type_error{call_.sample.given() ? storage + "takes no sample: use mean or weighted_mean"
                                          : storage + "needs the sample that is averaged (sample=)"};
  }

  void find_variations() {
    std::string first;
    std::size_t position = 0;
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (const auto* list = std::get_if<variations>(&arguments_.columns[i])) {
        const auto axis = model::describe(axes_[i], i);
        if (!axes_[i].is_category()) throw type_error{axis + " takes numbers, not labels"};
        if (call_.span != no_span)
          throw std::invalid_argument{axis + " and " + first + " both take a list of labels: only one axis may"};
        if (list->labels.empty()) throw std::invalid_argument{axis + ": the list of labels is empty"};
        check_no_repeats(list->labels, axis);
        first = axis;
        call_.span = position;
        call_.rows = list->labels.size();
      }
      position += axes_[i].is_category() ? 1 : 0;
    }
  }

  /// Takes an array's length as the number of events, and its columns as the number of variations.
  void check_shape(const std::string& what, std::size_t events, std::size_t columns) {
    if (!events_) {
      events_ = events;
      length_of_ = what;
    } else if (*events_ != events) {
      throw std::invalid_argument{what + " has " + std::to_string(events) + " events, " + length_of_ + " has " +
                                  std::to_string(*events_) + ": give arrays of one length"};
    }
    if (columns == 1 || columns == call_.rows) return;
    const auto shape = what + " has " + std::to_string(columns) + " columns";
    if (call_.span == no_span)
      throw std::invalid_argument{shape + ": one category axis must take a list of as many labels"};
    throw std::invalid_argument{shape + " for a list of " + std::to_string(call_.rows) + " labels: they must agree"};
  }

  const numbers& values(std::size_t i) {
    const auto* column = std::get_if<numbers>(&arguments_.columns[i]);
    if (column == nullptr) throw type_error{model::describe(axes_[i], i) + " takes numbers, not labels"};
    binning_.check_kind(call_.values.size(), *column);
    if (const auto shape = shape_of(*column); !shape.is_scalar) {
      check_shape(model::describe(axes_[i], i), shape.events, shape.columns);
      if (shape.columns > 1) call_.bin_per_weight = true;
    }
    return *column;
  }

  category_column category(std::size_t i) {
    const auto axis = model::describe(axes_[i], i);
    category_column result;
    using kind = category_column::kind;
    std::visit(base::overloaded{
                   [&](const numbers& column) { integers(i, column, result); },
                   [&](const std::string& label) {
                     result.labels = {&label, 1};
                   },
                   [&](const label_codes& column) {
                     if (column.codes.columns != 1)
                       throw std::invalid_argument{axis + ": an event has one code, not " +
                                                   std::to_string(column.codes.columns)};
                     check_shape(axis, column.codes.events, 1);
                     result.use = kind::codes;
                     result.labels = column.labels;
                     result.codes = column.codes;
                   },
                   [&](const label_masks& column) { masks(axis, column, result); },
                   [&](const variations& column) {
                     result.use = kind::variations;
                     result.labels = column.labels;
                   },
               },
               arguments_.columns[i]);
    return result;
  }

  void masks(const std::string& axis, const label_masks& column, category_column& result) {
    if (column.labels.size() != column.masks.size())
      throw std::invalid_argument{axis + ": " + std::to_string(column.labels.size()) + " labels with " +
                                  std::to_string(column.masks.size()) + " masks: give one mask for each label"};
    check_no_repeats(column.labels, axis);
    for (std::size_t m = 0; m < column.masks.size(); ++m) {
      const auto& mask = column.masks[m];
      check_shape("the mask of '" + column.labels[m] + "' of " + axis, mask.events, mask.columns);
      if (mask.columns > 1) call_.bin_per_weight = true;
    }
    result.use = category_column::kind::masks;
    result.labels = column.labels;
    result.masks = column.masks;
  }

  void integers(std::size_t i, const numbers& column, category_column& result) {
    const auto axis = model::describe(axes_[i], i);
    if (std::holds_alternative<axis::str_category>(axes_[i].kind()))
      throw type_error{axis + " takes labels (strings), not numbers"};
    const auto shape = shape_of(column);
    if (!shape.is_scalar) check_shape(axis, shape.events, shape.columns);
    if (shape.columns != 1)
      throw std::invalid_argument{axis + ": an event has one label: give a list of labels instead"};
    std::visit(base::overloaded{
                   [&](std::int64_t value) {
                     result.own_labels.push_back(std::to_string(value));
                     result.labels = result.own_labels;
                   },
                   [&](const array_view<std::int64_t>& values) { take_integers(values, result); },
                   [&](const array_view<std::int32_t>& values) { take_integers(values, result); },
                   [&](const auto&) { throw type_error{axis + " takes integers: convert the values"}; },
               },
               column);
  }

  const std::vector<axis::any>& axes_;
  const storage kind_;
  const binning& binning_;
  const fill_arguments& arguments_;
  fill_call call_;
  std::optional<std::size_t> events_;
  std::string length_of_;
};

}  // namespace

fill_call check_arguments(const std::vector<axis::any>& axes, storage kind, const binning& binning,
                          const fill_arguments& arguments) {
  return checker{axes, kind, binning, arguments}.run();
}

}  // namespace hugehist::write
