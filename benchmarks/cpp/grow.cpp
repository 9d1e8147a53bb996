// Growing: categories added one by one to a histogram whose dense size reaches 80 GiB, and opening it again.

#include "common.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

void add_one_by_one(hugehist::histogram& histogram, const std::vector<std::string>& names) {
  for (const std::string& name : names) histogram.grow("category", std::span{&name, 1});
}

/// Labels one by one; the commit is not in the time.
void add_categories(benchmark::State& state) {
  const auto names = bench::labels("category_", static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    const bench::scratch_file scratch{"grow"};
    hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
    hugehist::histogram histogram = file.create("h", bench::axes({"dataset_0"}), hugehist::storage::weighted);
    state.ResumeTiming();
    add_one_by_one(histogram, names);
    state.PauseTiming();
    state.counters["dense_GiB"] = static_cast<double>(histogram.stats().dense_bytes) / (1U << 30);
    file.abandon();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(names.size()));
}
BENCHMARK(add_categories)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

/// One more dataset and one more category for the talk's histogram, 253 x 366 x 152 x 400 bins with some of its chunks
/// there; the commit is not in the time.
void add_to_a_large_histogram(benchmark::State& state) {
  const bench::scratch_file scratch{"grow-large"};
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
  const auto datasets = bench::labels("dataset_", 253);
  const auto categories = bench::labels("category_", 366);
  hugehist::histogram histogram = file.create("h", bench::axes(datasets, categories), hugehist::storage::weighted);
  histogram.merge(bench::make_delta(datasets[0], {categories[0], categories[365]}, bench::make_planes(2)));
  file.commit();
  state.counters["dense_GiB"] = static_cast<double>(histogram.stats().dense_bytes) / (1U << 30);
  const auto written = file.stats().chunks_written;
  std::size_t number = 0;
  for (auto _ : state) {
    const std::string name = "new_" + std::to_string(number++);
    histogram.grow("dataset", std::span{&name, 1});
    histogram.grow("category", std::span{&name, 1});
  }
  state.counters["chunks_written"] = static_cast<double>(file.stats().chunks_written - written);
  file.abandon();
}
BENCHMARK(add_to_a_large_histogram)->Unit(benchmark::kMicrosecond)->UseRealTime()->Iterations(1000);

/// What is left to do for a file whose categories grew to `count`: the commit and the close.
void commit_categories(benchmark::State& state) {
  const auto names = bench::labels("category_", static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    const bench::scratch_file scratch{"grow-commit"};
    hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
    hugehist::histogram histogram = file.create("h", bench::axes({"dataset_0"}), hugehist::storage::weighted);
    histogram.grow("category", names);
    state.ResumeTiming();
    file.close();
  }
}
BENCHMARK(commit_categories)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void open_with_categories(benchmark::State& state) {
  const bench::scratch_file scratch{"open"};
  {
    hugehist::file file{scratch.path(), hugehist::open_mode::write};
    hugehist::histogram histogram = file.create("h", bench::axes({"dataset_0"}), hugehist::storage::weighted);
    histogram.grow("category", bench::labels("category_", static_cast<std::size_t>(state.range(0))));
    file.close();
  }
  for (auto _ : state) {
    const hugehist::file file{scratch.path()};
    benchmark::DoNotOptimize(file.at("h").axes().size());
  }
}
BENCHMARK(open_with_categories)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
