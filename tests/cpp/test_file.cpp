#include "catch.hpp"

#include <hugehist/error.hpp>
#include <hugehist/file.hpp>
#include <hugehist/view.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace axis = hugehist::axis;
namespace fs = std::filesystem;
using hugehist::open_mode;

namespace {

struct temporary_directory {
  fs::path path = fs::temp_directory_path() / ("hugehist-test-" + std::to_string(::getpid()));
  temporary_directory() { fs::create_directories(path); }
  ~temporary_directory() { fs::remove_all(path); }
};

std::vector<axis::any> axes() {
  return {{axis::str_category{}, "dataset"}, {axis::str_category{}, "systematic"}, {axis::regular{10, 0, 1}, "x"}};
}

double total(const hugehist::histogram& h) {
  const auto content = h.project({}).read();
  return std::get<std::vector<double>>(content.planes.at(0)).at(0);
}

void fill(hugehist::histogram& h, const std::string& dataset, std::size_t events) {
  std::vector<double> x(events);
  for (std::size_t i = 0; i < events; ++i) x[i] = static_cast<double>(i) / static_cast<double>(events);
  std::vector<double> weights(events * 2, 0.5);
  hugehist::fill_arguments arguments;
  arguments.columns = {dataset, hugehist::variations{{"nominal", "up"}},
                       hugehist::numbers{hugehist::array_view<double>{x}}};
  arguments.weight = hugehist::array_view<double>{weights.data(), events, 2};
  h.fill(arguments);
}

}  // namespace

TEST_CASE("what was committed is there when the file is opened again") {
  const temporary_directory directory;
  const auto path = directory.path / "a.h5";
  {
    hugehist::file file{path, open_mode::exclusive};
    auto h = file.create("region/x", axes(), hugehist::storage::weighted);
    fill(h, "ttbar", 100);
    CHECK(total(h) == 100);
    file.set_attribute("lumi", 59.7);
    file.add_to_counter({"sumw", "ttbar"}, 41.0);
    file.add_to_counter({"sumw", "ttbar"}, 1.0);
    file.close();
    CHECK_FALSE(file.is_open());
    CHECK_THROWS_WITH(total(h), contains("closed"));
  }
  hugehist::file file{path};
  CHECK(file.names() == std::vector<std::string>{"region/x"});
  auto h = file.at("region/x");
  CHECK(total(h) == 100);
  CHECK(h.axes()[0].labels() == std::vector<std::string>{"ttbar"});
  CHECK(h.axes()[1].labels() == std::vector<std::string>{"nominal", "up"});
  CHECK(std::get<double>(file.attributes().at("lumi")) == 59.7);
  CHECK(file.counters().at({"sumw", "ttbar"}) == 42.0);
  CHECK_THROWS_WITH(fill(h, "ttbar", 1), contains("reading only"));
}

TEST_CASE("a file has a uuid from its creation on, one in memory has none") {
  const temporary_directory directory;
  std::optional<std::string> uuid;
  {
    const hugehist::file file{directory.path / "a.h5", open_mode::exclusive};
    uuid = file.uuid();
    REQUIRE(uuid);
    CHECK(uuid->size() == 36);
  }
  CHECK(hugehist::file{directory.path / "a.h5"}.uuid() == uuid);
  CHECK(hugehist::file{directory.path / "b.h5", open_mode::write}.uuid() != uuid);
  CHECK_FALSE(hugehist::file::in_memory().uuid());
}

TEST_CASE("discard goes back to the last commit") {
  const temporary_directory directory;
  hugehist::file file{directory.path / "a.h5", open_mode::append};
  auto h = file.create("x", axes(), hugehist::storage::weighted);
  fill(h, "ttbar", 10);
  file.commit();
  fill(h, "wjets", 20);
  CHECK(total(h) == 30);
  auto later = file.create("y", axes(), hugehist::storage::weighted);
  file.add_to_counter({"n"}, 1);
  file.discard();
  CHECK(total(h) == 10);
  CHECK(h.axes()[0].labels() == std::vector<std::string>{"ttbar"});
  CHECK_FALSE(file.contains("y"));
  CHECK(file.counters().empty());
  CHECK_THROWS_AS(total(later), hugehist::key_error);
  fill(h, "wjets", 5);
  CHECK(total(h) == 15);
}

TEST_CASE("a removed histogram leaves handles that refuse") {
  auto file = hugehist::file::in_memory();
  auto h = file.create("x", axes(), hugehist::storage::weighted);
  fill(h, "ttbar", 10);
  file.remove("x");
  CHECK_THROWS_WITH(total(h), contains("removed"));
  auto again = file.create("x", axes(), hugehist::storage::weighted);
  CHECK(total(again) == 0);
  CHECK_THROWS_AS(file.at("z"), hugehist::key_error);
  CHECK_THROWS_WITH(file.at("z"), contains("'x'"));
}

TEST_CASE("opening says what is wrong") {
  const temporary_directory directory;
  const auto at = [&](const char* name) { return directory.path / name; };
  CHECK_THROWS_AS((hugehist::file{at("missing.h5")}), std::system_error);
  CHECK_THROWS_AS((hugehist::file{at("none/a.h5"), open_mode::write}), std::system_error);
  CHECK_THROWS_AS((hugehist::file{directory.path, open_mode::append}), std::system_error);
  std::ofstream{at("text.h5")} << "no HDF5 file at all, but longer than a superblock would be: "
                               << std::string(500, 'x');
  CHECK_THROWS_AS((hugehist::file{at("text.h5")}), hugehist::format_error);
  std::ofstream{at("empty.h5")};
  CHECK_THROWS_AS((hugehist::file{at("empty.h5")}), hugehist::format_error);
  { hugehist::file file{at("a.h5"), open_mode::exclusive}; }
  CHECK_THROWS_AS((hugehist::file{at("a.h5"), open_mode::exclusive}), std::system_error);
  const auto size = fs::file_size(at("a.h5"));
  CHECK_THROWS_AS((hugehist::file{at("a.h5"), open_mode::write, {.memory = 1000}}), std::invalid_argument);
  CHECK(fs::file_size(at("a.h5")) == size);  // bad options must not empty the file
}

