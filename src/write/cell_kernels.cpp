#include "write/cell_kernels.hpp"

#include "base/prefetch.hpp"
#include "base/simd.hpp"
#include "model/moments.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#if HUGEHIST_X86_KERNELS
#include <immintrin.h>
#endif

namespace hugehist::write {
namespace {

// int64 sums wrap without being undefined.
inline std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept { return a + b; }
inline double sum(double a, double b) noexcept { return a + b; }

constexpr std::size_t line = 64 / element_size;  // elements that are fetched at once

/// Vectors of GCC and Clang, which they add and compare as their elements.
template <class T, std::size_t width>
struct lanes_type {
  using type [[gnu::vector_size(width * sizeof(T)), gnu::aligned(alignof(T)), gnu::may_alias]] = T;
};
template <class Lanes>
inline Lanes& lanes_at(void* from) noexcept {
  return *static_cast<Lanes*>(from);
}
template <class Lanes>
inline const Lanes& lanes_at(const void* from) noexcept {
  return *static_cast<const Lanes*>(from);
}

namespace baseline {
#define HUGEHIST_TARGET
constexpr std::size_t width = 2;
constexpr std::size_t lanes = 4;
template <class T>
inline void add_square(T* const* targets, const T* source, std::ptrdiff_t stride, std::size_t offset) noexcept {
  for (std::size_t c = 0; c < lanes; ++c)
    for (std::size_t b = 0; b < lanes; ++b)
      targets[c][offset + b] =
          sum(targets[c][offset + b], source[static_cast<std::ptrdiff_t>(b) * stride + static_cast<std::ptrdiff_t>(c)]);
}
#include "write/cell_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace baseline

#if HUGEHIST_X86_KERNELS

namespace avx2 {
#define HUGEHIST_TARGET __attribute__((target("avx2")))
constexpr std::size_t width = 4;
constexpr std::size_t lanes = 4;
HUGEHIST_TARGET inline void add_to(double* target, __m256d x) noexcept {
  _mm256_storeu_pd(target, _mm256_add_pd(_mm256_loadu_pd(target), x));
}
HUGEHIST_TARGET inline void add_to(std::uint64_t* target, __m256d x) noexcept {
  auto* cells = reinterpret_cast<__m256i*>(target);
  _mm256_storeu_si256(cells, _mm256_add_epi64(_mm256_loadu_si256(cells), _mm256_castpd_si256(x)));
}
template <class T>
HUGEHIST_TARGET inline void add_square(T* const* targets, const T* source, std::ptrdiff_t stride,
                                       std::size_t offset) noexcept {
  const auto* s = reinterpret_cast<const double*>(source);
  const auto r0 = _mm256_loadu_pd(s), r1 = _mm256_loadu_pd(s + stride);
  const auto r2 = _mm256_loadu_pd(s + 2 * stride), r3 = _mm256_loadu_pd(s + 3 * stride);
  const auto a = _mm256_unpacklo_pd(r0, r1), b = _mm256_unpackhi_pd(r0, r1);
  const auto c = _mm256_unpacklo_pd(r2, r3), d = _mm256_unpackhi_pd(r2, r3);
  add_to(targets[0] + offset, _mm256_permute2f128_pd(a, c, 0x20));
  add_to(targets[1] + offset, _mm256_permute2f128_pd(b, d, 0x20));
  add_to(targets[2] + offset, _mm256_permute2f128_pd(a, c, 0x31));
  add_to(targets[3] + offset, _mm256_permute2f128_pd(b, d, 0x31));
}
#include "write/cell_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace avx2

namespace avx512 {
#define HUGEHIST_TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
constexpr std::size_t width = 8;
constexpr std::size_t lanes = 8;
HUGEHIST_TARGET inline void add_to(double* target, __m512d x) noexcept {
  _mm512_storeu_pd(target, _mm512_add_pd(_mm512_loadu_pd(target), x));
}
HUGEHIST_TARGET inline void add_to(std::uint64_t* target, __m512d x) noexcept {
  _mm512_storeu_si512(target, _mm512_add_epi64(_mm512_loadu_si512(target), _mm512_castpd_si512(x)));
}
template <class T>
HUGEHIST_TARGET inline void add_square(T* const* targets, const T* source, std::ptrdiff_t stride,
                                       std::size_t offset) noexcept {
  const auto* s = reinterpret_cast<const double*>(source);
  __m512d row[8], pair[8], quad[8];
  for (int i = 0; i < 8; ++i) row[i] = _mm512_loadu_pd(s + i * stride);
  // Maskz forms: the plain ones make GCC warn of its own headers.
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm512_maskz_unpacklo_pd(0xff, row[i], row[i + 1]);      // even columns of rows i, i + 1
    pair[i + 1] = _mm512_maskz_unpackhi_pd(0xff, row[i], row[i + 1]);  // odd columns
  }
  for (int i = 0; i < 2; ++i) {
    quad[i] = _mm512_maskz_shuffle_f64x2(0xff, pair[i], pair[i + 2], 0x88);
    quad[i + 2] = _mm512_maskz_shuffle_f64x2(0xff, pair[i], pair[i + 2], 0xdd);
    quad[i + 4] = _mm512_maskz_shuffle_f64x2(0xff, pair[i + 4], pair[i + 6], 0x88);
    quad[i + 6] = _mm512_maskz_shuffle_f64x2(0xff, pair[i + 4], pair[i + 6], 0xdd);
  }
  for (int i = 0; i < 2; ++i) {
    add_to(targets[i] + offset, _mm512_maskz_shuffle_f64x2(0xff, quad[i], quad[i + 4], 0x88));
    add_to(targets[i + 4] + offset, _mm512_maskz_shuffle_f64x2(0xff, quad[i], quad[i + 4], 0xdd));
    add_to(targets[i + 2] + offset, _mm512_maskz_shuffle_f64x2(0xff, quad[i + 2], quad[i + 6], 0x88));
    add_to(targets[i + 6] + offset, _mm512_maskz_shuffle_f64x2(0xff, quad[i + 2], quad[i + 6], 0xdd));
  }
}
#include "write/cell_kernels.inl"
#undef HUGEHIST_TARGET
}  // namespace avx512

#endif

/// The kernels of one instruction set for one type of element.
template <class T>
struct kernels {
  std::size_t lanes;
  void (*add_run)(T* target, const T* source, std::size_t n, const T* later) noexcept;
  void (*set_run)(T* target, const T* source, std::size_t n, const T* later) noexcept;
  bool (*is_same_run)(const T* a, const T* b, std::size_t n, const T* later) noexcept;
  void (*add_columns)(T* const* targets, const T* source, std::ptrdiff_t stride, std::size_t columns,
                      std::size_t n) noexcept;
};

template <class T>
kernels<T> best_kernels() noexcept {
#if HUGEHIST_X86_KERNELS
  switch (base::best_instruction_set()) {
    case base::instruction_set::avx512:
      return {avx512::lanes, avx512::add_run<T>, avx512::set_run<T>, avx512::is_same_run<T>, avx512::add_columns<T>};
    case base::instruction_set::avx2:
      return {avx2::lanes, avx2::add_run<T>, avx2::set_run<T>, avx2::is_same_run<T>, avx2::add_columns<T>};
    case base::instruction_set::baseline:
      break;
  }
#endif
  return {baseline::lanes, baseline::add_run<T>, baseline::set_run<T>, baseline::is_same_run<T>,
          baseline::add_columns<T>};
}

/// Planes that lie side by side in each source cell, with cells of neighbouring rows side by side too: then a bin
/// is one run of rows * planes elements.
bool is_bin_major(const piece& piece, std::size_t planes) noexcept {
  const auto step = static_cast<std::ptrdiff_t>(planes);
  for (std::size_t p = 1; p < planes; ++p)
    if (piece.source[p] != piece.source[0] + p * element_size) return false;
  for (std::size_t r = 1; r < piece.rows.size(); ++r)
    if (piece.rows[r].source != piece.rows[r - 1].source + step) return false;
  return true;
}

/// Calls use(source offset, target offset) for each position of all axes but the last.
template <class Use>
void for_each_outer(std::span<const piece_axis> axes, std::ptrdiff_t source, std::ptrdiff_t target, const Use& use) {
  if (axes.size() == 1) return use(source, target);
  for (std::size_t i = 0; i < axes[0].extent; ++i)
    for_each_outer(axes.subspan(1), source + static_cast<std::ptrdiff_t>(i) * axes[0].source_stride,
                   target + static_cast<std::ptrdiff_t>(i) * axes[0].target_stride, use);
}

template <class T>
void add_bin_major(const piece& piece, std::size_t planes, const kernels<T>& kernels) noexcept {
  const auto& inner = piece.bins.back();
  // So many bins at a time that their source lines are still cached when the next columns read their part.
  constexpr std::size_t tile = 64;
  const auto columns = piece.rows.size() * planes;
  const auto* source = reinterpret_cast<const T*>(piece.source[0]) + piece.rows[0].source;
  for_each_outer(piece.bins, 0, 0, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    for (std::size_t bin = 0; bin < inner.extent; bin += tile) {
      const auto n = std::min(tile, inner.extent - bin);
      const auto* bins = source + from + static_cast<std::ptrdiff_t>(bin) * inner.source_stride;
      for (std::size_t c = 0; c < columns; c += kernels.lanes) {
        const auto width = std::min(kernels.lanes, columns - c);
        std::array<T*, 8> targets;
        for (std::size_t i = 0; i < width; ++i)
          targets[i] = reinterpret_cast<T*>(piece.target[(c + i) % planes]) + piece.rows[(c + i) / planes].target + to +
                       static_cast<std::ptrdiff_t>(bin);
        kernels.add_columns(targets.data(), bins + c, inner.source_stride, width, n);
      }
    }
  });
}

template <class T>
void add(const piece& piece, std::size_t planes) noexcept {
  const auto kernels = best_kernels<T>();
  const auto& inner = piece.bins.back();
  if (inner.target_stride == 1 && inner.source_stride != 1 && is_bin_major(piece, planes))
    return add_bin_major(piece, planes, kernels);
  for (std::size_t p = 0; p < planes; ++p)
    for (const auto& row : piece.rows)
      for_each_outer(piece.bins, row.source, row.target, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
        const auto* source = reinterpret_cast<const T*>(piece.source[p]) + from;
        auto* target = reinterpret_cast<T*>(piece.target[p]) + to;
        if (inner.source_stride == 1 && inner.target_stride == 1)
          kernels.add_run(target, source, inner.extent, source + inner.extent);
        else
          for (std::size_t i = 0; i < inner.extent; ++i) {
            auto& cell = target[static_cast<std::ptrdiff_t>(i) * inner.target_stride];
            cell = sum(cell, source[static_cast<std::ptrdiff_t>(i) * inner.source_stride]);
          }
      });
}

void combine(const piece& piece) noexcept {
  const auto from = model::moment_planes_of<const double>(
      piece.kind, [&](std::size_t p) { return reinterpret_cast<const double*>(piece.source[p]); });
  const auto to = model::moment_planes_of<double>(
      piece.kind, [&](std::size_t p) { return reinterpret_cast<double*>(piece.target[p]); });
  const auto& inner = piece.bins.back();
  for (const auto& row : piece.rows)
    for_each_outer(piece.bins, row.source, row.target, [&](std::ptrdiff_t source, std::ptrdiff_t target) {
      for (std::size_t i = 0; i < inner.extent; ++i, source += inner.source_stride, target += inner.target_stride)
        to.store(target, model::combine(to.load(target), from.load(source)));
    });
}

bool run_nonzero(const std::uint64_t* run, std::size_t n, std::ptrdiff_t stride, std::uint64_t mask) noexcept {
  constexpr std::size_t batch = 64;  // looked at without a branch
  for (std::size_t begin = 0; begin < n; begin += batch) {
    const auto end = std::min(begin + batch, n);
    std::uint64_t bits = 0;
    if (stride == 1)
      for (auto i = begin; i < end; ++i) bits |= run[i];
    else
      for (auto i = begin; i < end; ++i) bits |= run[static_cast<std::ptrdiff_t>(i) * stride];
    if ((bits & mask) != 0) return true;
  }
  return false;
}

}  // namespace

