// Fill buffers: histograms in memory, filled anywhere, that become deltas.

#include "shared_buffer.hpp"

namespace hugehist::python {

void bind_buffer(py::module_& module) {
  const auto make = [](const py::sequence& axes, const std::string& kind) {
    return shared_buffer{fill_buffer{axes_from_uhi(axes), storage_from_string(kind)}};
  };
  const auto fill = [](shared_buffer& self, const py::sequence& columns, const py::object& weight,
                       const py::object& sample, bool allow_nan, unsigned threads) {
    const auto arguments = fill_arguments_from(columns, weight, sample, allow_nan);
    self.alone([&](fill_buffer& buffer) { buffer.fill(arguments, threads); });
  };
  py::class_<shared_buffer>(module, "FillBuffer")
      .def(py::init(make), py::arg("axes"), py::arg("storage"))
      .def("fill", fill, py::arg("columns"), py::arg("weight"), py::arg("sample"), py::arg("allow_nan"),
           py::arg("threads"))
      .def("take", [](shared_buffer& self) { return self.alone([](fill_buffer& buffer) { return buffer.take(); }); })
      .def_property_readonly("axes",
                             [](shared_buffer& self) {
                               return axes_to_uhi(self.alone([](fill_buffer& buffer) { return buffer.axes(); }));
                             })
      .def_property_readonly("storage",
                             [](shared_buffer& self) {
                               return std::string{to_string(self.alone([](fill_buffer& b) { return b.kind(); }))};
                             })
      .def_property_readonly(
          "nbytes",
          [](shared_buffer& self) { return self.alone([](fill_buffer& buffer) { return buffer.size_bytes(); }); })
      .def_property_readonly(
          "empty", [](shared_buffer& self) { return self.alone([](fill_buffer& buffer) { return buffer.empty(); }); });
}

}  // namespace hugehist::python
