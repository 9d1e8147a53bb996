// Histograms in a file: fill, merge, read.

#include "handle.hpp"
#include "shared_buffer.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <cstring>

namespace hugehist::python {
namespace {

axis_map map_from(const py::handle& value) {
  const auto parts = value.cast<py::tuple>();
  const auto target = parts[0].cast<py::array_t<std::int32_t, py::array::c_style>>();
  axis_map result{{target.data(), target.data() + target.size()}, parts[1].cast<std::size_t>(), {}};
  if (!parts[2].is_none()) {
    const auto factor = parts[2].cast<py::array_t<double, py::array::c_style>>();
    result.factor.assign(factor.data(), factor.data() + factor.size());
  }
  return result;
}

/// An array that owns what the vector held.
template <class T>
py::array array_from(std::vector<T>&& values, const std::vector<std::size_t>& shape) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  const auto* data = owned->data();
  const py::capsule owner{owned.release(), [](void* held) { delete static_cast<std::vector<T>*>(held); }};
  return py::array_t<T>{shape, data, owner};
}

/// Looks for Ctrl-C, and tells `report` how far the reading is, some times a second.
class progress_watch {
 public:
  explicit progress_watch(py::object report) : report_{std::move(report)} {}

  void operator()(std::size_t done, std::size_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ && done != all) return;
    next_ = now + std::chrono::milliseconds{50};
    py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set{};
    if (!report_.is_none()) report_(done, all);
  }

 private:
  py::object report_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now();
};

py::tuple read(handle& self, const py::sequence& maps, const py::object& progress) {
  std::vector<axis_map> selected;
  for (const auto& map : maps) selected.push_back(map_from(map));
  progress_watch watch{progress};
  auto answer = unlocked(
      [&] { return self.target().read(selected, [&](std::size_t done, std::size_t all) { watch(done, all); }); });
  py::list planes;
  for (auto& plane : answer.planes)
    planes.append(std::visit([&](auto& values) { return array_from(std::move(values), answer.shape); }, plane));
  return py::make_tuple(py::tuple{py::cast(answer.shape)}, planes);
}

void fill(handle& self, const py::sequence& columns, const py::object& weight, bool allow_nan, unsigned threads) {
  const auto arguments = fill_arguments_from(columns, weight, allow_nan);
  unlocked([&] { self.target().fill(arguments, threads); });
}

bool merge(handle& self, const delta& addend, const py::object& id) {
  std::optional<std::string> key;
  if (!id.is_none()) key = text_from(id);
  return unlocked([&] { return self.target().merge(addend, key); });
}

void grow(handle& self, const std::string& axis, const py::object& labels) {
  const auto texts = texts_from(labels);
  unlocked([&] { self.target().grow(axis, texts); });
}

py::dict stats_of(handle& self) {
  const auto stats = unlocked([&] { return self.target().stats(); });
  py::dict result;
  result["dense_bytes"] = stats.dense_bytes;
  result["stored_bytes"] = stats.stored_bytes;
  result["stored_chunks"] = stats.stored_chunks;
  result["chunk_shape"] = stats.chunk_shape.empty() ? py::object{py::none()} : py::tuple{py::cast(stats.chunk_shape)};
  return result;
}

}  // namespace

py::tuple handle::axes() {
  auto axes = unlocked([&] { return target_->axes(); });
  if (version_ == 0 || axes != shown_) {
    uhi_ = axes_to_uhi(axes);
    shown_ = std::move(axes);
    ++version_;
  }
  return py::make_tuple(version_, uhi_);
}

void bind_histogram(py::module_& module) {
  py::class_<handle>(module, "Histogram")
      .def_property_readonly("name", [](handle& self) { return self.target().name(); })
      .def("axes", &handle::axes)
      .def_property_readonly(
          "storage",
          [](handle& self) { return std::string{to_string(unlocked([&] { return self.target().kind(); }))}; })
      .def_property_readonly(
          "metadata", [](handle& self) { return metadata_to(unlocked([&] { return self.target().metadata(); })); })
      .def_property_readonly("variance_known",
                             [](handle& self) { return unlocked([&] { return self.target().variance_known(); }); })
      .def("fill", &fill, py::arg("columns"), py::arg("weight"), py::arg("allow_nan"), py::arg("threads"))
      .def("merge", &merge, py::arg("addend"), py::arg("id"))
      .def("buffer", [](handle& self) { return shared_buffer{unlocked([&] { return self.target().buffer(); })}; })
      .def("grow", &grow, py::arg("axis"), py::arg("labels"))
      .def("read", &read, py::arg("maps"), py::arg("progress") = py::none())
      .def("stats", &stats_of);
}

}  // namespace hugehist::python