std::size_t compact(piece_axis* axes, std::size_t count) noexcept {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = axes[i];
    if (axis.extent == 1) continue;
    const auto extent = static_cast<std::ptrdiff_t>(axis.extent);
    if (kept > 0 && axes[kept - 1].source_stride == axis.source_stride * extent &&
        axes[kept - 1].target_stride == axis.target_stride * extent)
      axes[kept - 1] = {axes[kept - 1].extent * axis.extent, axis.source_stride, axis.target_stride};
    else
      axes[kept++] = axis;
  }
  if (kept == 0) axes[kept++] = {1, 1, 1};
  return kept;
}

void add_piece(const piece& piece) noexcept {
  if (piece.rows.empty()) return;
  if (piece.kind == storage::int_)
    add<std::uint64_t>(piece, 1);
  else if (model::is_mean(piece.kind))
    combine(piece);
  else
    add<double>(piece, planes(piece.kind).size());
}

bool is_additive(storage kind) noexcept { return !model::is_mean(kind); }

template <class T>
void add_run(T* target, const T* source, std::size_t n, const T* later) noexcept {
  best_kernels<T>().add_run(target, source, n, later);
}
template <class T>
void set_run(T* target, const T* source, std::size_t n, const T* later) noexcept {
  best_kernels<T>().set_run(target, source, n, later);
}
template <class T>
bool is_same_run(const T* a, const T* b, std::size_t n, const T* later) noexcept {
  return best_kernels<T>().is_same_run(a, b, n, later);
}
template void add_run(double*, const double*, std::size_t, const double*) noexcept;
template void add_run(std::uint64_t*, const std::uint64_t*, std::size_t, const std::uint64_t*) noexcept;
template void set_run(double*, const double*, std::size_t, const double*) noexcept;
template void set_run(std::uint64_t*, const std::uint64_t*, std::size_t, const std::uint64_t*) noexcept;
template bool is_same_run(const double*, const double*, std::size_t, const double*) noexcept;
template bool is_same_run(const std::uint64_t*, const std::uint64_t*, std::size_t, const std::uint64_t*) noexcept;

