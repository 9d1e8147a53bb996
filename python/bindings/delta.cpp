// Deltas: from planes in memory, and to and from their compact bytes.

#include "bindings.hpp"

#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>

namespace hugehist::python {
namespace {

/// Keeps Python objects alive for C++ that may let go of them in any thread.
std::shared_ptr<const void> keep_alive(py::object objects) {
  return {objects.release().ptr(), [](const PyObject* held) {
            if (!Py_IsInitialized()) return;
            py::gil_scoped_acquire acquire;
            Py_DECREF(const_cast<PyObject*>(held));
          }};
}

delta from_dense(const py::sequence& axes, const std::string& kind, const py::list& planes, bool variance_known) {
  const auto infos = hugehist::planes(storage_from_string(kind));
  if (planes.size() != infos.size())
    throw std::invalid_argument{"storage '" + kind + "' has " + std::to_string(infos.size()) + " planes, not " +
                                std::to_string(planes.size())};
  auto described = axes_from_uhi(axes);
  dense_view cells;
  for (std::size_t p = 0; p < infos.size(); ++p) {
    const auto plane = planes[p].cast<py::array>();
    const auto expected = infos[p].is_integer ? py::dtype::of<std::int64_t>() : py::dtype::of<double>();
    if (!plane.dtype().equal(expected)) throw type_error{"a plane has the wrong dtype"};
    if (static_cast<std::size_t>(plane.ndim()) != described.size())
      throw std::invalid_argument{"a plane has " + std::to_string(plane.ndim()) + " dimensions for " +
                                  std::to_string(described.size()) + " axes"};
    std::vector<std::ptrdiff_t> strides;
    for (py::ssize_t i = 0; i < plane.ndim(); ++i) {
      const auto extent = described[static_cast<std::size_t>(i)].extent();
      if (static_cast<std::size_t>(plane.shape(i)) != extent)
        throw std::invalid_argument{to_string(described[static_cast<std::size_t>(i)]) + " has " +
                                    std::to_string(extent) + " bins with flow, but the content has " +
                                    std::to_string(plane.shape(i))};
      if (plane.strides(i) % 8 != 0) throw type_error{"a plane's strides are no multiples of eight bytes"};
      strides.push_back(extent > 1 ? plane.strides(i) / 8 : 0);  // NumPy has any number for a single bin
    }
    if (p > 0 && strides != cells.strides) throw type_error{"the planes of one histogram lie differently in memory"};
    cells.planes[p] = plane.data();
    cells.strides = std::move(strides);
  }
  cells.owner = keep_alive(planes);
  return delta::from_dense(std::move(described), storage_from_string(kind), std::move(cells), variance_known);
}

delta from_bytes(const py::buffer& bytes, std::size_t max_memory) {
  const auto view = bytes.request();
  const auto content = bytes_of(view);
  return unlocked([&] { return delta::from_bytes(content, max_memory); });
}

delta read(delta_reader& self, const py::buffer& bytes, std::size_t max_memory) {
  const auto view = bytes.request();
  const auto content = bytes_of(view);
  return unlocked([&] { return self.read(content, max_memory); });
}

py::bytes to_bytes(const delta& self) {
  const auto content = unlocked([&] { return self.to_bytes(); });
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

py::list list_of(std::vector<delta> parts) {
  py::list result;
  for (auto& part : parts) result.append(std::move(part));
  return result;
}

py::list split(const delta& self, const py::sequence& axes, std::size_t parts) {
  const auto by = references_from(axes);
  return list_of(unlocked([&] { return self.split(by, parts); }));
}

py::list pieces(const delta& self, std::size_t max_bytes) {
  return list_of(unlocked([&] { return self.pieces(max_bytes); }));
}

}  // namespace

std::span<const std::byte> bytes_of(const py::buffer_info& view) {
  if (view.ndim != 1 || view.itemsize != 1 || (view.size > 1 && view.strides[0] != 1))
    throw type_error{"bytes are expected"};
  return {static_cast<const std::byte*>(view.ptr), static_cast<std::size_t>(view.size)};
}

void bind_delta(py::module_& module) {
  module.def(
      "shard_of", [](const py::sequence& labels, std::size_t shards) { return shard_of(texts_from(labels), shards); },
      py::arg("labels"), py::arg("shards"));
  py::class_<delta>(module, "Delta")
      .def_static("from_dense", &from_dense, py::arg("axes"), py::arg("storage"), py::arg("planes"),
                  py::arg("variance_known") = true)
      .def_static("from_bytes", &from_bytes, py::arg("content"), py::arg("max_memory"))
      .def("to_bytes", &to_bytes)
      .def("split", &split, py::arg("axes"), py::arg("parts"))
      .def("pieces", &pieces, py::arg("max_bytes"))
      .def_property_readonly("axes", [](const delta& self) { return axes_to_uhi(self.axes()); })
      .def_property_readonly("storage", [](const delta& self) { return std::string{to_string(self.kind())}; })
      .def_property_readonly("nbytes", &delta::size_bytes)
      .def_property_readonly("empty", &delta::empty);
  py::class_<delta_reader>(module, "DeltaReader")
      .def(py::init())
      .def("read", &read, py::arg("content"), py::arg("max_memory"));
}

}  // namespace hugehist::python
