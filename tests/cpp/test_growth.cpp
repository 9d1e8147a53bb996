// Growing an 80 GiB histogram: no chunk moves, and hardly any memory is taken.
#include "catch.hpp"

#include <hugehist/file.hpp>
#include <hugehist/view.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace axis = hugehist::axis;

namespace {

std::vector<std::string> labels(const std::string& prefix, std::size_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(prefix + std::to_string(i));
  return result;
}

std::size_t memory_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

TEST_CASE("a category is added to 80 GiB for less than 128 KiB, and no chunk moves") {
  const auto path = std::filesystem::temp_directory_path() / ("hugehist-growth-" + std::to_string(::getpid()) + ".h5");
  {
    hugehist::file file{path, hugehist::open_mode::write};
    auto h = file.create("talk",
                         {{axis::str_category{}, "dataset"},
                          {axis::str_category{}, "category"},
                          {axis::str_category{}, "systematic"},
                          {axis::regular{400, 0, 1}, "score"}},
                         hugehist::storage::weighted);
    h.grow("dataset", labels("dataset", 253));
    h.grow("category", labels("category", 366));
    h.grow("systematic", labels("systematic", 152));
    hugehist::fill_arguments events;
    const std::vector<double> score(100, 0.5);
    events.columns = {std::string{"dataset17"}, std::string{"category4"}, std::string{"systematic0"},
                      hugehist::numbers{hugehist::array_view<double>{score}}};
    h.fill(events);
    file.commit();
    REQUIRE(h.stats().dense_bytes > std::size_t{80} << 30);
    REQUIRE(h.stats().stored_chunks > 0);

    const auto written_before = file.stats().chunks_written;
    const auto memory_before = memory_in_use();
    h.grow("dataset", labels("new_dataset", 1));
    const auto memory_after = memory_in_use();
    CHECK(memory_after - std::min(memory_after, memory_before) < std::size_t{128} << 10);
    file.commit();
    CHECK(file.stats().chunks_written == written_before);
    CHECK(h.axes()[0].size() == 254);

    const auto content = h.project({"score"}).read();
    CHECK(std::get<std::vector<double>>(content.planes[0])[201] == 100);
  }
  std::filesystem::remove(path);
}

TEST_CASE("a hundred thousand categories come one by one") {
  auto file = hugehist::file::in_memory();
  auto h = file.create("h", {{axis::str_category{}, "c"}, {axis::regular{10, 0, 1}, "x"}}, hugehist::storage::int_);
  for (const auto& label : labels("label", 100'000)) h.grow("c", {&label, 1});
  CHECK(h.axes()[0].size() == 100'000);
}
