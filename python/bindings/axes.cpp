// Axes and metadata as the dictionaries of the UHI serialization schema (version 1), and back.

#include "bindings.hpp"

#include <hugehist/error.hpp>

#include <pybind11/stl.h>

namespace hugehist::python {
namespace {

template <class T>
T get(const py::dict& values, const char* key) {
  if (!values.contains(key)) throw std::invalid_argument{std::string{"the UHI axis has no '"} + key + "'"};
  try {
    return values[key].cast<T>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument{std::string{"the UHI axis has a '"} + key + "' that is none"};
  }
}

/// writer_info of boost-histogram: what the schema itself cannot say.
py::dict writer_info(const py::dict& uhi) {
  if (!uhi.contains("writer_info")) return {};
  const auto all = uhi["writer_info"].cast<py::dict>();
  return all.contains("boost-histogram") ? all["boost-histogram"].cast<py::dict>() : py::dict{};
}

axis::kind transformed(const py::dict& info) {
  axis::regular result{get<std::int64_t>(info, "bins"), get<double>(info, "lower"), get<double>(info, "upper")};
  const auto name = get<std::string>(info, "transform");
  if (name == "log") {
    result.transform = axis::transform::log;
  } else if (name == "sqrt") {
    result.transform = axis::transform::sqrt;
  } else if (name == "pow") {
    result.transform = axis::transform::pow;
    result.power = get<double>(info, "power");
  } else {
    throw std::invalid_argument{"a regular axis with the transform '" + name +
                                "' cannot be kept: use log, sqrt, pow, or a variable axis"};
  }
  return result;
}

axis::kind kind_from(const py::dict& uhi, const py::dict& info) {
  const auto type = get<std::string>(uhi, "type");
  const bool growth = info.contains("growth") && info["growth"].cast<bool>();
  if (type == "boolean") return axis::boolean{};
  if (type == "category_str") return axis::str_category{texts_from(uhi["categories"]), growth, get<bool>(uhi, "flow")};
  if (type == "category_int")
    return axis::int_category{get<std::vector<std::int64_t>>(uhi, "categories"), growth, get<bool>(uhi, "flow")};

  const auto underflow = get<bool>(uhi, "underflow"), overflow = get<bool>(uhi, "overflow"),
             circular = get<bool>(uhi, "circular");
  if (type == "variable") {
    if (info.contains("transform")) return transformed(info);
    return axis::variable{get<std::vector<double>>(uhi, "edges"), underflow, overflow, circular};
  }
  if (type != "regular") throw format_error{"the UHI axis type '" + type + "' is unknown"};
  if (info.contains("orig_type") && py::str(info["orig_type"]).equal(py::str("Integer")))
    return axis::integer{get<std::int64_t>(uhi, "lower"), get<std::int64_t>(uhi, "upper"), underflow, overflow,
                         circular};
  return axis::regular{get<std::int64_t>(uhi, "bins"),
                       get<double>(uhi, "lower"),
                       get<double>(uhi, "upper"),
                       underflow,
                       overflow,
                       circular};
}

void set_flow(py::dict& uhi, bool underflow, bool overflow, bool circular) {
  uhi["underflow"] = underflow;
  uhi["overflow"] = overflow;
  uhi["circular"] = circular;
}

py::list edges_of(const axis::any& axis) { return py::cast(axis.edges()); }

/// Fills `uhi` with what describes the axis, `info` with what boost-histogram would add.
struct describe {
  const axis::any& axis;
  py::dict& uhi;
  py::dict& info;

