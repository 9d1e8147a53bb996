// Files: open, list, create, commit; attributes, counters and the ledger.

#include "handle.hpp"
#include "integrity.hpp"
#include "opened.hpp"
#include "watched.hpp"

#include <hugehist/error.hpp>
#include <hugehist/file.hpp>

#include <pybind11/stl.h>

namespace hugehist::python {
namespace {

open_mode mode_from(const std::string& mode) {
  if (mode == "r") return open_mode::read;
  if (mode == "r+") return open_mode::read_write;
  if (mode == "a") return open_mode::append;
  if (mode == "w") return open_mode::write;
  if (mode == "x" || mode == "w-") return open_mode::exclusive;
  throw std::invalid_argument{"the mode '" + mode + "' is none of 'r', 'r+', 'a', 'w', 'x'"};
}

compression compression_from(const py::object& name) {
  if (name.is_none()) return compression::none;
  const auto text = text_from(name);
  if (text == "zstd") return compression::zstd;
  if (text == "gzip") return compression::gzip;
  throw std::invalid_argument{"compression='" + text + "' is none of 'zstd', 'gzip', None"};
}

opened open_path(const std::string& path, const std::string& mode, std::size_t memory, unsigned threads,
                 std::size_t commit_bytes, double commit_seconds) {
  return opened{unlocked([&] { return file{path, mode_from(mode), {memory, threads, commit_bytes, commit_seconds}}; })};
}

opened open_memory(std::size_t memory, unsigned threads) { return opened{file::in_memory({memory, threads, 0, 0})}; }

opened open_image(const py::bytes& image, bool writable, std::size_t memory, unsigned threads, std::size_t commit_bytes,
                  double commit_seconds) {
  const std::string_view bytes = image;
  return opened{unlocked([&] {
    return file::from_image(std::as_bytes(std::span{bytes}), writable, {memory, threads, commit_bytes, commit_seconds});
  })};
}

py::bytes image_of(opened& self) {
  const auto bytes = unlocked([&] { return self.target().image(); });
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

handle create(opened& self, const std::string& name, const py::sequence& axes, const std::string& kind,
              const py::object& compression, std::optional<int> level, std::vector<std::size_t> chunks,
              std::vector<std::size_t> expected, std::string variations, const py::dict& metadata,
              const py::sequence& rollups) {
  std::vector<std::vector<axis_reference>> kept;
  for (const auto& each : rollups) kept.push_back(references_from(each.cast<py::sequence>()));
  const create_options options{.compression = compression_from(compression),
                               .level = level,
                               .chunks = std::move(chunks),
                               .expected = std::move(expected),
                               .variations = std::move(variations),
                               .metadata = metadata_from(metadata),
                               .rollups = std::move(kept)};
  auto described = axes_from_uhi(axes);
  return handle{
      unlocked([&] { return self.target().create(name, std::move(described), storage_from_string(kind), options); })};
}

/// A key of counters: a tuple of str.
file::counter_key key_from(const py::tuple& key) { return texts_from(key); }

py::dict counters_of(opened& self) {
  const auto counters = unlocked([&] { return self.target().counters(); });
  py::dict result;
  for (const auto& [key, value] : counters) result[py::tuple{texts_to(key)}] = value;
  return result;
}

void set_attribute(opened& self, const std::string& key, const py::object& value) {
  auto converted = scalar_from(value);
  unlocked([&] { self.target().set_attribute(key, std::move(converted)); });
}

py::dict stats_of(opened& self) {
  const auto stats = unlocked([&] { return self.target().stats(); });
  py::dict result;
  result["chunks_read"] = stats.chunks_read;
  result["chunks_written"] = stats.chunks_written;
  result["cache_hits"] = stats.cache_hits;
  result["cache_misses"] = stats.cache_misses;
  result["bytes_read"] = stats.bytes_read;
  result["bytes_written"] = stats.bytes_written;
  result["merges"] = stats.merges;
  result["commits"] = stats.commits;
  result["automatic_commits"] = stats.automatic_commits;
  result["cache_bytes"] = stats.cache_bytes;
  result["buffer_bytes"] = stats.buffer_bytes;
  return result;
}

/// A method of the file without arguments that may take long.
template <auto method>
auto plain() {
  return [](opened& self) { return unlocked([&] { return (self.target().*method)(); }); };
}

void bind_state(py::class_<opened>& type) {
  type.def("attributes", [](opened& self) { return metadata_to(unlocked([&] { return self.target().attributes(); })); })
      .def("set_attribute", &set_attribute, py::arg("key"), py::arg("value"))
      .def("remove_attribute",
           [](opened& self, const std::string& key) { unlocked([&] { self.target().remove_attribute(key); }); })
      .def("counters", &counters_of)
      .def("counter",
           [](opened& self, const py::tuple& key) {
             const auto parts = key_from(key);
             return unlocked([&] { return self.target().counter(parts); });
           })
      .def("set_counter",
           [](opened& self, const py::tuple& key, double value) {
             const auto parts = key_from(key);
             unlocked([&] { self.target().set_counter(parts, value); });
           })
      .def("add_to_counter",
           [](opened& self, const py::tuple& key, double value) {
             const auto parts = key_from(key);
             unlocked([&] { self.target().add_to_counter(parts, value); });
           })
      .def("remove_counter",
           [](opened& self, const py::tuple& key) {
             const auto parts = key_from(key);
             unlocked([&] { self.target().remove_counter(parts); });
           })
      .def("add_to_ledger",
           [](opened& self, const py::object& id) {
             const auto given = id_from(id);
             return unlocked([&] { return self.target().add_to_ledger(given); });
           })
      .def("merged",
           [](opened& self, const py::object& id) {
             const auto given = id_from(id);
             return unlocked([&] { return self.target().merged(given); });
           })
      .def("merge_ids", [](opened& self) { return ids_to(unlocked([&] { return self.target().merge_ids(); })); })
      .def("missing", [](opened& self, const py::tuple& entries) {
        const auto given = id_from(entries);
        const auto parts = unlocked([&] { return self.target().missing(given); });
        return ids_to({parts.begin(), parts.end()});
      });
}

}  // namespace

void bind_file(py::module_& module) {
  py::class_<opened> type(module, "File");
  type.def(py::init(&open_path), py::arg("path"), py::arg("mode"), py::arg("memory"), py::arg("threads"),
           py::arg("commit_bytes"), py::arg("commit_seconds"))
      .def_static("in_memory", &open_memory, py::arg("memory"), py::arg("threads"))
      .def_static("from_image", &open_image, py::arg("image"), py::arg("writable"), py::arg("memory"),
                  py::arg("threads"), py::arg("commit_bytes"), py::arg("commit_seconds"))
      .def("image", &image_of)
      .def("create", &create, py::arg("name"), py::arg("axes"), py::arg("storage"), py::arg("compression") = "zstd",
           py::arg("level") = py::none(), py::arg("chunks") = std::vector<std::size_t>{},
           py::arg("expected") = std::vector<std::size_t>{}, py::arg("variations") = "",
           py::arg("metadata") = py::dict{}, py::arg("rollups") = py::tuple{})
      .def("at", [](opened& self,
                    const std::string& name) { return handle{unlocked([&] { return self.target().at(name); })}; })
      .def("contains",
           [](opened& self, const std::string& name) { return unlocked([&] { return self.target().contains(name); }); })
      .def("names", [](opened& self) { return texts_to(unlocked([&] { return self.target().names(); })); })
      .def("remove", [](opened& self, const std::string& name) { unlocked([&] { self.target().remove(name); }); })
      .def("commit", plain<&file::commit>())
      .def("discard", plain<&file::discard>())
      .def("refresh", plain<&file::refresh>())
      .def("close", plain<&file::close>())
      .def("abandon", plain<&file::abandon>())
      .def("stats", &stats_of)
      .def(
          "verify",
          [](opened& self, bool rollups, const py::object& progress) {
            return report_to(watched(progress, least_watched_chunks, [&](const auto& report) {
              return self.target().verify({rollups, report});
            }));
          },
          py::arg("rollups"), py::arg("progress"))
      .def_property_readonly("is_open", plain<&file::is_open>())
      .def_property_readonly("writable", plain<&file::writable>())
      .def_property_readonly("has_changes", plain<&file::has_changes>())
      .def_property_readonly("path", plain<&file::path>())
      .def_property_readonly("uuid", plain<&file::uuid>());
  bind_state(type);
}

}  // namespace hugehist::python
