// What two rows have in common, as bits: for each eight-byte element whether it is 0, and whether the other row has it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hugehist::codec {

inline constexpr std::size_t bits_per_word = 64;

/// Words of bits for so many elements, and one more, which is 0.
constexpr std::size_t words_for(std::size_t elements) noexcept { return elements / bits_per_word + 1; }

/// Bit i of `zero` and of `same`, of words_for(elements) words each: whether element i of `row` is 0, and whether it is
/// the one of `other`. Bits behind the last element are 0.
void find_zero_and_same(const std::byte* row, const std::byte* other, std::size_t elements, std::uint64_t* zero,
                        std::uint64_t* same) noexcept;

}  // namespace hugehist::codec
