// Histograms in a file: fill, merge, read.

#include "handle.hpp"
#include "shared_buffer.hpp"
#include "watched.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>

namespace hugehist::python {
namespace {

constexpr std::size_t usual_chunk_bytes = std::size_t{1} << 16;  // at least, of a merge that takes long
constexpr std::size_t most_counted = std::size_t{1} << 31;       // times the bins of an axis, it fits 64 bits

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

/// int64 arrays as they are, all else as float64.
dense_planes::plane plane_from(const py::array& array) {
  const auto copied = [&]<class T>(T) {
    const auto values = array.cast<py::array_t<T, py::array::c_style | py::array::forcecast>>();
    return std::vector<T>{values.data(), values.data() + values.size()};
  };
  if (array.dtype().kind() == 'i' && array.itemsize() == sizeof(std::int64_t)) return copied(std::int64_t{});
  return copied(double{});
}

/// A read visits no more chunks than it does bins.
std::size_t most_chunks(const std::vector<axis_map>& maps) {
  std::size_t bins = 1;
  for (const auto& map : maps) {
    const auto taken = std::ranges::count_if(map.target, [](auto target) { return target != axis_map::dropped; });
    bins = std::min(bins, most_counted) * static_cast<std::size_t>(taken);
  }
  return bins;
}

/// For each selection the list of its planes.
py::list read_many(handle& self, const py::sequence& selections, const py::object& progress) {
  std::vector<std::vector<axis_map>> selected;
  std::size_t chunks = 0;
  for (const auto& maps : selections) {
    auto& made = selected.emplace_back();
    for (const auto& map : maps.cast<py::sequence>()) made.push_back(map_from(map));
    chunks = std::max(chunks, most_chunks(made));
  }
  auto answers =
      watched(progress, chunks, [&](const auto& report) { return self.target().read_many(selected, report); });
  py::list result;
  for (auto& answer : answers) {
    py::list planes;
    for (auto& plane : answer.planes)
      planes.append(std::visit([&](auto& values) { return array_from(std::move(values), answer.shape); }, plane));
    result.append(planes);
  }
  return result;
}

void fill(handle& self, const py::sequence& columns, const py::object& weight, const py::object& sample, bool allow_nan,
          unsigned threads) {
  const auto arguments = fill_arguments_from(columns, weight, sample, allow_nan);
  unlocked([&] { self.target().fill(arguments, threads); });
}

void overwrite(handle& self, const py::sequence& bins_of_axes, const py::sequence& given, const py::object& chosen) {
  std::vector<std::vector<std::size_t>> bins;
  for (const auto& each : bins_of_axes) {
    const auto list = each.cast<py::array_t<std::int64_t, py::array::c_style>>();  // a negative one is no bin
    bins.emplace_back(list.data(), list.data() + list.size());
  }
  dense_planes content;
  for (const auto& each : given) {
    const auto plane = each.cast<py::array>();
    content.shape.assign(plane.shape(), plane.shape() + plane.ndim());
    content.planes.push_back(plane_from(plane));
  }
  std::vector<std::uint8_t> mask;
  if (!chosen.is_none()) {
    const auto array = chosen.cast<py::array_t<bool, py::array::c_style>>();
    mask.assign(array.data(), array.data() + array.size());
  }
  unlocked([&] { self.target().overwrite(bins, content, mask); });
}

bool merge(handle& self, const delta& addend, const py::object& id, const py::object& progress) {
  std::optional<merge_id> key;
  if (!id.is_none()) key = id_from(id);
  return watched(progress, addend.size_bytes() / usual_chunk_bytes,
                 [&](const auto& report) { return self.target().merge(addend, key, report); });
}

void check(handle& self, const delta& addend) {
  unlocked([&] { self.target().check(addend); });
}

std::size_t check_bytes(handle& self, const py::buffer& content, std::size_t max_memory) {
  const auto view = content.request();
  const auto bytes = bytes_of(view);
  return unlocked([&] { return self.target().check(bytes, max_memory); });
}

void grow(handle& self, const std::string& axis, const py::object& labels) {
  const auto texts = texts_from(labels);
  unlocked([&] { self.target().grow(axis, texts); });
}

void add_rollup(handle& self, const py::sequence& axes, const py::object& progress) {
  const auto kept = references_from(axes);
  watched(progress, most_counted, [&](const auto& report) {
    self.target().add_rollup(kept, report);
    return true;
  });
}

void rebuild_rollups(handle& self, const py::object& progress) {
  watched(progress, most_counted, [&](const auto& report) {
    self.target().rebuild_rollups(report);
    return true;
  });
}

/// (axes, bin, plane, reason) for each.
py::list check_rollups(handle& self, const py::object& progress) {
  py::list result;
  for (auto& each :
       watched(progress, most_counted, [&](const auto& report) { return self.target().check_rollups(report); }))
    result.append(py::make_tuple(each.axes, each.bin, each.plane, each.reason));
  return result;
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
      .def("fill", &fill, py::arg("columns"), py::arg("weight"), py::arg("sample"), py::arg("allow_nan"),
           py::arg("threads"))
      .def("overwrite", &overwrite, py::arg("bins"), py::arg("content"), py::arg("chosen") = py::none())
      .def("merge", &merge, py::arg("addend"), py::arg("id"), py::arg("progress") = py::none())
      .def("check", &check, py::arg("addend"))
      .def("check_bytes", &check_bytes, py::arg("content"), py::arg("max_memory"))
      .def("buffer", [](handle& self) { return shared_buffer{unlocked([&] { return self.target().buffer(); })}; })
      .def("grow", &grow, py::arg("axis"), py::arg("labels"))
      .def("read_many", &read_many, py::arg("selections"), py::arg("progress") = py::none())
      .def("rollups", [](handle& self) { return unlocked([&] { return self.target().rollups(); }); })
      .def("add_rollup", &add_rollup, py::arg("axes"), py::arg("progress") = py::none())
      .def("remove_rollup",
           [](handle& self, const py::sequence& axes) {
             const auto kept = references_from(axes);
             unlocked([&] { self.target().remove_rollup(kept); });
           })
      .def("rebuild_rollups", &rebuild_rollups, py::arg("progress") = py::none())
      .def("check_rollups", &check_rollups, py::arg("progress") = py::none())
      .def("stats", &stats_of);
}

}  // namespace hugehist::python
