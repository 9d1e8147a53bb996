// The arguments of a fill, as hugehist/columns.py prepared them, viewed as the core's columns.
//
// A column is a number, a NumPy array, a str (one label), or a tuple: ("codes", labels, int32 array),
// ("masks", labels, list of bool arrays), ("variations", labels).

#include "bindings.hpp"

#include <hugehist/error.hpp>

namespace hugehist::python {
namespace {

template <class T>
array_view<T> view_of(const py::array& array) {
  const auto step = [&](py::ssize_t axis) {
    if (array.shape(axis) <= 1) return std::ptrdiff_t{0};  // NumPy leaves such a stride open
    const auto bytes = array.strides(axis);
    if (bytes % static_cast<py::ssize_t>(sizeof(T)) != 0)
      throw type_error{"an array's strides are no multiples of its elements: copy it"};
    return static_cast<std::ptrdiff_t>(bytes / static_cast<py::ssize_t>(sizeof(T)));
  };
  const auto* data = static_cast<const T*>(array.data());
  const auto length = [&](py::ssize_t axis) { return static_cast<std::size_t>(array.shape(axis)); };
  if (array.ndim() == 1) return {data, length(0), 1, step(0), 0};
  if (array.ndim() == 2) return {data, length(0), length(1), step(0), step(1)};
  throw type_error{"an array of shape (events,) or (events, k) is expected"};
}

template <class T>
bool holds(const py::array& array) {
  return array.dtype().is(py::dtype::of<T>()) || array.dtype().equal(py::dtype::of<T>());
}

/// Calls `use` with the view of whichever of the types the array holds.
template <class Result, class... Ts>
Result view_as(const py::array& array) {
  std::optional<Result> result;
  const bool found = ((holds<Ts>(array) ? (result = Result{view_of<Ts>(array)}, true) : false) || ...);
  if (!found) throw type_error{"an array of dtype " + std::string{py::str(array.dtype())} + " cannot be filled"};
  return *std::move(result);
}

numbers numbers_from(const py::handle& value) {
  if (py::isinstance<py::array>(value))
    return view_as<numbers, double, float, std::int64_t, std::int32_t, bool>(py::reinterpret_borrow<py::array>(value));
  if (PyFloat_Check(value.ptr())) return value.cast<double>();
  if (PyLong_Check(value.ptr())) return value.cast<std::int64_t>();
  throw type_error{"a column is a number, a str, an array or a tagged tuple"};
}

column tagged_from(const py::tuple& value) {
  const auto tag = text_from(value[0]);
  if (tag == "codes")
    return label_codes{texts_from(value[1]),
                       view_as<array_view<std::int32_t>, std::int32_t>(value[2].cast<py::array>())};
  if (tag == "variations") return variations{texts_from(value[1])};
  if (tag != "masks") throw type_error{"the column tag '" + tag + "' is unknown"};
  label_masks result{texts_from(value[1]), {}};
  for (const auto& mask : value[2].cast<py::list>())
    result.masks.push_back(view_as<array_view<bool>, bool>(py::reinterpret_borrow<py::array>(mask)));
  return result;
}

column column_from(const py::handle& value) {
  if (py::isinstance<py::str>(value)) return text_from(value);
  if (py::isinstance<py::tuple>(value)) return tagged_from(py::reinterpret_borrow<py::tuple>(value));
  return numbers_from(value);
}

/// Weights or samples.
std::optional<weights> weights_from(const py::object& value) {
  if (value.is_none()) return std::nullopt;
  if (py::isinstance<py::array>(value))
    return view_as<weights, double, float>(py::reinterpret_borrow<py::array>(value));
  return weights{value.cast<double>()};
}

}  // namespace

fill_arguments fill_arguments_from(const py::sequence& columns, const py::object& weight, const py::object& sample,
                                   bool allow_nan) {
  fill_arguments result;
  for (const auto& value : columns) result.columns.push_back(column_from(value));
  result.weight = weights_from(weight);
  result.sample = weights_from(sample);
  result.allow_nan = allow_nan;
  return result;
}

}  // namespace hugehist::python
