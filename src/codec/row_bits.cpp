#include "codec/row_bits.hpp"

#include "base/simd.hpp"

#include <algorithm>
#include <cstring>

#if HUGEHIST_X86_KERNELS
#include <immintrin.h>
#endif

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;

struct word_pair {
  std::uint64_t zero = 0, same = 0;
};

word_pair compare(const std::byte* row, const std::byte* other, std::size_t elements) noexcept {
  word_pair word;
  for (std::size_t i = 0; i < elements; ++i) {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, row + i * element, element);
    std::memcpy(&b, other + i * element, element);
    word.zero |= std::uint64_t{a == 0} << i;
    word.same |= std::uint64_t{a == b} << i;
  }
  return word;
}

/// A word of bits; the rows have that many elements.
using compare_word = word_pair (*)(const std::byte* row, const std::byte* other) noexcept;

#if HUGEHIST_X86_KERNELS

/// SSE2 compares halves of elements.
word_pair compare_baseline(const std::byte* row, const std::byte* other) noexcept {
  const auto equal = [](__m128i a, __m128i b) {
    const auto halves = _mm_cmpeq_epi32(a, b);
    const auto swapped = _mm_shuffle_epi32(halves, _MM_SHUFFLE(2, 3, 0, 1));
    return static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(_mm_and_si128(halves, swapped))));
  };
  word_pair word;
  for (std::size_t i = 0; i < bits_per_word; i += 2) {
    const auto a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i * element));
    const auto b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(other + i * element));
    word.zero |= std::uint64_t{equal(a, _mm_setzero_si128())} << i;
    word.same |= std::uint64_t{equal(a, b)} << i;
  }
  return word;
}

__attribute__((target("avx2"))) word_pair compare_avx2(const std::byte* row, const std::byte* other) noexcept {
  word_pair word;
  for (std::size_t i = 0; i < bits_per_word; i += 4) {
    const auto a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i * element));
    const auto b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(other + i * element));
    const auto zero = _mm256_castsi256_pd(_mm256_cmpeq_epi64(a, _mm256_setzero_si256()));
    const auto same = _mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b));
    word.zero |= static_cast<std::uint64_t>(_mm256_movemask_pd(zero)) << i;
    word.same |= static_cast<std::uint64_t>(_mm256_movemask_pd(same)) << i;
  }
  return word;
}

__attribute__((target("avx512f"))) word_pair compare_avx512(const std::byte* row, const std::byte* other) noexcept {
  word_pair word;
  for (std::size_t i = 0; i < bits_per_word; i += 8) {
    const auto a = _mm512_loadu_si512(row + i * element);
    const auto b = _mm512_loadu_si512(other + i * element);
    word.zero |= std::uint64_t{_mm512_testn_epi64_mask(a, a)} << i;
    word.same |= std::uint64_t{_mm512_cmpeq_epi64_mask(a, b)} << i;
  }
  return word;
}

compare_word best_compare() noexcept {
  switch (base::best_instruction_set()) {
    case base::instruction_set::avx512:
      return compare_avx512;
    case base::instruction_set::avx2:
      return compare_avx2;
    case base::instruction_set::baseline:
      break;
  }
  return compare_baseline;
}

#else

word_pair compare_baseline(const std::byte* row, const std::byte* other) noexcept {
  return compare(row, other, bits_per_word);
}
compare_word best_compare() noexcept { return compare_baseline; }

#endif

}  // namespace

void find_zero_and_same(const std::byte* row, const std::byte* other, std::size_t elements, std::uint64_t* zero,
                        std::uint64_t* same) noexcept {
  const auto compare_whole = best_compare();
  const auto store = [&](word_pair word) {
    *zero++ = word.zero;
    *same++ = word.same;
  };
  for (; elements >= bits_per_word; elements -= bits_per_word) {
    store(compare_whole(row, other));
    row += bits_per_word * element;
    other += bits_per_word * element;
  }
  store(compare(row, other, elements));
}

}  // namespace hugehist::codec
