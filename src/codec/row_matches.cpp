#include "codec/row_matches.hpp"

#include "base/checksum.hpp"
#include "base/prefetch.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;
constexpr std::size_t word_bits = 64;

/// Fewer zeros than these, where the row before has none, are not worth a match.
constexpr std::size_t min_zeros = 3;

/// Which of two elements are equal, as two bits.
#if defined(__SSE2__)
unsigned equal_pair(const std::byte* a, const std::byte* b) noexcept {
  const auto x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a));
  const auto y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
  const auto halves = _mm_cmpeq_epi32(x, y);
  const auto swapped = _mm_shuffle_epi32(halves, _MM_SHUFFLE(2, 3, 0, 1));
  return static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(_mm_and_si128(halves, swapped))));
}
#else
unsigned equal_pair(const std::byte* a, const std::byte* b) noexcept {
  return static_cast<unsigned>(std::memcmp(a, b, element) == 0) |
         static_cast<unsigned>(std::memcmp(a + element, b + element, element) == 0) << 1;
}
#endif

/// Sets a bit for each element of `a` that is the one of `b`; `step` is 2 × element, or 0 for comparing all with the
/// same two.
void mark_equal(const std::byte* a, const std::byte* b, std::size_t step, std::size_t elements,
                std::vector<std::uint64_t>& bits) noexcept {
  for (std::size_t begin = 0, word = 0; begin < elements; begin += word_bits, ++word) {
    const auto end = std::min(elements, begin + word_bits);
    std::uint64_t made = 0;
    std::size_t i = begin;
    for (; i + 2 <= end; i += 2, a += 2 * element, b += step) made |= std::uint64_t{equal_pair(a, b)} << (i - begin);
    if (i < end) made |= static_cast<std::uint64_t>(std::memcmp(a, b, element) == 0) << (i - begin);
    bits[word] = made;
  }
}

/// The first bit that is `value`, at `from` or later; `size` where there is none.
std::size_t find_bit(const std::vector<std::uint64_t>& bits, std::size_t from, std::size_t size, bool value) noexcept {
  for (auto word = from / word_bits; word * word_bits < size; ++word) {
    auto here = value ? bits[word] : ~bits[word];
    if (word == from / word_bits) here &= ~std::uint64_t{0} << from % word_bits;
    if (here != 0) return std::min(size, word * word_bits + static_cast<std::size_t>(std::countr_zero(here)));
  }
  return size;
}

bool bit(const std::vector<std::uint64_t>& bits, std::size_t i) noexcept {
  return (bits[i / word_bits] >> i % word_bits & 1) != 0;
}

}  // namespace

std::span<const match> row_matches::find(std::span<const std::byte> plane, const row_layout& rows,
                                         std::uint64_t& checksum) {
  assert(is_worth_a_look(plane.size(), rows.bytes));
  found_.clear();
  literals_ = 0;
  row_bytes_ = rows.bytes;
  same_.resize(row_bytes_ / element / word_bits + 1);
  zero_.resize(same_.size());
  known_.resize(same_.size());
  const auto at = [&](std::size_t row) { return plane.data() + row * row_bytes_; };
  const auto source_of = [&](std::size_t row) { return rows.sources.empty() ? row : rows.sources[row]; };

  base::checksum_stream hash;
  const auto count = plane.size() / row_bytes_;
  std::size_t before = 0, repeated = 0;  // which rows hold the content of the row before, and of the last repeated one
  for (std::size_t row = 0; row < count; ++row) {
    auto source = source_of(row);
    if (row + 2 < count) base::prefetch(at(source_of(row + 2)), row_bytes_);
    hash.add({at(source), row_bytes_});
    if (source == row && row > 0) {
      const auto repeats = [&](std::size_t other) { return std::memcmp(at(row), at(other), row_bytes_) == 0; };
      if (repeats(before))
        source = before;
      else if (repeated != before && repeats(repeated))
        source = repeated;
    }
    if (source == row) {
      add_row(at(row), row > 0 ? at(before) : nullptr);
    } else {
      add_match(row_bytes_, source == before ? row_bytes_ : (row - source) * row_bytes_);
      repeated = source;
    }
    before = source;
  }
  hash.add(plane.subspan(count * row_bytes_));
  checksum = hash.value();
  return found_;
}

void row_matches::add_match(std::size_t length, std::size_t distance) {
  if (literals_ == 0 && !found_.empty() && found_.back().distance == distance) {
    found_.back().length += static_cast<std::uint32_t>(length);
    return;
  }
  found_.push_back({static_cast<std::uint32_t>(literals_), static_cast<std::uint32_t>(distance),
                    static_cast<std::uint32_t>(length)});
  literals_ = 0;
}

/// A row that is no other's copy: what is equal in the row before, then what is zero, then the rest as it is.
void row_matches::add_row(const std::byte* row, const std::byte* before) {
  static constexpr std::byte zeros[2 * element] = {};
  const auto elements = row_bytes_ / element;
  mark_equal(row, zeros, 0, elements, zero_);
  if (before != nullptr)
    mark_equal(row, before, 2 * element, elements, same_);
  else
    std::ranges::fill(same_, 0);
  for (std::size_t word = 0; word < known_.size(); ++word) known_[word] = zero_[word] | same_[word];
  for (std::size_t i = 0; i < elements;) {
    if (bit(same_, i)) {
      const auto end = find_bit(same_, i, elements, false);
      add_match((end - i) * element, row_bytes_);
      i = end;
    } else if (bit(zero_, i)) {
      const auto end = find_bit(zero_, i, elements, false);
      literals_ += element;
      if (end - i >= min_zeros)
        add_match((end - i - 1) * element, element);
      else
        literals_ += (end - i - 1) * element;
      i = end;
    } else {
      const auto end = find_bit(known_, i, elements, true);
      literals_ += (end - i) * element;
      i = end;
    }
  }
}

}  // namespace hugehist::codec
