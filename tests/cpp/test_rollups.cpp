#include "catch.hpp"
#include "support_store.hpp"

#include <hugehist/boost.hpp>
#include <hugehist/hugehist.hpp>

#include <random>

#include "base/thread_pool.hpp"
#include "write/project.hpp"

using namespace hugehist;

namespace {

std::vector<axis::any> analysis_axes() {
  return {{axis::str_category{}, "dataset"}, {axis::str_category{}, "systematic"}, {axis::regular{20, 0, 1}, "x"}};
}

/// Weights that are multiples of 1/4: sums are exact in any order.
void fill(fill_buffer& target, unsigned seed, std::size_t events) {
  std::mt19937 random{seed};
  std::vector<double> x(events), weights(2 * events);
  for (auto& each : x) each = std::uniform_real_distribution{-0.1, 1.1}(random);
  for (auto& each : weights) each = static_cast<double>(random() % 17) / 4 - 2;
  for (const char* dataset : {"tt", "zz"}) {
    fill_arguments arguments;
    arguments.columns = {std::string{dataset}, variations{{"nominal", "up"}}, numbers{std::span<const double>{x}}};
    arguments.weight = array_view<double>{weights.data(), events, 2};
    target.fill(arguments);
  }
}

delta delta_of(unsigned seed, std::size_t events) {
  fill_buffer buffer{analysis_axes(), storage::weighted};
  fill(buffer, seed, events);
  return buffer.take();
}

std::vector<double> doubles(const dense_planes& content, std::size_t plane) {
  return std::get<std::vector<double>>(content.planes[plane]);
}

}  // namespace

TEST_CASE("a delta is summed over the axes that are left out, few events or many, on any number of threads") {
  for (const std::size_t events : {3, 2000}) {
    const auto whole = delta_of(1, events);
    for (const auto& kept : std::vector<std::vector<std::size_t>>{{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}}) {
      CAPTURE(events, kept);
      std::vector<axis::any> axes;
      std::vector<std::vector<axis_reference>> names(1);
      for (const auto i : kept) {
        axes.push_back(analysis_axes()[i]);
        names[0].emplace_back(axes.back().name());
      }
      auto f = file::in_memory();
      auto direct = f.create("whole", analysis_axes(), storage::weighted);
      direct.merge(whole);
      const auto expected = direct.project_many(names).front();
      for (const unsigned threads : {1, 3}) {
        base::thread_pool pool{threads};
        auto sum = f.create("sum" + std::to_string(threads), axes, storage::weighted);
        sum.merge(delta{std::make_shared<write::delta_data>(write::project(whole.data(), kept, pool))});
        const auto found = view{sum}.read();
        CHECK(found.shape == expected.shape);
        CHECK(doubles(found, 0) == doubles(expected, 0));
        CHECK(doubles(found, 1) == doubles(expected, 1));
      }
    }
  }
}

TEST_CASE("roll-ups are kept by merges, fills and overwrites, committed, discarded and found again") {
  const store_support::temporary_directory directory;
  const auto path = directory / "h.h5";
  const std::vector<axis_reference> kept{"x", "dataset"};
  std::vector<double> expected;
  {
    file f{path, open_mode::write};
    auto h = f.create("h", analysis_axes(), storage::weighted, {.rollups = {{"systematic"}}});
    h.merge(delta_of(1, 100));
    h.add_rollup(kept);
    h.merge(delta_of(2, 3));
    CHECK(h.rollups() == std::vector<std::vector<std::size_t>>{{1}, {0, 2}});
    CHECK(h.check_rollups().empty());
    f.commit();
    h.overwrite(std::vector<std::vector<std::size_t>>{{0}, {1}, {3, 4}},
                {{1, 1, 2}, {std::vector<double>{1, 2}, std::vector<double>{3, 4}}});
    expected = doubles(h.project({"dataset", "x"}).read(), 0);
    CHECK(h.check_rollups().empty());
    CHECK_THROWS_AS(h.add_rollup(kept), std::invalid_argument);
    f.commit();
    h.remove_rollup(kept);
    f.discard();
    CHECK(h.rollups().size() == 2);
  }
  file f{path};
  const auto h = f.at("h");
  CHECK(f.names() == std::vector<std::string>{"h"});
  CHECK(doubles(h.project({"dataset", "x"}).read(), 0) == expected);
  CHECK(f.stats().chunks_read == 1);
  CHECK(h.check_rollups().empty());
}
