#include "catch.hpp"

#include "model/moments.hpp"
#include "read/mean_kernels.hpp"
#include "write/cell_kernels.hpp"
#include "write/delta_data.hpp"
#include "write/sample_kernels.hpp"

#include <boost/histogram/accumulators/weighted_mean.hpp>
#include <boost/histogram/weight.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

using namespace hugehist;
using model::combine;
using model::moments;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// To the last bit.
bool identical(const moments& a, const moments& b) {
  using bits = std::array<std::uint64_t, 4>;
  return std::bit_cast<bits>(a) == std::bit_cast<bits>(b);
}

struct sample {
  double weight, x;
};

/// From the definition, in two passes.
moments moments_of(const std::vector<sample>& samples) {
  long double weight = 0, squares = 0, sum = 0, deviations = 0;
  for (const auto& [w, x] : samples) {
    weight += w;
    squares += static_cast<long double>(w) * w;
    sum += static_cast<long double>(w) * x;
  }
  for (const auto& [w, x] : samples) deviations += w * (x - sum / weight) * (x - sum / weight);
  moments cell{static_cast<double>(weight), static_cast<double>(squares), static_cast<double>(sum / weight), 0};
  cell.variance = model::variance_of(cell, static_cast<double>(deviations));
  return cell;
}

void check_close(const moments& found, const moments& expected) {
  CHECK(found.weight == Approx(expected.weight).epsilon(1e-13));
  CHECK(found.squares == Approx(expected.squares).epsilon(1e-13));
  CHECK(found.mean == Approx(expected.mean).epsilon(1e-13));
  CHECK(found.variance == Approx(expected.variance).epsilon(1e-10).margin(1e-13));
}

}  // namespace

TEST_CASE("parts in any division combine to the whole") {
  std::mt19937 random{1};
  std::normal_distribution<double> normal{3, 1};
  for (auto kind : {storage::mean, storage::weighted_mean})
    for (int turn = 0; turn < 200; ++turn) {
      std::vector<sample> all;
      moments sum;
      for (auto parts = random() % 6 + 1; parts > 0; --parts) {
        moments part;
        for (auto n = random() % 5; n > 0; --n) {
          all.push_back({kind == storage::mean ? 1.0 : 0.1 + static_cast<double>(random() % 30) / 7, normal(random)});
          part = combine(part, model::one_sample(kind, all.back().weight, all.back().x));
        }
        sum = combine(sum, part);
      }
      if (all.empty())
        CHECK(identical(sum, moments{}));
      else
        check_close(sum, moments_of(all));
      if (all.size() == 1) CHECK(sum.variance == 0);
    }
}

TEST_CASE("cells without entries contribute nothing, to the last bit") {
  const moments cell{0.3, 0.07, 1.0 / 3, 0.1};
  CHECK(identical(combine(cell, {}), cell));
  CHECK(identical(combine({}, cell), cell));
  CHECK(identical(combine({}, {}), moments{}));
}

TEST_CASE("weights that cancel leave no NaN") {
  const auto nothing =
      combine(model::one_sample(storage::weighted_mean, 2, 5), model::one_sample(storage::weighted_mean, -2, 1));
  CHECK(identical(nothing, moments{0, 8, 0, 0}));
  const auto next = combine(nothing, model::one_sample(storage::weighted_mean, 1, 3));
  CHECK(next.weight == 1);
  CHECK(next.squares == 9);
  CHECK(next.mean == 3);
  CHECK(next.variance == 0);
}

TEST_CASE("what is not defined is read as 0, what is poisoned is not") {
  std::array<double, 5> weight{0, 1, 1, 3, 0.1}, mean{nan_value, 2, 2, 2, 2};
  std::array<double, 5> variance{nan_value, nan_value, -std::numeric_limits<double>::infinity(), nan_value, nan_value};
  const model::moment_planes<double> planes{weight.data(), nullptr, mean.data(), variance.data()};
  CHECK(identical(planes.load(0), moments{}));
  CHECK(identical(planes.load(1), moments{1, 1, 2, 0}));
  CHECK(identical(planes.load(2), moments{1, 1, 2, 0}));
  CHECK(std::isnan(planes.load(3).variance));
  CHECK(planes.load(4).variance == 0);
  // Others round weights and their squares to four bytes: 0.1f² > float(0.1²).
  std::array<double, 1> one{0.1F}, squares{0.1F * 0.1F};
  CHECK(model::moment_planes<double>{one.data(), squares.data(), mean.data() + 1, variance.data()}.load(0).variance ==
        0);
}

