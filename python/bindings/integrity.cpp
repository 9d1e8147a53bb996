// Checking, salvaging, repacking and joining of files.

#include "integrity.hpp"

#include "watched.hpp"

#include <hugehist/merge_files.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace hugehist::python {
namespace {

/// Names and labels of a damaged file may be no UTF-8.
py::object text_to(const std::string& text) {
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

/// For each axis its labels as a list, or first and last bin and one more.
py::tuple bins_to(const std::vector<damaged_bins>& all) {
  py::list result;
  for (const auto& bins : all) {
    py::list labels;
    for (const auto& label : bins.labels) labels.append(text_to(label));
    if (bins.labels.empty())
      result.append(py::make_tuple(bins.first, bins.last));
    else
      result.append(labels);
  }
  return py::tuple{result};
}

py::list damage_to(const std::vector<damage>& damaged) {
  py::list result;
  for (const auto& each : damaged)
    result.append(py::make_tuple(text_to(each.histogram), text_to(each.rollup), bins_to(each.where), each.plane,
                                 text_to(each.reason), text_to(to_string(each))));
  return result;
}

}  // namespace

py::tuple report_to(const verify_report& report) {
  return py::make_tuple(damage_to(report.damaged), report.omitted, report.chunks, report.bytes);
}

void bind_integrity(py::module_& module) {
  module.def(
      "verify",
      [](const std::string& path, bool rollups, std::size_t memory, unsigned threads, const py::object& progress) {
        return report_to(watched(progress, least_watched_chunks, [&](const auto& report) {
          return verify(path, {rollups, report}, {.memory = memory, .threads = threads});
        }));
      },
      py::arg("path"), py::arg("rollups"), py::arg("memory"), py::arg("threads"), py::arg("progress"));
  module.def(
      "salvage",
      [](const std::string& damaged, const std::string& target, std::size_t memory, unsigned threads,
         const py::object& progress) {
        const auto report = watched(progress, least_watched_chunks, [&](const auto& tell) {
          return salvage(damaged, target, tell, {.memory = memory, .threads = threads});
        });
        return py::make_tuple(damage_to(report.lost), report.omitted, report.chunks, report.bytes);
      },
      py::arg("damaged"), py::arg("target"), py::arg("memory"), py::arg("threads"), py::arg("progress"));
  module.def(
      "repack",
      [](const std::string& path, std::size_t memory, unsigned threads, const py::object& progress) {
        const auto report = watched(progress, least_watched_chunks, [&](const auto& tell) {
          return repack(path, tell, {.memory = memory, .threads = threads});
        });
        return py::make_tuple(report.before, report.after);
      },
      py::arg("path"), py::arg("memory"), py::arg("threads"), py::arg("progress"));
  module.def(
      "merge_files",
      [](const py::list& sources, const std::string& target, bool replace, bool first_attributes, bool ignore_ledger,
         bool partial, std::size_t memory, unsigned threads, const py::object& progress) {
        const auto names = texts_from(sources);
        const std::vector<std::filesystem::path> paths(names.begin(), names.end());
        const auto report = watched(progress, least_watched_chunks, [&](const auto& tell) {
          return merge_files(paths, target, {replace, first_attributes, ignore_ledger, partial, tell},
                             {.memory = memory, .threads = threads});
        });
        return py::make_tuple(report.histograms, report.copied, report.merged);
      },
      py::arg("sources"), py::arg("target"), py::arg("replace"), py::arg("first_attributes"), py::arg("ignore_ledger"),
      py::arg("partial"), py::arg("memory"), py::arg("threads"), py::arg("progress"));
}

}  // namespace hugehist::python
