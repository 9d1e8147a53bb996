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
