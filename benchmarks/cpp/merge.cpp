// Merging dense deltas of one dataset (12 categories, 12 MB) beside a plain addition in memory.

#include "common.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

constexpr std::size_t category_count = 12;
constexpr std::size_t delta_bytes = category_count * bench::block_bytes;
constexpr std::size_t dataset_count = 8;

std::vector<hugehist::delta> deltas_of_all_datasets(const std::shared_ptr<const bench::planes>& content) {
  const std::vector<std::string> categories = bench::labels("category_", category_count);
  std::vector<hugehist::delta> result;
  for (const std::string& dataset : bench::labels("dataset_", dataset_count)) {
    result.push_back(bench::make_delta(dataset, categories, content));
  }
  return result;
}

void memory_add(benchmark::State& state) {
  const auto content = bench::make_planes(category_count);
  bench::planes total = *content;
  for (auto _ : state) {
    for (std::size_t i = 0; i < total.values.size(); ++i) total.values[i] += content->values[i];
    for (std::size_t i = 0; i < total.variances.size(); ++i) total.variances[i] += content->variances[i];
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(delta_bytes));
}
BENCHMARK(memory_add)->Unit(benchmark::kMillisecond);

/// The same dataset again and again: its chunks stay in the cache.
void hot(benchmark::State& state) {
  const bench::scratch_file scratch{"merge-hot"};
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
  hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted);
  const hugehist::delta delta = deltas_of_all_datasets(bench::make_planes(category_count)).front();
  histogram.merge(delta);
  for (auto _ : state) histogram.merge(delta);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(delta_bytes));
}
BENCHMARK(hot)->Unit(benchmark::kMillisecond)->UseRealTime();

/// A job: each of 8 datasets gets three deltas of 60 categories, one after another, in a budget of 128 MiB, down to the
/// closed file. Beside it the same additions in memory.
constexpr std::size_t job_categories = 60;
constexpr std::size_t job_rounds = 3;
constexpr std::size_t job_bytes = dataset_count * job_rounds * job_categories * bench::block_bytes;

void job(benchmark::State& state, const std::vector<std::vector<hugehist::axis_reference>>& rollups) {
  const auto content = bench::make_planes(job_categories);
  const std::vector<std::string> categories = bench::labels("category_", job_categories);
  std::vector<hugehist::delta> deltas;
  for (const std::string& dataset : bench::labels("dataset_", dataset_count))
    deltas.push_back(bench::make_delta(dataset, categories, content));
  for (auto _ : state) {
    const bench::scratch_file scratch{"merge-job"};
    hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
    hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted, {.rollups = rollups});
    for (const hugehist::delta& delta : deltas)
      for (std::size_t round = 0; round < job_rounds; ++round) histogram.merge(delta);
    file.close();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(job_bytes));
}
BENCHMARK_CAPTURE(job, plain, {})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(job, with_rollup, {{"dataset", "score"}})->Unit(benchmark::kMillisecond)->UseRealTime();

void memory_job(benchmark::State& state) {
  const auto content = bench::make_planes(job_categories);
  for (auto _ : state) {
    std::vector<bench::planes> totals(dataset_count);
    for (bench::planes& total : totals) {
      total.values.resize(content->values.size());
      total.variances.resize(content->variances.size());
      for (std::size_t round = 0; round < job_rounds; ++round) {
        for (std::size_t i = 0; i < total.values.size(); ++i) total.values[i] += content->values[i];
        for (std::size_t i = 0; i < total.variances.size(); ++i) total.variances[i] += content->variances[i];
        benchmark::ClobberMemory();
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(job_bytes));
}
BENCHMARK(memory_job)->Unit(benchmark::kMillisecond);

/// Dataset after dataset in a budget that holds two: every chunk is read, added to and written back.
void cold(benchmark::State& state) {
  const bench::scratch_file scratch{"merge-cold"};
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(24)};
  hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted);
  const std::vector<hugehist::delta> deltas = deltas_of_all_datasets(bench::make_planes(category_count));
  for (const hugehist::delta& delta : deltas) histogram.merge(delta);
  std::size_t next = 0;
  for (auto _ : state) histogram.merge(deltas[next++ % dataset_count]);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(delta_bytes));
}
BENCHMARK(cold)->Unit(benchmark::kMillisecond)->UseRealTime();

/// A delta merged and committed: three merges to a commit, as a job with checkpoints does.
void with_commits(benchmark::State& state) {
  const bench::scratch_file scratch{"merge-commit"};
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
  hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted);
  const std::vector<hugehist::delta> deltas = deltas_of_all_datasets(bench::make_planes(category_count));
  std::size_t next = 0;
  for (auto _ : state) {
    for (int i = 0; i < 3; ++i) histogram.merge(deltas[next % dataset_count]);
    file.commit();
    ++next;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(3 * delta_bytes));
}
BENCHMARK(with_commits)->Unit(benchmark::kMillisecond)->UseRealTime();

/// A block's worth of 20 events in each category: time should follow what is touched.
void sparse(benchmark::State& state) {
  constexpr std::size_t events = 20;
  const bench::scratch_file scratch{"merge-sparse"};
  hugehist::file file{scratch.path(), hugehist::open_mode::write, bench::with_memory(128)};
  hugehist::histogram histogram = file.create("h", bench::axes(), hugehist::storage::weighted);
  const bench::event_sample sample = bench::make_events(events, bench::systematics);
  hugehist::fill_buffer buffer = histogram.buffer();
  for (const std::string& category : bench::labels("category_", category_count)) {
    hugehist::fill_arguments arguments;
    arguments.columns = {std::string{"dataset_0"}, category,
                         hugehist::variations{bench::labels("variation_", bench::systematics)},
                         hugehist::numbers{std::span{sample.score}}};
    arguments.weight = hugehist::array_view<double>{sample.weights.data(), events, bench::systematics};
    buffer.fill(arguments);
  }
  const hugehist::delta delta = buffer.take();
  histogram.merge(delta);
  for (auto _ : state) histogram.merge(delta);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(category_count * events * bench::systematics));
}
BENCHMARK(sparse)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
