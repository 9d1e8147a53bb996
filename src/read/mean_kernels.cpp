#include "read/mean_kernels.hpp"

#include <cstddef>

namespace hugehist::read {

void accumulate(std::span<const axis_loop> loops, const model::moment_planes<const double>& in,
                const model::moment_planes<double>& out, double scale) noexcept {
  if (loops.empty()) return out.store(0, model::combine(out.load(0), model::scaled(in.load(0), scale)));
  const auto& loop = loops.front();
  for (const auto& r : loop.runs)
    for (std::size_t k = 0; k < r.length; ++k) {
      const auto bins = bins_of(loop, r, k);
      accumulate(loops.subspan(1), in.at(static_cast<std::ptrdiff_t>(bins.from * loop.in_stride)),
                 out.at(static_cast<std::ptrdiff_t>(bins.to * loop.out_stride)),
                 loop.factors == nullptr ? scale : scale * loop.factors[bins.from]);
    }
}

}  // namespace hugehist::read
