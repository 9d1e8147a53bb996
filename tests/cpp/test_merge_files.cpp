#include "catch.hpp"

#include <hugehist/hugehist.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using namespace hugehist;
namespace fs = std::filesystem;

namespace {

struct temporary_directory {
  fs::path path = fs::temp_directory_path() / ("hugehist-merge-" + std::to_string(::getpid()));
  temporary_directory() { fs::create_directories(path); }
  ~temporary_directory() { fs::remove_all(path); }
  std::size_t size() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator{path}, {})); }
};

std::vector<axis::any> axes() { return {{axis::str_category{}, "c"}, {axis::regular{4, 0, 1}, "x"}}; }

/// One event with this weight under each label.
fs::path write_file(const fs::path& path, std::initializer_list<const char*> labels, double weight, const char* id,
                    compression codec = compression::zstd) {
  file made{path, open_mode::write};
  create_options options;
  options.compression = codec;
  options.chunks = {1, 6};
  options.rollups = {{"x"}};
  auto h = made.create("h", axes(), storage::weighted, options);
  const std::vector<double> x{0.3}, weights{weight};
  for (const auto* label : labels)
    h.fill({.columns = {std::string{label}, numbers{array_view<double>{x}}}, .weight = array_view<double>{weights}});
  if (*id != '\0') h.merge(h.buffer().take(), id);
  made.add_to_counter({"n"}, weight);
  made.close();
  return path;
}

std::vector<double> values(const fs::path& path, std::initializer_list<axis_reference> kept) {
  file opened{path};
  return std::get<std::vector<double>>(opened.at("h").project(kept).read().planes.at(0));
}

}  // namespace

TEST_CASE("files are joined by copies and sums of chunks") {
  const temporary_directory folder;
  const std::vector<fs::path> sources{write_file(folder.path / "a", {"tt", "ww"}, 1, "a"),
                                      write_file(folder.path / "b", {"zz", "ww"}, 2, "b")};
  const auto target = folder.path / "t";
  std::size_t last = 0, all = 0;
  merge_options options;
  options.progress = [&](std::size_t done, std::size_t of) { last = done, all = of; };
  const auto threads = GENERATE(1U, 2U);
  const auto report = merge_files(sources, target, options, {.threads = threads});
  CHECK(report.histograms == 1);
  CHECK(report.copied == 2);
  CHECK(report.merged == 2);  // ww, and the roll-up
  CHECK(last == all);
  CHECK(all > 0);
  CHECK(values(target, {"c"}) == std::vector<double>{1, 3, 2});
  CHECK(values(target, {"x"}) == std::vector<double>{0, 0, 6, 0, 0, 0});
  file joined{target};
  CHECK(joined.at("h").axes()[0].labels() == std::vector<std::string>{"tt", "ww", "zz"});
  CHECK(joined.at("h").check_rollups().empty());
  CHECK(joined.counter({"n"}) == 3);
  CHECK(joined.merged("a"));
  CHECK(joined.merged("b"));

  const auto other = write_file(folder.path / "c", {"zz"}, 2, "", compression::gzip);
  CHECK(merge_files(std::vector{sources[0], other}, folder.path / "u").merged == 2);
  CHECK(values(folder.path / "u", {"c"}) == std::vector<double>{1, 1, 2});
}

TEST_CASE("nothing is joined by halves") {
  const temporary_directory folder;
  const auto a = write_file(folder.path / "a", {"tt", "ww"}, 1, "one"),
             b = write_file(folder.path / "b", {"ww"}, 2, "one");
  const auto target = folder.path / "t";
  const std::vector both{a, b};
  CHECK_THROWS_WITH(merge_files(both, target), contains("both have 'one'"));
  CHECK_THROWS_AS(merge_files(both, target), overlap_error);
  CHECK_THROWS_WITH(merge_files(std::vector{a, a}, target), contains("comes twice"));
  CHECK_THROWS_WITH(merge_files(both, b), contains("one of the files to join"));
  CHECK_THROWS_AS(merge_files({}, target), std::invalid_argument);
  CHECK_THROWS_AS(merge_files(both, target, {}, {.memory = 1}), std::invalid_argument);
  merge_options options;
  options.ignore_ledger = true;
  options.progress = [](std::size_t, std::size_t) { throw std::runtime_error{"enough"}; };
  CHECK_THROWS_WITH(merge_files(both, target, options), "enough");
  CHECK(folder.size() == 2);

  options.progress = {};
  merge_files(both, target, options);
  CHECK_THROWS_AS(merge_files(std::vector{a}, target), std::system_error);
  options.replace = true;
  merge_files(std::vector{a}, target, options);
  CHECK(values(target, {"c"}) == std::vector<double>{1, 1});
  CHECK(folder.size() == 3);
}
