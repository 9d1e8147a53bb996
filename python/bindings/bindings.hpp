// What the files of the binding share: conversions between Python objects and hugehist's values.
//
// Axes cross the border as the axis dictionaries of the UHI serialization schema, columns and planes as NumPy
// arrays that are viewed, not copied. The package hugehist checks and prepares what it hands over; what comes
// here in another form is a TypeError. All functions need the GIL unless they say otherwise; calls that may
// take long run without it, so no thread ever waits for the file's lock while it holds the GIL.
#pragma once

#include "gil.hpp"

#include <hugehist/axis.hpp>
#include <hugehist/columns.hpp>
#include <hugehist/merge_id.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/selector.hpp>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace hugehist::python {

namespace py = pybind11;

// axes.cpp
scalar scalar_from(const py::handle& value);
py::object scalar_to(const scalar& value);
metadata_map metadata_from(const py::dict& values);
py::dict metadata_to(const metadata_map& values);
axis::any axis_from_uhi(const py::dict& uhi);
py::dict axis_to_uhi(const axis::any& axis);
std::vector<axis::any> axes_from_uhi(const py::sequence& uhi);
py::list axes_to_uhi(const std::vector<axis::any>& axes);

/// Axes by name or number.
std::vector<axis_reference> references_from(const py::sequence& axes);

// columns.cpp: the result views the arrays in `columns`, `weight` and `sample`, which must outlive it.
fill_arguments fill_arguments_from(const py::sequence& columns, const py::object& weight, const py::object& sample,
                                   bool allow_nan);

// strings.cpp
/// UTF-8 of a str; bytes are taken as they are.
std::string text_from(const py::handle& value);
std::vector<std::string> texts_from(const py::handle& values);
py::list texts_to(const std::vector<std::string>& values);

// delta.cpp
/// Throws type_error for what is no row of bytes.
std::span<const std::byte> bytes_of(const py::buffer_info& view);

// ids.cpp: a str, bytes, or a tuple (source, start, stop).
merge_id id_from(const py::handle& value);
py::list ids_to(const std::vector<merge_id>& ids);

// The parts of the module.
void bind_errors(py::module_& module);
void bind_strings(py::module_& module);
void bind_delta(py::module_& module);
void bind_buffer(py::module_& module);
void bind_histogram(py::module_& module);
void bind_file(py::module_& module);
void bind_transaction(py::module_& module);
void bind_integrity(py::module_& module);

}  // namespace hugehist::python
