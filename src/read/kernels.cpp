#include "read/kernels.hpp"

#include <array>
#include <type_traits>

namespace hugehist::read {
namespace {

/// a + b; of integers modulo 2^64, which is no undefined behaviour.
template <class T>
T add(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}

/// Sum of a contiguous row, in sixteen lanes: as many additions as the processor has under way at a time.
template <class In, class Out>
Out row_sum(const In* in, std::size_t length) noexcept {
  constexpr std::size_t lanes = 16;
  std::array<Out, lanes> partial{};
  std::size_t i = 0;
  for (; i + lanes <= length; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) partial[lane] = add(partial[lane], static_cast<Out>(in[i + lane]));
  for (std::size_t lane = 0; i + lane < length; ++lane)
    partial[lane] = add(partial[lane], static_cast<Out>(in[i + lane]));
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t lane = 0; lane < width; ++lane) partial[lane] = add(partial[lane], partial[lane + width]);
  return partial[0];
}

/// Adds rows to one output row, four at a time: it is loaded and stored once for four.
template <class In, class Out>
void add_rows(const In* in, std::size_t in_stride, std::size_t rows, std::size_t length, Out* __restrict out) noexcept {
  for (; rows >= 4; rows -= 4, in += 4 * in_stride) {
    const auto* a = in;
    const auto* b = a + in_stride;
    const auto* c = b + in_stride;
    const auto* d = c + in_stride;
    for (std::size_t i = 0; i < length; ++i)
      out[i] = add(add(add(add(out[i], static_cast<Out>(a[i])), static_cast<Out>(b[i])), static_cast<Out>(c[i])),
                   static_cast<Out>(d[i]));
  }
  for (; rows > 0; --rows, in += in_stride)
    for (std::size_t i = 0; i < length; ++i) out[i] = add(out[i], static_cast<Out>(in[i]));
}

template <class In, class Out, bool scaled>
struct nest {
  std::span<const axis_loop> loops;

  static Out scale_by(In value, double scale) noexcept {
    if constexpr (scaled)
      return static_cast<Out>(static_cast<double>(value) * scale);
    else
      return static_cast<Out>(value);
  }
  static double factor(const axis_loop& loop, std::size_t bin) noexcept {
    return scaled && loop.factors != nullptr ? loop.factors[bin] : 1.0;
  }

  void visit(std::size_t level, const In* in, Out* out, double scale) const noexcept {
    const auto& loop = loops[level];
    for (const auto& r : loop.runs) {
      if (level + 1 == loops.size())
        inner(loop, r, in, out, scale);
      else if (!rows(loop, r, loops[level + 1], level + 2 == loops.size(), in, out, scale))
        outer(level, loop, r, in, out, scale);
    }
  }

  void outer(std::size_t level, const axis_loop& loop, const run& r, const In* in, Out* out,
             double scale) const noexcept {
    for (std::size_t k = 0; k < r.length; ++k) {
      const auto bins = bins_of(loop, r, k);
      visit(level + 1, in + bins.from * loop.in_stride, out + bins.to * loop.out_stride,
            scale * factor(loop, bins.from));
    }
  }

  /// Sums whole rows where that is all there is to do; false where it is not.
  static bool rows(const axis_loop& loop, const run& r, const axis_loop& row, bool row_is_inner, const In* in, Out* out,
                   double scale) noexcept {
    if (scaled || !row_is_inner || r.kind != pattern::sum || row.in_stride != 1 || row.out_stride != 1) return false;
    static_cast<void>(scale);
    for (const auto& s : row.runs)
      if (s.kind != pattern::copy) return false;
    for (const auto& s : row.runs)
      add_rows(in + r.from * loop.in_stride + s.from, loop.in_stride, r.length, s.length,
               out + r.to * loop.out_stride + s.to);
    return true;
  }

  static void inner(const axis_loop& loop, const run& r, const In* in, Out* __restrict out, double scale) noexcept {
    if (r.kind == pattern::copy && loop.in_stride == 1 && loop.out_stride == 1)
      copy_row(loop, r, in + r.from, out + r.to, scale);
    else if (r.kind == pattern::sum)
      sum_row(loop, r, in + r.from * loop.in_stride, out[r.to * loop.out_stride], scale);
    else
      for (std::size_t k = 0; k < r.length; ++k) {
        const auto bins = bins_of(loop, r, k);
        auto& target = out[bins.to * loop.out_stride];
        target = add(target, scale_by(in[bins.from * loop.in_stride], scale * factor(loop, bins.from)));
      }
  }

  static void copy_row(const axis_loop& loop, const run& r, const In* in, Out* __restrict out, double scale) noexcept {
    if (scaled && loop.factors != nullptr) {
      const auto* factors = loop.factors + r.from;
      for (std::size_t k = 0; k < r.length; ++k) out[k] = add(out[k], scale_by(in[k], scale * factors[k]));
    } else {
      for (std::size_t k = 0; k < r.length; ++k) out[k] = add(out[k], scale_by(in[k], scale));
    }
  }

  static void sum_row(const axis_loop& loop, const run& r, const In* in, Out& target, double scale) noexcept {
    Out total{};
    if (scaled && loop.factors != nullptr)
      for (std::size_t k = 0; k < r.length; ++k)
        total = add(total, scale_by(in[k * loop.in_stride], loop.factors[r.from + k]));
    else if (loop.in_stride == 1)
      total = row_sum<In, Out>(in, r.length);
    else
      for (std::size_t k = 0; k < r.length; ++k) total = add(total, static_cast<Out>(in[k * loop.in_stride]));
    if constexpr (scaled) total = static_cast<Out>(static_cast<double>(total) * scale);
    target = add(target, total);
  }
};

template <class In, class Out, bool scaled>
void run_nest(std::span<const axis_loop> loops, const In* in, Out* out, double scale) {
  using this_nest = nest<In, Out, scaled>;
  if (loops.empty())
    *out = add(*out, this_nest::scale_by(*in, scale));
  else
    this_nest{loops}.visit(0, in, out, scale);
}

}  // namespace

template <class In, class Out>
void accumulate(std::span<const axis_loop> loops, const In* in, Out* out, double scale) {
  if constexpr (std::is_floating_point_v<Out>) {
    bool scaled = scale != 1.0;
    for (const auto& loop : loops) scaled = scaled || loop.factors != nullptr;
    if (scaled) return run_nest<In, Out, true>(loops, in, out, scale);
  }
  run_nest<In, Out, false>(loops, in, out, 1.0);
}

template void accumulate(std::span<const axis_loop>, const double*, double*, double);
template void accumulate(std::span<const axis_loop>, const std::int64_t*, std::int64_t*, double);
template void accumulate(std::span<const axis_loop>, const std::int64_t*, double*, double);

}  // namespace hugehist::read