TEST_CASE("pieces are combined whatever their order in memory") {
  // 2 rows of 3 bins, as [bin][row][plane] in the source, [plane][row][bin] in the target.
  std::mt19937 random{2};
  for (auto kind : {storage::mean, storage::weighted_mean}) {
    const auto planes = hugehist::planes(kind).size();
    std::vector<double> source(6 * planes), target(6 * planes);
    for (auto& x : source) x = 1 + static_cast<double>(random() % 100) / 8;
    for (auto& x : target) x = 1 + static_cast<double>(random() % 100) / 8;
    const auto before = target;
    const auto step = static_cast<std::ptrdiff_t>(planes);
    const std::array<write::row_offset, 2> rows{{{0, 0}, {step, 3}}};
    const std::array<write::piece_axis, 1> bins{{{3, 2 * step, 1}}};
    write::piece piece{.kind = kind, .source = {}, .target = {}, .rows = rows, .bins = bins};
    for (std::size_t p = 0; p < planes; ++p) {
      piece.source[p] = reinterpret_cast<const std::byte*>(source.data() + p);
      piece.target[p] = reinterpret_cast<std::byte*>(target.data() + 6 * p);
    }
    write::add_piece(piece);
    const auto at = [&](auto* data, std::size_t distance) {
      return model::moment_planes_of<const double>(kind, [=](std::size_t p) { return data + p * distance; });
    };
    for (std::ptrdiff_t row = 0; row < 2; ++row)
      for (std::ptrdiff_t bin = 0; bin < 3; ++bin) {
        const auto a = at(before.data(), 6).load(row * 3 + bin), b = at(source.data(), 1).load((bin * 2 + row) * step);
        CHECK(identical(at(std::as_const(target).data(), 6).load(row * 3 + bin), combine(a, b)));
      }
  }
}

TEST_CASE("a read combines scaled cells in their order") {
  // 4 bins to 2: 0 and 2 to the first, 1 and 3 to the second; factors for each.
  std::array<double, 4> counts{2, 3, 0, 5}, means{1, 2, nan_value, 4}, variances{0.5, 1, nan_value, 2};
  const std::array<double, 4> factors{1, 2, 3, -0.5};
  const std::array<read::bin_pair, 4> pairs{{{0, 0}, {1, 1}, {2, 0}, {3, 1}}};
  const read::run run{0, 0, 4, read::pattern::scatter};
  const read::axis_loop loop{{&run, 1}, pairs.data(), factors.data(), 1, 1};
  std::array<double, 6> out{};
  const model::moment_planes<double> target{out.data(), nullptr, out.data() + 2, out.data() + 4};
  read::accumulate({&loop, 1}, {counts.data(), nullptr, means.data(), variances.data()}, target, 10);
  CHECK(identical(target.load(0), {2, 2, 10, 50}));
  CHECK(identical(target.load(1), combine({3, 3, 40, 400}, {5, 5, -20, 50})));
}

TEST_CASE("fills of samples agree with Boost's accumulators") {
  namespace bh = boost::histogram;
  std::mt19937 random{3};
  std::normal_distribution<double> normal{-2, 3};
  constexpr std::size_t events = 300, rows = 2, bins = 5;
  std::vector<float> weights(events * rows);
  std::vector<double> samples(events);
  std::vector<std::uint32_t> places(events);
  for (auto& w : weights) w = static_cast<float>(random() % 5) / 4;  // some are 0, which Boost cannot begin with
  for (auto& x : samples) x = normal(random);
  for (auto& bin : places)
    bin = random() % 7 == 0 ? write::event_rows::dropped : static_cast<std::uint32_t>(random() % bins);
  std::vector<double> cells(rows * bins * 4, 0.0);
  std::vector<bh::accumulators::weighted_mean<double>> expected(rows * bins);
  for (std::size_t e = 0; e < events; ++e)
    for (std::size_t row = 0; row < rows; ++row)
      if (places[e] != write::event_rows::dropped && weights[e * rows + row] != 0)
        expected[places[e] * rows + row](bh::weight(double{weights[e * rows + row]}), samples[e]);

  const write::fill_task task{
      .cells = cells.data(), .rows = rows, .count = events, .bins = places.data(), .last_row = rows};
  write::add_samples(storage::weighted_mean, task, write::weight_view<float>{weights.data(), rows, 1},
                     write::weight_view<double>{samples.data(), 1, 0});
  write::finish_cells(storage::weighted_mean, cells.data(), rows * bins);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(cells[4 * i] == expected[i].sum_of_weights());
    CHECK(cells[4 * i + 1] == expected[i].sum_of_weights_squared());
    CHECK(cells[4 * i + 2] == Approx(expected[i].value()).epsilon(1e-14));
    CHECK(cells[4 * i + 3] == Approx(expected[i].variance()).epsilon(1e-13));
  }
}