bool any_nonzero(const piece& piece) noexcept {
  if (piece.rows.empty()) return false;
  const auto count = planes(piece.kind).size();
  const auto mask = piece.kind == storage::int_ ? ~std::uint64_t{0} : ~std::uint64_t{0} >> 1;  // -0.0 is zero
  const auto& inner = piece.bins.back();
  bool found = false;
  if (inner.source_stride != 1 && is_bin_major(piece, count)) {
    const auto* source = reinterpret_cast<const std::uint64_t*>(piece.source[0]) + piece.rows[0].source;
    for_each_outer(piece.bins, 0, 0, [&](std::ptrdiff_t from, std::ptrdiff_t) {
      for (std::size_t i = 0; i < inner.extent && !found; ++i)
        found = run_nonzero(source + from + static_cast<std::ptrdiff_t>(i) * inner.source_stride,
                            piece.rows.size() * count, 1, mask);
    });
    return found;
  }
  for (std::size_t p = 0; p < count && !found; ++p)
    for (std::size_t r = 0; r < piece.rows.size() && !found; ++r)
      for_each_outer(piece.bins, piece.rows[r].source, 0, [&](std::ptrdiff_t from, std::ptrdiff_t) {
        if (!found)
          found = run_nonzero(reinterpret_cast<const std::uint64_t*>(piece.source[p]) + from, inner.extent,
                              inner.source_stride, mask);
      });
  return found;
}

}  // namespace hugehist::write
