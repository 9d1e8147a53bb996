#include "write/fill_kernels.hpp"

#include "base/simd.hpp"
#include "write/delta_data.hpp"

#include <algorithm>
#include <array>

#if HUGEHIST_X86_KERNELS
#include <immintrin.h>
#endif

namespace hugehist::write {
namespace {

// The kinds of cells: what is kept of one in registers, and what a weight adds to it.

struct integer_cells {
  using element = std::int64_t;
  static constexpr std::size_t elements = 1;
  static element load(const element* cell) noexcept { return *cell; }
  static element plus(element sum, double weight) noexcept { return sum + static_cast<element>(weight); }
  static void store(element* cell, element sum) noexcept { *cell = sum; }
};

struct double_cells {
  using element = double;
  static constexpr std::size_t elements = 1;
  static double load(const double* cell) noexcept { return *cell; }
  static double plus(double sum, double weight) noexcept { return sum + weight; }
  static void store(double* cell, double sum) noexcept { *cell = sum; }
};

struct weighted_cells {
  using element = double;
  static constexpr std::size_t elements = 2;
#if HUGEHIST_X86_KERNELS
  static __m128d load(const double* cell) noexcept { return _mm_loadu_pd(cell); }
  static __m128d plus(__m128d sum, double weight) noexcept {
    const auto w = _mm_set_sd(weight);
    return _mm_add_pd(sum, _mm_unpacklo_pd(w, _mm_mul_sd(w, w)));
  }
  static void store(double* cell, __m128d sum) noexcept { _mm_storeu_pd(cell, sum); }
#else
  static std::array<double, 2> load(const double* cell) noexcept { return {cell[0], cell[1]}; }
  static std::array<double, 2> plus(std::array<double, 2> sum, double weight) noexcept {
    return {sum[0] + weight, sum[1] + weight * weight};
  }
  static void store(double* cell, std::array<double, 2> sum) noexcept { std::copy_n(sum.data(), 2, cell); }
#endif
};

constexpr std::size_t tile_elements = 16384;

template <class W>
inline void add_weighted_tail(double* cells, const W* weights, std::size_t first, std::size_t n) noexcept {
  for (auto j = first; j < n; ++j) {
    const auto weight = static_cast<double>(weights[j]);
    cells[2 * j] += weight;
    cells[2 * j + 1] += weight * weight;
  }
}

namespace baseline {
template <class W>
inline void add_weighted_row(double* cells, const W* weights, std::size_t n) noexcept {
  add_weighted_tail(cells, weights, 0, n);
}
#define HUGEHIST_TARGET
#include "write/fill_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace baseline

#if HUGEHIST_X86_KERNELS

namespace avx2 {
#define HUGEHIST_TARGET __attribute__((target("avx2")))
HUGEHIST_TARGET inline __m256d load(const double* weights) noexcept { return _mm256_loadu_pd(weights); }
HUGEHIST_TARGET inline __m256d load(const float* weights) noexcept { return _mm256_cvtps_pd(_mm_loadu_ps(weights)); }

template <class W>
HUGEHIST_TARGET inline void add_weighted_row(double* cells, const W* weights, std::size_t n) noexcept {
  std::size_t j = 0;
  for (; j + 4 <= n; j += 4) {
    const auto w = load(weights + j);
    const auto square = _mm256_mul_pd(w, w);
    const auto even = _mm256_unpacklo_pd(w, square);  // w0 w0² w2 w2²
    const auto odd = _mm256_unpackhi_pd(w, square);   // w1 w1² w3 w3²
    auto* target = cells + 2 * j;
    _mm256_storeu_pd(target, _mm256_add_pd(_mm256_loadu_pd(target), _mm256_permute2f128_pd(even, odd, 0x20)));
    _mm256_storeu_pd(target + 4, _mm256_add_pd(_mm256_loadu_pd(target + 4), _mm256_permute2f128_pd(even, odd, 0x31)));
  }
  add_weighted_tail(cells, weights, j, n);
}
#include "write/fill_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace avx2

namespace avx512 {
#define HUGEHIST_TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
HUGEHIST_TARGET inline __m512d load(const double* weights) noexcept { return _mm512_loadu_pd(weights); }
HUGEHIST_TARGET inline __m512d load(const float* weights) noexcept {
  return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(weights));  // the plain form makes GCC warn of itself
}

template <class W>
HUGEHIST_TARGET inline void add_weighted_row(double* cells, const W* weights, std::size_t n) noexcept {
  const auto first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const auto second = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  std::size_t j = 0;
  for (; j + 8 <= n; j += 8) {
    const auto w = load(weights + j);
    const auto square = _mm512_mul_pd(w, w);
    auto* target = cells + 2 * j;
    _mm512_storeu_pd(target, _mm512_add_pd(_mm512_loadu_pd(target), _mm512_permutex2var_pd(w, first, square)));
    _mm512_storeu_pd(target + 8, _mm512_add_pd(_mm512_loadu_pd(target + 8), _mm512_permutex2var_pd(w, second, square)));
  }
  add_weighted_tail(cells, weights, j, n);
}
#include "write/fill_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace avx512

#endif

template <class W>
void dispatch(storage kind, const fill_task& task, const weight_view<W>& weights) noexcept {
#if HUGEHIST_X86_KERNELS
  switch (base::best_instruction_set()) {
    case base::instruction_set::avx512:
      return avx512::add_any(kind, task, weights);
    case base::instruction_set::avx2:
      return avx2::add_any(kind, task, weights);
    case base::instruction_set::baseline:
      break;
  }
#endif
  baseline::add_any(kind, task, weights);
}

}  // namespace

void add_events(storage kind, const fill_task& task, const weight_view<double>& weights) noexcept {
  dispatch(kind, task, weights);
}

void add_events(storage kind, const fill_task& task, const weight_view<float>& weights) noexcept {
  dispatch(kind, task, weights);
}

}  // namespace hugehist::write
