#include "catch.hpp"

#include <hugehist/hugehist.hpp>

#include <algorithm>
#include <numeric>
#include <random>

using namespace hugehist;

namespace {

using bin_lists = std::vector<std::vector<std::size_t>>;

std::vector<axis::any> some_axes() {
  return {axis::any{axis::str_category{{"a", "b", "c"}, true}}, axis::any{axis::regular{9, 0.0, 1.0}, "x"},
          axis::any{axis::integer{0, 4, false, false}}};
}

std::vector<double> values_of(const histogram& h) {
  std::vector<axis_map> maps;
  for (const auto& axis : h.axes()) maps.push_back(axis_map::all(axis.extent()));
  return std::get<0>(h.read(maps).planes[0]);
}

}  // namespace

TEST_CASE("random boxes are overwritten as in an array") {
  auto f = file::in_memory({.memory = std::size_t{8} << 20, .threads = 2});
  const auto chunks = GENERATE(std::vector<std::size_t>{}, std::vector<std::size_t>{1, 11, 4},
                               std::vector<std::size_t>{2, 4, 3}, std::vector<std::size_t>{3, 1, 1});
  auto h = f.create("h", some_axes(), storage::double_, {.chunks = chunks});
  const std::vector<std::size_t> extents{3, 11, 4};
  std::vector<double> model(3 * 11 * 4, 0.0);
  std::mt19937 random{7};
  for (int round = 0; round < 40; ++round) {
    bin_lists bins;
    dense_planes content;
    std::size_t cells = 1;
    for (const auto extent : extents) {
      auto& list = bins.emplace_back(extent);
      std::iota(list.begin(), list.end(), 0);
      std::shuffle(list.begin(), list.end(), random);
      list.resize(1 + random() % extent);
      content.shape.push_back(random() % 3 == 0 ? 1 : list.size());
      cells *= content.shape.back();
    }
    std::vector<double> values(cells);
    for (auto& value : values) value = static_cast<double>(random() % 4);
    for (std::size_t i = 0; i < bins[0].size(); ++i)
      for (std::size_t j = 0; j < bins[1].size(); ++j)
        for (std::size_t k = 0; k < bins[2].size(); ++k) {
          const auto& shape = content.shape;
          const auto from = ((i % shape[0]) * shape[1] + j % shape[1]) * shape[2] + k % shape[2];
          model[(bins[0][i] * 11 + bins[1][j]) * 4 + bins[2][k]] = values[from];
        }
    content.planes.emplace_back(std::move(values));
    h.overwrite(bins, content);
    if (round % 7 == 0) f.commit();
    REQUIRE(values_of(h) == model);
  }
}

TEST_CASE("overwriting sees what was filled, and is undone by discard") {
  auto f = file::in_memory();
  auto h = f.create("h", some_axes(), storage::double_);
  const std::vector<double> x{0.5};
  const std::vector<std::int64_t> i{1};
  h.fill({.columns = {std::string{"a"}, std::span<const double>{x}, std::span<const std::int64_t>{i}}});
  f.commit();
  std::vector<double> twos(3, 2.0);
  h.overwrite(bin_lists{{0}, {5}, {0, 1, 2}}, {{1, 1, 3}, {std::move(twos)}});
  auto values = values_of(h);
  CHECK(std::accumulate(values.begin(), values.end(), 0.0) == 6.0);
  f.discard();
  values = values_of(h);
  CHECK(std::accumulate(values.begin(), values.end(), 0.0) == 1.0);
}

TEST_CASE("only what is chosen is overwritten") {
  auto f = file::in_memory();
  auto h = f.create("h", some_axes(), storage::double_, {.chunks = {1, 11, 4}});
  h.overwrite(bin_lists{{0}, {2, 3}, {1}}, {{1, 2, 1}, {std::vector<double>{5.0, 6.0}}});
  h.overwrite(bin_lists{{0, 1, 2}, {2, 3}, {1}}, {{3, 2, 1}, {std::vector<double>{7, 8, 9, 7, 8, 9}}},
              std::vector<std::uint8_t>{0, 1, 1, 0, 0, 0});
  std::vector<double> model(3 * 11 * 4, 0.0);
  model[2 * 4 + 1] = 5.0;
  model[3 * 4 + 1] = 8.0;
  model[(11 + 2) * 4 + 1] = 9.0;
  CHECK(values_of(h) == model);
  f.commit();
  CHECK(h.stats().stored_chunks == 2);
  CHECK_THROWS_AS(
      h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 1, 1}, {std::vector<double>{1.0}}}, std::vector<std::uint8_t>{1, 1}),
      std::invalid_argument);
  CHECK(values_of(h) == model);
}

TEST_CASE("more chunks than the budget holds are overwritten in one go") {
  auto f = file::in_memory({.memory = std::size_t{8} << 20, .threads = 2});
  auto h = f.create("h", {axis::any{axis::integer{0, 40, false, false}}, axis::any{axis::regular{65536 - 2, 0.0, 1.0}}},
                    storage::weighted, {.chunks = {1, 65536}});
  bin_lists bins(2);
  bins[0].resize(40);
  bins[1].resize(65536);
  for (auto& list : bins) std::iota(list.begin(), list.end(), 0);
  h.overwrite(bins, {{40, 1}, {std::vector<double>(40, 1.5), std::vector<double>(40, 2.5)}});
  const std::vector<axis_map> maps{axis_map::sum(40), axis_map::sum(65536)};
  const auto sum = h.read(maps);
  CHECK(std::get<0>(sum.planes[0])[0] == 1.5 * 40 * 65536);
  CHECK(std::get<0>(sum.planes[1])[0] == 2.5 * 40 * 65536);
}

TEST_CASE("what does not fit is refused, and nothing is overwritten") {
  auto f = file::in_memory();
  auto h = f.create("h", some_axes(), storage::double_);
  const dense_planes one{{1, 1, 1}, {std::vector<double>{1.0}}};
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}}, one), std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{3}, {0}, {0}}, one), std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0, 0}, {0}, {0}}, one), std::invalid_argument);
  CHECK_THROWS_WITH(h.overwrite(bin_lists{{0}, {0, 0}, {0}}, one), contains("axis 'x' has a bin twice"));
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 1}, {std::vector<double>{1.0}}}), std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 2, 1}, {std::vector<double>(2)}}), std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 1, 1}, {std::vector<double>(2)}}), std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 1, 1}, {std::vector<std::int64_t>(1)}}),
                  std::invalid_argument);
  CHECK_THROWS_AS(h.overwrite(bin_lists{{0}, {0}, {0}}, {{1, 1, 1}, {}}), std::invalid_argument);
  h.overwrite(bin_lists{{}, {0}, {0}}, one);
  CHECK(h.stats().stored_chunks == 0);
  CHECK(h.stats().chunk_shape.empty());
}