  void operator()(const axis::regular& a) const {
    set_flow(uhi, a.underflow, a.overflow, a.circular);
    if (a.transform == axis::transform::none) {
      uhi["type"] = "regular";
      uhi["bins"] = a.bins;
      uhi["lower"] = a.lower;
      uhi["upper"] = a.upper;
      return;
    }
    uhi["type"] = "variable";
    uhi["edges"] = edges_of(axis);
    // boost-histogram restores the transform with both flow bins; without them only the edges are true.
    if (!a.underflow || !a.overflow) return;
    info["transform"] = a.transform == axis::transform::log    ? "log"
                        : a.transform == axis::transform::sqrt ? "sqrt"
                                                               : "pow";
    if (a.transform == axis::transform::pow) info["power"] = a.power;
    info["bins"] = a.bins;
    info["lower"] = a.lower;
    info["upper"] = a.upper;
  }
  void operator()(const axis::variable& a) const {
    uhi["type"] = "variable";
    uhi["edges"] = edges_of(axis);
    set_flow(uhi, a.underflow, a.overflow, a.circular);
  }
  void operator()(const axis::integer& a) const {
    uhi["type"] = "regular";
    uhi["bins"] = a.upper - a.lower;
    uhi["lower"] = a.lower;
    uhi["upper"] = a.upper;
    set_flow(uhi, a.underflow, a.overflow, a.circular);
    info["orig_type"] = "Integer";
  }
  void operator()(const axis::boolean&) const { uhi["type"] = "boolean"; }
  void operator()(const axis::str_category& a) const {
    uhi["type"] = "category_str";
    uhi["categories"] = texts_to(a.labels);
    uhi["flow"] = a.overflow;
    if (a.growth) info["growth"] = true;
  }
  void operator()(const axis::int_category& a) const {
    uhi["type"] = "category_int";
    uhi["categories"] = a.labels;
    uhi["flow"] = a.overflow;
    if (a.growth) info["growth"] = true;
  }
};

}  // namespace

scalar scalar_from(const py::handle& value) {
  if (PyBool_Check(value.ptr())) return value.cast<bool>();
  if (PyLong_Check(value.ptr())) return value.cast<std::int64_t>();
  if (PyFloat_Check(value.ptr())) return value.cast<double>();
  if (PyUnicode_Check(value.ptr())) return text_from(value);
  throw type_error{"metadata is a bool, an int, a float or a str, not " +
                   std::string{py::str(py::type::handle_of(value).attr("__name__"))}};
}

py::object scalar_to(const scalar& value) {
  return std::visit([](const auto& v) -> py::object { return py::cast(v); }, value);
}

metadata_map metadata_from(const py::dict& values) {
  metadata_map result;
  for (const auto& [key, value] : values) result.emplace(text_from(key), scalar_from(value));
  return result;
}

py::dict metadata_to(const metadata_map& values) {
  py::dict result;
  for (const auto& [key, value] : values) result[py::str(key)] = scalar_to(value);
  return result;
}

axis::any axis_from_uhi(const py::dict& uhi) {
  auto metadata = uhi.contains("metadata") ? metadata_from(uhi["metadata"].cast<py::dict>()) : metadata_map{};
  return axis::any{kind_from(uhi, writer_info(uhi)), std::move(metadata)};
}

py::dict axis_to_uhi(const axis::any& axis) {
  py::dict uhi, info;
  std::visit(describe{axis, uhi, info}, axis.kind());
  if (!axis.metadata().empty()) uhi["metadata"] = metadata_to(axis.metadata());
  if (!info.empty()) {
    py::dict writers;
    writers["boost-histogram"] = info;
    uhi["writer_info"] = writers;
  }
  return uhi;
}

std::vector<axis::any> axes_from_uhi(const py::sequence& uhi) {
  std::vector<axis::any> result;
  for (const auto& axis : uhi) result.push_back(axis_from_uhi(axis.cast<py::dict>()));
  return result;
}

py::list axes_to_uhi(const std::vector<axis::any>& axes) {
  py::list result;
  for (const auto& axis : axes) result.append(axis_to_uhi(axis));
  return result;
}

std::vector<axis_reference> references_from(const py::sequence& axes) {
  std::vector<axis_reference> result;
  for (const auto& axis : axes) {
    if (py::isinstance<py::str>(axis))
      result.emplace_back(text_from(axis));
    else
      result.emplace_back(axis.cast<std::int64_t>());
  }
  return result;
}

}  // namespace hugehist::python
