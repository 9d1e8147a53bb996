#include "codec/fletcher.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace hugehist::codec {
namespace {

constexpr std::size_t lanes = 16;        // words that are added side by side: two or four vectors
constexpr std::size_t most_steps = 360;  // then the sum of sums of a lane has nearly 32 bits
constexpr std::uint64_t modulus = 65535;

using row = std::array<std::uint16_t, lanes>;

/// Sums of words, and of these sums, modulo 65535; a sum that is not zero is never 0 (HDF5 folds the carries in).
struct sums {
  std::uint64_t words = 0, sums = 0;

  void add(const row* rows, std::size_t steps) noexcept {
    std::array<std::uint32_t, lanes> first{}, second{};
    for (std::size_t step = 0; step < steps; ++step)
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        first[lane] += rows[step][lane];
        second[lane] += first[lane];
      }
    sums += steps * lanes * words;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      words += first[lane];
      // A word stands in the sums from its place on to the last of these rows.
      sums += lanes * std::uint64_t{second[lane]} - lane * std::uint64_t{first[lane]};
    }
    words = reduced(words);
    sums = reduced(sums);
  }
  void add(std::uint16_t word) noexcept {
    words = reduced(words + word);
    sums = reduced(sums + words);
  }

  static std::uint64_t reduced(std::uint64_t sum) noexcept { return sum == 0 ? 0 : (sum - 1) % modulus + 1; }
};

/// The sum of words with their bytes in the other order, which is what the standard wants of our little-endian ones.
std::uint32_t swapped(std::uint64_t sum) noexcept {
  return static_cast<std::uint32_t>((sum & 0xff) << 8 | (sum >> 8 & 0xff));
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes) noexcept {
  assert(bytes.size() % 2 == 0);
  sums result;
  std::array<row, most_steps> rows;
  for (; bytes.size() >= sizeof(row);) {
    const auto steps = std::min(most_steps, bytes.size() / sizeof(row));
    std::memcpy(rows.data(), bytes.data(), steps * sizeof(row));
    result.add(rows.data(), steps);
    bytes = bytes.subspan(steps * sizeof(row));
  }
  for (; !bytes.empty(); bytes = bytes.subspan(2)) {
    std::uint16_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    result.add(word);
  }
  return swapped(result.sums) << 16 | swapped(result.words);
}

}  // namespace hugehist::codec
