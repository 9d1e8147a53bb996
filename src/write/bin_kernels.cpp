#include "write/bin_kernels.hpp"

#include "base/simd.hpp"
#include "write/delta_data.hpp"

#if HUGEHIST_X86_KERNELS
#include <immintrin.h>
#endif

namespace hugehist::write {
namespace {

namespace baseline {
#define HUGEHIST_TARGET
#include "write/bin_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace baseline

#if HUGEHIST_X86_KERNELS
namespace avx2 {
#define HUGEHIST_TARGET __attribute__((target("avx2")))
#include "write/bin_kernels.inl"

/// regular_singly, four at a time.
HUGEHIST_TARGET inline void regular(const double* x, std::size_t n, double lower, double upper, std::int32_t bins,
                                    bin_flow flow, std::uint32_t* offsets) noexcept {
  const auto low = _mm256_set1_pd(lower), delta = _mm256_set1_pd(upper - lower);
  const auto zero = _mm256_setzero_pd(), one = _mm256_set1_pd(1), below = _mm256_set1_pd(-1);
  const auto size = _mm256_set1_pd(bins);
  const auto at_upper_edge = _mm256_set1_pd(flow.overflow ? bins : bins - 1);
  const auto shift = _mm_set1_epi32(flow.underflow ? 1 : 0);
  const auto last = _mm_set1_epi32(flow.overflow ? bins : bins - 1), first = _mm_set1_epi32(flow.underflow ? -1 : 0);
  const auto stride = _mm_set1_epi32(static_cast<std::int32_t>(flow.stride));
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const auto z = _mm256_div_pd(_mm256_sub_pd(_mm256_loadu_pd(x + i), low), delta);
    const auto inside = _mm256_blendv_pd(below, _mm256_mul_pd(z, size), _mm256_cmp_pd(z, zero, _CMP_GE_OQ));
    const auto above = _mm256_blendv_pd(size, at_upper_edge, _mm256_cmp_pd(z, one, _CMP_EQ_OQ));
    const auto index = _mm256_cvttpd_epi32(_mm256_blendv_pd(above, inside, _mm256_cmp_pd(z, one, _CMP_LT_OQ)));
    const auto outside = _mm_or_si128(_mm_cmpgt_epi32(index, last), _mm_cmplt_epi32(index, first));
    const auto offset = _mm_mullo_epi32(_mm_add_epi32(index, shift), stride);
    // Dropped is all ones, as the mask is.
    _mm_storeu_si128(reinterpret_cast<__m128i*>(offsets + i), _mm_or_si128(offset, outside));
  }
  regular_singly(x + i, n - i, lower, upper, bins, flow, offsets + i);
}
#undef HUGEHIST_TARGET
}  // namespace avx2
#endif

bool has_avx2() noexcept { return base::best_instruction_set() != base::instruction_set::baseline; }

/// Index of the last edge that is not above x, -1 where there is none: std::upper_bound without branches. NaN is
/// above all edges, as it is there.
inline std::int32_t find_edge(double x, const double* edges, std::size_t count) noexcept {
  const auto* base = edges;
  for (auto left = count; left > 1;) {
    const auto half = left / 2;
    base += x < base[half] ? 0 : half;
    left -= half;
  }
  return static_cast<std::int32_t>(base - edges) - (x < *base ? 1 : 0);
}

inline std::uint32_t flow_offset(std::int32_t index, std::int32_t bins, bin_flow flow) noexcept {
  return baseline::to_offset(index, bins, flow);
}

}  // namespace

void regular_offsets(const double* x, std::size_t n, double lower, double upper, std::int32_t bins, bin_flow flow,
                     std::uint32_t* offsets) noexcept {
#if HUGEHIST_X86_KERNELS
  if (has_avx2()) return avx2::regular(x, n, lower, upper, bins, flow, offsets);
#endif
  baseline::regular_singly(x, n, lower, upper, bins, flow, offsets);
}

void variable_offsets(const double* x, std::size_t n, const double* edges, std::size_t edge_count, bin_flow flow,
                      std::uint32_t* offsets) noexcept {
  const auto bins = static_cast<std::int32_t>(edge_count) - 1;
  const auto last = edges[bins];
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = find_edge(x[i], edges, edge_count);
    offsets[i] = flow_offset(!flow.overflow && x[i] == last ? bins - 1 : index, bins, flow);
  }
}

void integer_offsets(const std::int32_t* x, std::size_t n, std::int32_t lower, std::int32_t upper, bin_flow flow,
                     std::uint32_t* offsets) noexcept {
#if HUGEHIST_X86_KERNELS
  if (has_avx2()) return avx2::integers(x, n, lower, upper, flow, offsets);
#endif
  baseline::integers(x, n, lower, upper, flow, offsets);
}

void add_offsets(std::uint32_t* bins, const std::uint32_t* offsets, std::size_t n, bool may_drop) noexcept {
#if HUGEHIST_X86_KERNELS
  if (has_avx2()) return avx2::combine(bins, offsets, n, may_drop);
#endif
  baseline::combine(bins, offsets, n, may_drop);
}

void add_same_offset(std::uint32_t* bins, std::uint32_t offset, std::size_t n, bool may_drop) noexcept {
  constexpr auto dropped = event_rows::dropped;
  for (std::size_t i = 0; i < n; ++i)
    bins[i] = may_drop && (bins[i] == dropped || offset == dropped) ? dropped : bins[i] + offset;
}

}  // namespace hugehist::write
