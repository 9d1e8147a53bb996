// Fill buffers: histograms in memory, filled anywhere, that become deltas.

#include "bindings.hpp"

#include <hugehist/buffer.hpp>

namespace hugehist::python {

void bind_buffer(py::module_& module) {
  const auto make = [](const py::sequence& axes, const std::string& kind) {
    return fill_buffer{axes_from_uhi(axes), storage_from_string(kind)};
  };
  const auto fill = [](fill_buffer& self, const py::sequence& columns, const py::object& weight, bool allow_nan,
                       unsigned threads) {
    const auto arguments = fill_arguments_from(columns, weight, allow_nan);
    unlocked([&] { self.fill(arguments, threads); });
  };
  py::class_<fill_buffer>(module, "FillBuffer")
      .def(py::init(make), py::arg("axes"), py::arg("storage"))
      .def("fill", fill, py::arg("columns"), py::arg("weight"), py::arg("allow_nan"), py::arg("threads"))
      .def("take", [](fill_buffer& self) { return unlocked([&] { return self.take(); }); })
      .def_property_readonly("axes", [](const fill_buffer& self) { return axes_to_uhi(self.axes()); })
      .def_property_readonly("storage", [](const fill_buffer& self) { return std::string{to_string(self.kind())}; })
      .def_property_readonly("nbytes", &fill_buffer::size_bytes)
      .def_property_readonly("empty", &fill_buffer::empty);
}

}  // namespace hugehist::python
