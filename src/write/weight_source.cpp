#include "write/weight_source.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace hugehist::write {

namespace {

bool is_bad(double number, requirement required) noexcept { return any_bad(&number, 1, required); }

template <class T>
bool any_bad(const T* numbers, std::ptrdiff_t stride, std::size_t n, requirement required) noexcept {
  if (stride == 1) return any_bad(numbers, n, required);
  bool found = false;
  for (std::size_t i = 0; i < n; ++i)
    found |= is_bad(static_cast<double>(numbers[static_cast<std::ptrdiff_t>(i) * stride]), required);
  return found;
}

/// Whether events [first, last) have a number that is not allowed.
template <class T>
bool any_bad(const array_view<T>& array, requirement required, std::size_t first, std::size_t last) noexcept {
  const auto columns = array.columns;
  const auto events = last - first;
  const auto* begin = array.data + static_cast<std::ptrdiff_t>(first) * array.event_stride;
  bool bad = false;
  // The memory is walked in its own order, and in one run where it is one.
  if (array.event_stride == static_cast<std::ptrdiff_t>(columns) && (columns == 1 || array.column_stride == 1)) {
    bad = any_bad(begin, 1, events * columns, required);
  } else if (columns == 1 || std::abs(array.event_stride) < std::abs(array.column_stride)) {
    for (std::size_t j = 0; j < columns; ++j)
      bad |=
          any_bad(begin + static_cast<std::ptrdiff_t>(j) * array.column_stride, array.event_stride, events, required);
  } else {
    for (std::size_t e = 0; e < events; ++e)
      bad |=
          any_bad(begin + static_cast<std::ptrdiff_t>(e) * array.event_stride, array.column_stride, columns, required);
  }
  return bad;
}

}  // namespace

void weight_source::refuse(double number, requirement required, const std::string& where) const {
  const auto start = what_ + where + " is ";
  if (required == requirement::whole_number)
    throw std::invalid_argument{start + std::to_string(number) +
                                ": int storage takes whole numbers that fit 64 bits; use double or weighted storage"};
  throw std::invalid_argument{start + (std::isnan(number) ? "NaN" : "infinite") +
                              ", which would poison the bins that it reaches: mend it, or allow NaN " + what_ + "s"};
}

template <class T>
void weight_source::name_bad(const array_view<T>& array, requirement required, std::size_t first,
                             std::size_t last) const {
  for (auto event = first; event < last; ++event)
    for (std::size_t j = 0; j < array.columns; ++j) {
      const auto number = static_cast<double>(array(event, j));
      if (!is_bad(number, required)) continue;
      auto where = " of event " + std::to_string(event);
      if (array.columns > 1) where += ", column " + std::to_string(j) + ",";
      refuse(number, required, where);
    }
}

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

void weight_source::check(requirement required, std::size_t first, std::size_t last) const {
  if (!given() || required == requirement::none) return;
  const auto check_array = [&](const auto& array) {
    if (any_bad(array, required, first, last)) name_bad(array, required, first, last);
  };
  if (const auto* scalar = std::get_if<double>(&*weight_)) {
    if (is_bad(*scalar, required)) refuse(*scalar, required, "");
  } else if (const auto* doubles = std::get_if<array_view<double>>(&*weight_)) {
    check_array(*doubles);
  } else {
    check_array(std::get<array_view<float>>(*weight_));
  }
}

}  // namespace hugehist::write
