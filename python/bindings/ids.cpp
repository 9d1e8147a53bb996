// Ids of merges: a str, bytes, or a tuple (source, start, stop).

#include "bindings.hpp"

#include <pybind11/stl.h>

namespace hugehist::python {
namespace {

/// Texts are bytes to the core; those that are no UTF-8 come back as bytes.
py::object text_to(const std::string& text) {
  auto result = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "strict"));
  if (result) return result;
  PyErr_Clear();
  return py::bytes{text};
}

}  // namespace

merge_id id_from(const py::handle& value) {
  if (!py::isinstance<py::tuple>(value)) return {text_from(value)};
  const auto parts = value.cast<py::tuple>();
  if (parts.size() != 3) throw py::type_error{"an id that is a tuple is (source, start, stop)"};
  return {interval{text_from(parts[0]), parts[1].cast<std::int64_t>(), parts[2].cast<std::int64_t>()}};
}

py::list ids_to(const std::vector<merge_id>& ids) {
  py::list result;
  for (const auto& id : ids) {
    if (const auto* text = id.text()) result.append(text_to(*text));
    if (const auto* part = id.interval()) result.append(py::make_tuple(text_to(part->source), part->start, part->stop));
  }
  return result;
}

}  // namespace hugehist::python
