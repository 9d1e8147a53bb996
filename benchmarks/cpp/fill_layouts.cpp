// Filling from weights of any layout, and one weight an entry on each kind of axis beside Boost.Histogram.

#include <hugehist/buffer.hpp>

#include <benchmark/benchmark.h>
#include <boost/histogram.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

namespace bh = boost::histogram;
using hugehist::array_view;

constexpr std::size_t systematics = 152;

std::vector<double> random_numbers(std::size_t n, double low, double high) {
  std::mt19937_64 random{20262};
  std::uniform_real_distribution<double> uniform{low, high};
  std::vector<double> result(n);
  for (auto& x : result) x = uniform(random);
  return result;
}

std::vector<std::string> labels(std::size_t n) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < n; ++i) result.push_back("label " + std::to_string(i));
  return result;
}

hugehist::axis::any category(const std::string& name) { return {hugehist::axis::str_category{}, name}; }
hugehist::axis::any score() { return {hugehist::axis::regular{400, 0, 1}, "score"}; }

enum class layout { c_order, fortran };

/// 152 weights an event into one block, which is dense after the first calls.
template <class T, layout Order>
void weights(benchmark::State& state) {
  const auto events = static_cast<std::size_t>(state.range(0));
  const auto x = random_numbers(events, 0, 1);
  const auto doubles = random_numbers(events * systematics, 0.5, 1.5);
  const std::vector<T> values(doubles.begin(), doubles.end());
  const auto n = static_cast<std::ptrdiff_t>(events);
  const array_view<T> view = Order == layout::fortran ? array_view<T>{values.data(), events, systematics, 1, n}
                                                      : array_view<T>{values.data(), events, systematics};
  hugehist::fill_buffer buffer{{category("systematic"), score()}, hugehist::storage::weighted};
  const hugehist::fill_arguments arguments{
      .columns = {hugehist::variations{labels(systematics)}, hugehist::numbers{array_view<double>{x}}}, .weight = view};
  for (int warm = 0; warm < 4; ++warm) buffer.fill(arguments);
  for (auto _ : state) buffer.fill(arguments);
  state.SetItemsProcessed(state.iterations() * n * static_cast<std::int64_t>(systematics));
}
BENCHMARK(weights<double, layout::c_order>)->RangeMultiplier(10)->Range(300, 30'000);
BENCHMARK(weights<float, layout::c_order>)->RangeMultiplier(10)->Range(300, 30'000);
BENCHMARK(weights<double, layout::fortran>)->RangeMultiplier(10)->Range(300, 30'000);
BENCHMARK(weights<float, layout::fortran>)->RangeMultiplier(10)->Range(300, 30'000);

/// Each variation has its own observable too.
void shape_variations(benchmark::State& state) {
  const auto events = static_cast<std::size_t>(state.range(0));
  const auto x = random_numbers(events * systematics, 0, 1);
  hugehist::fill_buffer buffer{{category("systematic"), score()}, hugehist::storage::weighted};
  const hugehist::fill_arguments arguments{
      .columns = {hugehist::variations{labels(systematics)},
                  hugehist::numbers{array_view<double>{x.data(), events, systematics}}},
      .weight = array_view<double>{x.data(), events, systematics}};
  for (auto _ : state) buffer.fill(arguments);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events * systematics));
}
BENCHMARK(shape_variations)->RangeMultiplier(10)->Range(300, 30'000);

constexpr std::size_t entries = 100'000;

void fill_mine(benchmark::State& state, const hugehist::axis::any& axis, const hugehist::numbers& x) {
  const auto w = random_numbers(entries, 0.5, 1.5);
  hugehist::fill_buffer buffer{{axis}, hugehist::storage::weighted};
  const hugehist::fill_arguments arguments{.columns = {x}, .weight = array_view<double>{w}};
  for (auto _ : state) buffer.fill(arguments);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}

template <class Axis, class Values>
void fill_boost(benchmark::State& state, const Axis& axis, const Values& x) {
  const auto w = random_numbers(entries, 0.5, 1.5);
  // As in boost-histogram: axes and their kinds are known at run time only.
  std::vector<bh::axis::variant<Axis>> axes{axis};
  auto histogram = bh::make_histogram_with(bh::weight_storage{}, axes);
  for (auto _ : state) {
    histogram.fill(x, bh::weight(w));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}

std::vector<double> edges() {
  std::vector<double> result;
  for (int i = 0; i <= 100; ++i) result.push_back(i * i / 10'000.0);
  return result;
}

std::vector<std::int32_t> integers() {
  std::vector<std::int32_t> result;
  for (auto x : random_numbers(entries, -5, 105)) result.push_back(static_cast<std::int32_t>(x));
  return result;
}

void regular(benchmark::State& state) {
  const auto x = random_numbers(entries, -0.1, 1.1);
  fill_mine(state, score(), array_view<double>{x});
}
void regular_boost(benchmark::State& state) {
  fill_boost(state, bh::axis::regular<>{400, 0, 1}, random_numbers(entries, -0.1, 1.1));
}
void variable(benchmark::State& state) {
  const auto x = random_numbers(entries, -0.1, 1.1);
  fill_mine(state, {hugehist::axis::variable{edges()}, "x"}, array_view<double>{x});
}
void variable_boost(benchmark::State& state) {
  fill_boost(state, bh::axis::variable<>(edges()), random_numbers(entries, -0.1, 1.1));
}
void integer(benchmark::State& state) {
  const auto x = integers();
  fill_mine(state, {hugehist::axis::integer{0, 100}, "n"}, array_view<std::int32_t>{x});
}
void integer_boost(benchmark::State& state) { fill_boost(state, bh::axis::integer<>{0, 100}, integers()); }
BENCHMARK(regular);
BENCHMARK(regular_boost);
BENCHMARK(variable);
BENCHMARK(variable_boost);
BENCHMARK(integer);
BENCHMARK(integer_boost);

/// An array of labels, as codes, and an observable: a block for each of 20 labels.
void labelled(benchmark::State& state) {
  const auto x = random_numbers(entries, 0, 1);
  std::vector<std::int32_t> codes;
  for (auto u : random_numbers(entries, 0, 20)) codes.push_back(static_cast<std::int32_t>(u));
  hugehist::fill_buffer buffer{{category("dataset"), score()}, hugehist::storage::weighted};
  const hugehist::fill_arguments arguments{
      .columns = {hugehist::label_codes{labels(20), array_view<std::int32_t>{codes}},
                  hugehist::numbers{array_view<double>{x}}},
      .weight = array_view<double>{x}};
  for (auto _ : state) buffer.fill(arguments);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}
BENCHMARK(labelled);

/// The same in Boost.Histogram, with labels as integers, which it finds faster than strings.
void labelled_boost(benchmark::State& state) {
  const auto x = random_numbers(entries, 0, 1);
  std::vector<double> codes;
  for (auto u : random_numbers(entries, 0, 20)) codes.push_back(static_cast<std::int32_t>(u));
  using category_axis = bh::axis::category<int, bh::axis::null_type, bh::axis::option::growth_t>;
  std::vector<bh::axis::variant<category_axis, bh::axis::regular<>>> axes{category_axis{},
                                                                          bh::axis::regular<>{400, 0, 1}};
  auto histogram = bh::make_histogram_with(bh::weight_storage{}, axes);
  const std::vector<std::vector<double>> columns{codes, x};
  for (auto _ : state) {
    histogram.fill(columns, bh::weight(x));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}
BENCHMARK(labelled_boost);

}  // namespace
