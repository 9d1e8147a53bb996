// Reading a histogram of 8 datasets × 12 categories (94 MB dense), page cache warm.

#include "common.hpp"

#include <hugehist/selection.hpp>
#include <hugehist/view.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

constexpr std::size_t dataset_count = 8;
constexpr std::size_t category_count = 12;
constexpr std::size_t dense_bytes = dataset_count * category_count * bench::block_bytes;

void write_content(const bench::scratch_file& scratch) {
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
  hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted);
  const auto content = bench::make_planes(category_count);
  const std::vector<std::string> categories = bench::labels("category_", category_count);
  for (const std::string& dataset : bench::labels("dataset_", dataset_count)) {
    histogram.merge(bench::make_delta(dataset, categories, content));
  }
  file.close();
}

/// A budget that holds the whole histogram, or one that makes each projection read the file.
void project(benchmark::State& state, const std::string& axis) {
  const bench::scratch_file scratch{"project"};
  write_content(scratch);
  const hugehist::file file{scratch.path(), hugehist::open_mode::read,
                            bench::with_memory(static_cast<std::size_t>(state.range(0)))};
  const hugehist::histogram histogram = file.at("h");
  for (auto _ : state) benchmark::DoNotOptimize(histogram.project({axis}).read());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(dense_bytes));
}
BENCHMARK_CAPTURE(project, dataset, "dataset")
    ->ArgName("MiB")
    ->Arg(16)
    ->Arg(512)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(project, systematic, "systematic")
    ->ArgName("MiB")
    ->Arg(16)
    ->Arg(512)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(project, score, "score")
    ->ArgName("MiB")
    ->Arg(16)
    ->Arg(512)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The projections onto each of the four axes: one after another, or in one pass.
void project_all(benchmark::State& state, bool together) {
  const bench::scratch_file scratch{"project-all"};
  write_content(scratch);
  const hugehist::file file{scratch.path(), hugehist::open_mode::read, bench::with_memory(16)};
  const hugehist::histogram histogram = file.at("h");
  const std::vector<std::vector<hugehist::axis_reference>> kept{{"dataset"}, {"category"}, {"systematic"}, {"score"}};
  for (auto _ : state) {
    if (together) {
      benchmark::DoNotOptimize(histogram.project_many(kept));
    } else {
      for (const auto& axes : kept) benchmark::DoNotOptimize(hugehist::view{histogram}.project(axes).read());
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(dense_bytes));
}
BENCHMARK_CAPTURE(project_all, one_by_one, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(project_all, in_one_pass, true)->Unit(benchmark::kMillisecond)->UseRealTime();

/// One (dataset, category): a plot of one distribution with its variations.
void one_block(benchmark::State& state) {
  const bench::scratch_file scratch{"block"};
  write_content(scratch);
  const hugehist::file file{scratch.path(), hugehist::open_mode::read, bench::with_memory(16)};
  const hugehist::histogram histogram = file.at("h");
  std::size_t next = 0;
  for (auto _ : state) {
    const std::vector<hugehist::axis_map> maps{hugehist::axis_map::pick(dataset_count, next % dataset_count),
                                               hugehist::axis_map::pick(category_count, next % category_count),
                                               hugehist::axis_map::all(bench::systematics),
                                               hugehist::axis_map::all(bench::extent)};
    benchmark::DoNotOptimize(histogram.read(maps));
    ++next;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bench::block_bytes));
}
BENCHMARK(one_block)->Unit(benchmark::kMillisecond)->UseRealTime();

void open_and_close(benchmark::State& state) {
  const bench::scratch_file scratch{"reopen"};
  write_content(scratch);
  for (auto _ : state) {
    hugehist::file file{scratch.path()};
    benchmark::DoNotOptimize(file.names());
    file.close();
  }
}
BENCHMARK(open_and_close)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