TEST_CASE("one writer at a time, across processes") {
  const temporary_directory directory;
  const auto path = directory.path / "a.h5";
  hugehist::file file{path, open_mode::write};
  CHECK_THROWS_AS((hugehist::file{path, open_mode::read_write}), hugehist::locked_error);
  const auto child = ::fork();
  if (child == 0) {
    int outcome = 1;
    try {
      hugehist::file second{path, open_mode::append};
    } catch (const hugehist::locked_error&) {
      outcome = 0;
    } catch (...) {
    }
    try {
      file.names();
      outcome = 2;  // a handle from before the fork must refuse
    } catch (const hugehist::error&) {
    }
    ::_exit(outcome);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  file.close();
  CHECK_NOTHROW(hugehist::file{path, open_mode::read_write});
}

TEST_CASE("the last handle commits") {
  const temporary_directory directory;
  const auto path = directory.path / "a.h5";
  {
    auto h = hugehist::file{path, open_mode::write}.create("x", axes(), hugehist::storage::weighted);
    fill(h, "ttbar", 10);  // the file lives on in the histogram's handle
  }
  CHECK(total(hugehist::file{path}.at("x")) == 10);
}

TEST_CASE("an image is a file in memory") {
  std::vector<std::byte> image;
  {
    auto file = hugehist::file::from_image({}, true);
    auto h = file.create("x", axes(), hugehist::storage::weighted);
    fill(h, "ttbar", 10);
    file.commit();
    image = file.image();
  }
  CHECK(total(hugehist::file::from_image(image, false).at("x")) == 10);
  CHECK_THROWS_AS(hugehist::file::from_image(std::vector<std::byte>(100), false), hugehist::format_error);
}

TEST_CASE("growing adds labels and moves nothing") {
  auto file = hugehist::file::in_memory();
  auto h = file.create("x", axes(), hugehist::storage::weighted);
  std::vector<std::string> labels(1000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = "dataset" + std::to_string(i);
  h.grow("dataset", labels);
  h.grow("dataset", labels);
  CHECK(h.axes()[0].size() == 1000);
  CHECK(h.stats().stored_chunks == 0);
  CHECK_THROWS_AS(h.grow("x", labels), std::invalid_argument);
  CHECK_THROWS_AS(h.grow("nothing", labels), hugehist::key_error);
}

TEST_CASE("axes know at once what was filled, and its events wait") {
  auto file = hugehist::file::in_memory();
  CHECK_FALSE(file.has_changes());
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  CHECK(file.has_changes());
  file.commit();
  CHECK_FALSE(file.has_changes());
  fill(h, "b", 3);
  fill(h, "a", 3);
  CHECK(file.has_changes());
  CHECK(h.axes()[0].labels() == std::vector<std::string>{"b", "a"});
  CHECK(h.axes()[1].labels() == std::vector<std::string>{"nominal", "up"});
  CHECK(file.stats().merges == 0);
  auto buffer = h.buffer();
  const std::vector<double> x{0.5};
  buffer.fill({.columns = {std::string{"c"}, std::string{"up"}, hugehist::numbers{hugehist::array_view<double>{x}}}});
  CHECK(buffer.labels(0) == std::vector<std::string>{"c"});
  CHECK(buffer.labels(1) == std::vector<std::string>{"up"});
  h.merge(buffer.take());
  CHECK(h.axes()[0].labels() == std::vector<std::string>{"b", "a", "c"});
  CHECK(file.stats().merges == 1);
  CHECK(total(h) == 7);
  CHECK(file.stats().merges == 2);
  file.commit();
  CHECK_FALSE(file.has_changes());
}

TEST_CASE("what cannot be created says why") {
  auto file = hugehist::file::in_memory();
  CHECK_THROWS_AS(file.create("", axes(), hugehist::storage::weighted), std::invalid_argument);
  CHECK_THROWS_AS(file.create("x", {}, hugehist::storage::weighted), std::invalid_argument);
  CHECK_THROWS_WITH(file.create("x", {{axis::boolean{}, "b"}, {axis::boolean{}, "b"}}, hugehist::storage::int_),
                    contains("'b'"));
  const axis::any long_axis{axis::regular{2'000'000'000, 0, 1}};
  CHECK_THROWS_AS(file.create("x", std::vector<axis::any>(3, long_axis), hugehist::storage::int_),
                  std::invalid_argument);
  CHECK_THROWS_AS(file.create("x", axes(), hugehist::storage::weighted, {.level = 99}), std::invalid_argument);
  CHECK_THROWS_AS(file.create("x", axes(), hugehist::storage::weighted, {.chunks = {1, 1}}), std::invalid_argument);
  CHECK_THROWS_AS(file.create("x", axes(), hugehist::storage::weighted, {.variations = "x"}), hugehist::key_error);
  file.create("x", axes(), hugehist::storage::weighted);
  CHECK_THROWS_AS(file.create("x", axes(), hugehist::storage::weighted), std::invalid_argument);
  CHECK(file.names().size() == 1);
}
