#include "write/weight_source.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace hugehist::write {

bool is_whole_number(double weight) noexcept {
  return std::trunc(weight) == weight && weight >= -0x1p63 && weight < 0x1p63;
}

namespace {

[[noreturn]] void refuse(double weight, bool integers, const std::string& where) {
  if (std::isnan(weight) && !integers)
    throw std::invalid_argument{"weight" + where +
                                " is NaN, which would poison the bins that it reaches: mend it, or allow NaN weights"};
  throw std::invalid_argument{"weight" + where + " is " + std::to_string(weight) +
                              ": int storage takes whole numbers that fit 64 bits; use double or weighted storage"};
}

/// True where a weight of the run is not allowed. Written without an early exit, so that it vectorises.
template <class T>
bool any_nan(const T* weights, std::size_t n) noexcept {
  int found = 0;
  for (std::size_t i = 0; i < n; ++i) found |= weights[i] != weights[i];
  return found != 0;
}

template <class T>
bool any_bad(const T* weights, std::ptrdiff_t stride, std::size_t n, bool integers) noexcept {
  if (!integers && stride == 1) return any_nan(weights, n);
  bool found = false;
  for (std::size_t i = 0; i < n; ++i) {
    const auto weight = static_cast<double>(weights[static_cast<std::ptrdiff_t>(i) * stride]);
    found |= integers ? !is_whole_number(weight) : std::isnan(weight);
  }
  return found;
}

template <class T>
void name_bad(const array_view<T>& array, bool integers, std::size_t first, std::size_t last) {
  for (auto event = first; event < last; ++event)
    for (std::size_t j = 0; j < array.columns; ++j) {
      const auto weight = static_cast<double>(array(event, j));
      if (integers ? is_whole_number(weight) : !std::isnan(weight)) continue;
      auto where = " of event " + std::to_string(event);
      if (array.columns > 1) where += ", column " + std::to_string(j) + ",";
      refuse(weight, integers, where);
    }
}

template <class T>
void check_array(const array_view<T>& array, bool integers, std::size_t first, std::size_t last) {
  const auto columns = array.columns;
  const auto events = last - first;
  const auto* begin = array.data + static_cast<std::ptrdiff_t>(first) * array.event_stride;
  bool bad = false;
  // The memory is walked in its own order, and in one run where it is one.
  if (array.event_stride == static_cast<std::ptrdiff_t>(columns) && (columns == 1 || array.column_stride == 1)) {
    bad = any_bad(begin, 1, events * columns, integers);
  } else if (columns == 1 || std::abs(array.event_stride) < std::abs(array.column_stride)) {
    for (std::size_t j = 0; j < columns; ++j)
      bad |=
          any_bad(begin + static_cast<std::ptrdiff_t>(j) * array.column_stride, array.event_stride, events, integers);
  } else {
    for (std::size_t e = 0; e < events; ++e)
      bad |=
          any_bad(begin + static_cast<std::ptrdiff_t>(e) * array.event_stride, array.column_stride, columns, integers);
  }
  if (bad) name_bad(array, integers, first, last);
}

}  // namespace

std::size_t weight_source::events() const noexcept {
  std::size_t result = 0;
  if (const auto* doubles = std::get_if<array_view<double>>(&*weight_)) result = doubles->events;
  if (const auto* floats = std::get_if<array_view<float>>(&*weight_)) result = floats->events;
  return result;
}

std::size_t weight_source::columns() const noexcept {
  std::size_t result = 1;
  if (const auto* doubles = std::get_if<array_view<double>>(&*weight_)) result = doubles->columns;
  if (const auto* floats = std::get_if<array_view<float>>(&*weight_)) result = floats->columns;
  return result;
}

void weight_source::check(storage kind, bool allow_nan, std::size_t first, std::size_t last) const {
  const bool integers = kind == storage::int_;
  if (!given() || (allow_nan && !integers)) return;
  if (const auto* scalar = std::get_if<double>(&*weight_)) {
    if (integers ? !is_whole_number(*scalar) : std::isnan(*scalar)) refuse(*scalar, integers, "");
  } else if (const auto* doubles = std::get_if<array_view<double>>(&*weight_)) {
    check_array(*doubles, integers, first, last);
  } else {
    check_array(std::get<array_view<float>>(*weight_), integers, first, last);
  }
}

}  // namespace hugehist::write
