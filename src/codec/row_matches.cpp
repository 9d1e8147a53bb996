#include "codec/row_matches.hpp"

#include "base/checksum.hpp"
#include "base/repeat_finder.hpp"
#include "codec/row_bits.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;
/// Fewer zeros than these, where the row before has none, are not worth a match.
constexpr std::size_t min_zeros = 3;

/// The first bit that is `value`, at `from` or later; `size` where there is none.
std::size_t find_bit(const std::vector<std::uint64_t>& bits, std::size_t from, std::size_t size, bool value) noexcept {
  for (auto word = from / bits_per_word; word * bits_per_word < size; ++word) {
    auto here = value ? bits[word] : ~bits[word];
    if (word == from / bits_per_word) here &= ~std::uint64_t{0} << from % bits_per_word;
    if (here != 0) return std::min(size, word * bits_per_word + static_cast<std::size_t>(std::countr_zero(here)));
  }
  return size;
}

bool bit(const std::vector<std::uint64_t>& bits, std::size_t i) noexcept {
  return (bits[i / bits_per_word] >> i % bits_per_word & 1) != 0;
}

}  // namespace

std::span<const match> row_matches::find(std::span<const std::byte> plane, const row_layout& rows,
                                         std::uint64_t& checksum) {
  assert(is_worth_a_look(plane.size(), rows.bytes));
  found_.clear();
  literals_ = 0;
  row_bytes_ = rows.bytes;
  same_.resize(words_for(row_bytes_ / element));
  zero_.resize(same_.size());
  known_.resize(same_.size());
  const auto count = static_cast<std::uint32_t>(plane.size() / row_bytes_);
  const auto at = [&](std::size_t row) { return plane.data() + row * row_bytes_; };
  const auto source_of = [&](std::uint32_t row) { return rows.sources.empty() ? row : rows.sources[row]; };
  const auto next_own = [&, count](std::uint32_t row) {
    while (row < count && source_of(row) != row) ++row;
    return row;
  };

  base::checksum_stream hash;
  base::repeat_finder repeats;
  for (std::uint32_t row = 0, next = 0; row < count; ++row) {
    if (next <= row) next = next_own(row + 1);
    const auto before = repeats.before();
    auto source = source_of(row);
    hash.add({at(source), row_bytes_}, at(next));
    if (source == row)
      source = repeats.next([&](auto other) { return std::memcmp(at(row), at(other), row_bytes_) == 0; });
    else
      repeats.add(source);
    if (source == row)
      add_row(at(row), row > 0 ? at(before) : nullptr);
    else
      add_match(row_bytes_, source == before ? row_bytes_ : (row - source) * row_bytes_);
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
  const auto elements = row_bytes_ / element;
  find_zero_and_same(row, before != nullptr ? before : row, elements, zero_.data(), same_.data());
  if (before == nullptr) std::ranges::fill(same_, 0);
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
