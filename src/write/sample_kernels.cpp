#include "write/sample_kernels.hpp"

#include "model/moments.hpp"
#include "write/delta_data.hpp"

namespace hugehist::write {
namespace {

/// Welford's step. Where weights of both signs cancel to 0 there is no mean, and the cell begins anew.
inline void add_sample(double& sum, double& mean, double& deviations, double weight, double x) noexcept {
  sum += weight;
  if (sum == 0) {
    mean = deviations = 0;
    return;
  }
  const auto shift = x - mean;
  mean += weight * shift / sum;
  deviations += weight * shift * (x - mean);
}

template <bool weighted, class Weight, class Sample>
void add_all(const fill_task& task, const weight_view<Weight>& weights, const weight_view<Sample>& samples) noexcept {
  constexpr std::size_t elements = weighted ? 4 : 3;
  auto* cells = static_cast<double*>(task.cells);
  for (std::size_t i = 0; i < task.count; ++i) {
    const std::size_t event = task.events ? task.events[i] : i;
    const auto* bins = task.bins + (task.bins_in_order ? i : event) * (task.bin_per_weight ? task.rows : 1);
    const auto* w = weights.data + static_cast<std::ptrdiff_t>(event) * weights.event_stride;
    const auto* x = samples.data + static_cast<std::ptrdiff_t>(event) * samples.event_stride;
    for (auto row = task.first_row; row < task.last_row; ++row) {
      const auto bin = bins[task.bin_per_weight ? row - task.first_bin_row : 0];
      const auto weight = static_cast<double>(w[static_cast<std::ptrdiff_t>(row) * weights.row_stride]);
      if (bin == event_rows::dropped || weight == 0) continue;
      auto* cell = cells + (std::size_t{bin} * task.rows + row) * elements;
      if constexpr (weighted) cell[1] += weight * weight;
      add_sample(cell[0], cell[elements - 2], cell[elements - 1], weight,
                 static_cast<double>(x[static_cast<std::ptrdiff_t>(row) * samples.row_stride]));
    }
  }
}

}  // namespace

template <class Weight, class Sample>
void add_samples(storage kind, const fill_task& task, const weight_view<Weight>& weights,
                 const weight_view<Sample>& samples) noexcept {
  if (kind == storage::mean)
    add_all<false>(task, weights, samples);
  else
    add_all<true>(task, weights, samples);
}

template void add_samples(storage, const fill_task&, const weight_view<double>&, const weight_view<double>&) noexcept;
template void add_samples(storage, const fill_task&, const weight_view<double>&, const weight_view<float>&) noexcept;
template void add_samples(storage, const fill_task&, const weight_view<float>&, const weight_view<double>&) noexcept;
template void add_samples(storage, const fill_task&, const weight_view<float>&, const weight_view<float>&) noexcept;

void finish_cells(storage kind, void* cells, std::size_t count) noexcept {
  const auto elements = static_cast<std::ptrdiff_t>(planes(kind).size());
  const auto plane =
      model::moment_planes_of<double>(kind, [&](std::size_t p) { return static_cast<double*>(cells) + p; });
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(count); ++i) {
    auto cell = plane.load(i * elements);
    cell.variance = model::variance_of(cell, cell.variance);
    plane.store(i * elements, cell);
  }
}

}  // namespace hugehist::write
