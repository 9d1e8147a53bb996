// Filling: 152 weights an event, and one weight an entry beside Boost.Histogram's own fill.

#include "common.hpp"

#include <hugehist/buffer.hpp>

#include <benchmark/benchmark.h>
#include <boost/histogram.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

namespace bh = boost::histogram;

constexpr std::size_t pool_events = 30'000;
constexpr std::size_t category_count = 12;

/// The events of a pool in calls of `per_call`, each into one category, the categories in turn.
void fill_pool(hugehist::fill_buffer& buffer, const bench::event_sample& pool, std::size_t per_call,
               const std::vector<std::string>& categories, unsigned threads) {
  const hugehist::variations every{bench::labels("variation_", bench::systematics)};
  for (std::size_t start = 0, call = 0; start < pool_events; start += per_call, ++call) {
    hugehist::fill_arguments arguments;
    arguments.columns = {std::string{"ttbar"}, categories[call % category_count], every,
                         hugehist::numbers{std::span{pool.score}.subspan(start, per_call)}};
    arguments.weight =
        hugehist::array_view<double>{pool.weights.data() + start * bench::systematics, per_call, bench::systematics};
    buffer.fill(arguments, threads);
  }
}

void variations(benchmark::State& state) {
  const auto per_call = static_cast<std::size_t>(state.range(0));
  const auto threads = static_cast<unsigned>(state.range(1));
  const bench::event_sample pool = bench::make_events(pool_events, bench::systematics);
  const std::vector<std::string> categories = bench::labels("category_", category_count);
  hugehist::fill_buffer buffer{bench::axes(), hugehist::storage::weighted};
  for (auto _ : state) fill_pool(buffer, pool, per_call, categories, threads);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(pool_events * bench::systematics));
}
BENCHMARK(variations)
    ->ArgNames({"events", "threads"})
    ->ArgsProduct({{300, 3'000, 30'000}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

constexpr std::size_t entries = 1'000'000;

void one_weight(benchmark::State& state) {
  const bench::event_sample sample = bench::make_events(entries, 1);
  hugehist::fill_buffer buffer{{bench::observable()}, hugehist::storage::weighted};
  hugehist::fill_arguments arguments;
  arguments.columns = {hugehist::numbers{std::span{sample.score}}};
  arguments.weight = hugehist::array_view<double>{std::span{sample.weights}};
  for (auto _ : state) buffer.fill(arguments);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}
BENCHMARK(one_weight)->Unit(benchmark::kMillisecond);

void one_weight_boost_histogram(benchmark::State& state) {
  const bench::event_sample sample = bench::make_events(entries, 1);
  auto histogram = bh::make_weighted_histogram(bh::axis::regular<>(bench::bins, 0.0, 1.0));
  for (auto _ : state) {
    histogram.fill(std::span{sample.score}, bh::weight(std::span{sample.weights}));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}
BENCHMARK(one_weight_boost_histogram)->Unit(benchmark::kMillisecond);

}  // namespace
