#include "codec/shuffle.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hugehist::codec {
namespace {

constexpr std::size_t width = 8;

#if defined(__SSE2__)

constexpr std::size_t block = 16;  // elements: sixteen bytes in each of the eight byte rows

/// Transposes 8 × 8 words of two bytes.
void transpose(__m128i (&rows)[width]) noexcept {
  __m128i other[width];
  for (int i = 0; i < 4; ++i) {
    other[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
    other[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    rows[2 * i] = _mm_unpacklo_epi16(other[i], other[i + 4]);
    rows[2 * i + 1] = _mm_unpackhi_epi16(other[i], other[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    other[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
    other[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
  }
  for (std::size_t i = 0; i < width; ++i) rows[i] = other[i];
}

/// Shuffles whole blocks; returns how many elements that were.
std::size_t shuffle_blocks(const std::byte* from, std::byte* to, std::size_t elements) noexcept {
  std::size_t done = 0;
  for (; done + block <= elements; done += block) {
    __m128i rows[width];
    for (std::size_t i = 0; i < width; ++i) {
      const auto pair = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done * width) + i);
      // a0 b0 a1 b1 …: a byte pair for each byte position, which then moves as one word
      rows[i] = _mm_unpacklo_epi8(pair, _mm_unpackhi_epi64(pair, pair));
    }
    transpose(rows);
    for (std::size_t j = 0; j < width; ++j)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + j * elements + done), rows[j]);
  }
  return done;
}

std::size_t unshuffle_blocks(const std::byte* from, std::byte* to, std::size_t elements) noexcept {
  const auto low_bytes = _mm_set1_epi16(0x00ff);
  std::size_t done = 0;
  for (; done + block <= elements; done += block) {
    __m128i rows[width];
    for (std::size_t j = 0; j < width; ++j)
      rows[j] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + j * elements + done));
    transpose(rows);
    for (std::size_t i = 0; i < width; ++i) {
      const auto pair = _mm_packus_epi16(_mm_and_si128(rows[i], low_bytes), _mm_srli_epi16(rows[i], 8));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + done * width) + i, pair);
    }
  }
  return done;
}

#else

std::size_t shuffle_blocks(const std::byte*, std::byte*, std::size_t) noexcept { return 0; }
std::size_t unshuffle_blocks(const std::byte*, std::byte*, std::size_t) noexcept { return 0; }

#endif

}  // namespace

void shuffle(const std::byte* from, std::byte* to, std::size_t elements) noexcept {
  const auto done = shuffle_blocks(from, to, elements);
  for (std::size_t j = 0; j < width; ++j)
    for (std::size_t i = done; i < elements; ++i) to[j * elements + i] = from[i * width + j];
}

void unshuffle(const std::byte* from, std::byte* to, std::size_t elements) noexcept {
  const auto done = unshuffle_blocks(from, to, elements);
  for (std::size_t i = done; i < elements; ++i)
    for (std::size_t j = 0; j < width; ++j) to[i * width + j] = from[j * elements + i];
}

}  // namespace hugehist::codec
