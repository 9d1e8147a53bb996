// Fills into an open file: buffers that hand over, and merges beside fills.

#include "catch.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>
#include <hugehist/file.hpp>
#include <hugehist/view.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace axis = hugehist::axis;
using hugehist::open_mode;

namespace {

constexpr std::size_t least_memory = std::size_t{8} << 20;  // buffers hand over at 1 MiB
constexpr std::size_t systematics = 16;

std::vector<axis::any> axes() {
  return {{axis::str_category{}, "dataset"}, {axis::str_category{}, "systematic"}, {axis::regular{400, 0, 1}, "x"}};
}

hugehist::variations every() {
  hugehist::variations result;
  for (std::size_t i = 0; i < systematics; ++i) result.labels.push_back("systematic_" + std::to_string(i));
  return result;
}

/// `events` weights of 1 or random ones for each of 16 systematics, into one dataset.
void fill(hugehist::histogram& h, const std::string& dataset, std::size_t events, std::mt19937_64* random = nullptr) {
  std::uniform_real_distribution<double> uniform{0.1, 1};
  std::vector<double> x(events, 0.5), weights(events * systematics, 1.0);
  if (random != nullptr) {
    for (auto& value : x) value = uniform(*random);
    for (auto& weight : weights) weight = uniform(*random);
  }
  hugehist::fill_arguments arguments;
  arguments.columns = {dataset, every(), hugehist::numbers{hugehist::array_view<double>{x}}};
  arguments.weight = hugehist::array_view<double>{weights.data(), events, systematics};
  h.fill(arguments);
}

double total(const hugehist::histogram& h) {
  const auto content = h.project({}).read();
  return std::get<std::vector<double>>(content.planes.at(0)).at(0);
}

std::string dataset(std::size_t i) { return "dataset_" + std::to_string(i); }

/// All that can be read after the same fills, axes asked for and labels added in between.
auto content_with(unsigned threads) {
  auto file = hugehist::file::in_memory({.memory = least_memory, .threads = threads});
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  auto second = file.create("second", axes(), hugehist::storage::weighted);
  std::mt19937_64 random{20263};
  for (std::size_t i = 0; i < 240; ++i) {
    fill(h, dataset(random() % 24), 100, &random);
    fill(second, dataset(random() % 4), 60, &random);
    if (i % 50 == 20) h.grow("dataset", std::vector<std::string>{"grown_" + std::to_string(i)});
    if (i % 70 == 30) CHECK(h.axes()[0].size() > 10);
  }
  const auto read = [](const hugehist::histogram& each) { return each.project({"dataset", "systematic", "x"}).read(); };
  CHECK(total(h) > 0);
  CHECK(file.stats().merges > 6);  // one by the read, the others because buffers were full
  return std::tuple{h.axes(), read(h).planes, second.axes(), read(second).planes};
}

}  // namespace

TEST_CASE("Sums are the same to the last bit with and without merges in the background") {
  const auto alone = content_with(1);
  CHECK(content_with(2) == alone);
  CHECK(content_with(5) == alone);
}

TEST_CASE("Fills, reads, commits and growth of several threads: a read sees each fill that has returned") {
  const store_support::temporary_directory directory;
  hugehist::file file{directory / "a.h5", open_mode::exclusive, {.memory = least_memory, .threads = 2}};
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  // A view that is read while an axis grows is told to look again; here all labels are there.
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < 40; ++i) labels.push_back(dataset(i));
  h.grow("dataset", labels);
  h.grow("systematic", every().labels);
  constexpr std::size_t calls = 120, events = 25;
  std::atomic<std::size_t> returned = 0, wrong = 0;
  std::atomic<unsigned> filling = 2;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      auto mine = h;
      for (std::size_t i = 0; i < calls; ++i, ++returned) fill(mine, dataset((i * 7 + t) % 40), events);
      --filling;
    });
  threads.emplace_back([&] {
    while (filling > 0) {
      const auto before = returned.load();
      if (total(h) < static_cast<double>(before * events * systematics)) ++wrong;
      file.commit();
    }
  });
  threads.emplace_back([&] {
    auto mine = h;
    while (filling > 0) {
      mine.grow("dataset", labels);
      if (mine.axes()[0].size() == 0 || file.stats().buffer_bytes > least_memory / 2) ++wrong;
    }
  });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(total(h) == 2 * calls * events * systematics);
  file.close();
  CHECK(total(hugehist::file{directory / "a.h5"}.at("h")) == 2 * calls * events * systematics);
}

TEST_CASE("What waits for the background is discarded, removed or committed like all else") {
  const store_support::temporary_directory directory;
  const auto path = directory / "a.h5";
  hugehist::file file{path, open_mode::exclusive, {.memory = least_memory, .threads = 2}};
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  file.commit();
  const auto fill_some = [](hugehist::histogram& each) {
    for (std::size_t i = 0; i < 30; ++i) fill(each, dataset(i), 25);
  };
  fill_some(h);
  file.discard();
  CHECK_FALSE(file.has_changes());
  CHECK(total(h) == 0);
  fill_some(h);
  CHECK(file.has_changes());
  CHECK(total(h) == 30 * 25 * systematics);

  auto other = file.create("other", axes(), hugehist::storage::weighted);
  fill_some(other);
  file.remove("other");
  CHECK_THROWS_AS(fill(other, "dataset", 1), hugehist::key_error);

  fill_some(h);
  SECTION("closed") { file.close(); }
  SECTION("dropped with the last handle") {
    h = hugehist::file::in_memory().create("h", axes(), hugehist::storage::weighted);
    other = h;
    file = hugehist::file::in_memory();
  }
  const hugehist::file again{path};
  CHECK(again.names() == std::vector<std::string>{"h"});
  CHECK(total(again.at("h")) == 60 * 25 * systematics);
}

TEST_CASE("A fill that finds its file closed by another thread says so, and none that returned is lost") {
  const store_support::temporary_directory directory;
  hugehist::file file{directory / "a.h5", open_mode::exclusive, {.memory = least_memory, .threads = 2}};
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  std::size_t returned = 0;
  std::atomic<bool> refused = false;
  std::thread filler{[&] {
    try {
      for (;; ++returned) fill(h, dataset(returned % 40), 25);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
  }};
  while (file.stats().merges < 2) std::this_thread::yield();
  file.close();
  filler.join();
  CHECK(refused);
  CHECK(total(hugehist::file{directory / "a.h5"}.at("h")) == static_cast<double>(returned * 25 * systematics));
}

TEST_CASE("A forked child leaves the thread in the background alone") {
  const store_support::temporary_directory directory;
  hugehist::file file{directory / "a.h5", open_mode::exclusive, {.memory = least_memory, .threads = 2}};
  auto h = file.create("h", axes(), hugehist::storage::weighted);
  for (std::size_t i = 0; i < 60; ++i) fill(h, dataset(i), 25);
  const auto child = ::fork();
  if (child == 0) {
    int outcome = 1;
    try {
      fill(h, "dataset_0", 1);
    } catch (const hugehist::error&) {
      outcome = 0;
    } catch (...) {
    }
    auto other = hugehist::file::in_memory({.threads = 1});
    h = other.create("h", axes(), hugehist::storage::weighted);
    file = other;  // the last handle of the parent's file here
    ::_exit(outcome);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(total(h) == 60 * 25 * systematics);
}
