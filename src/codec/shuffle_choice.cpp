#include "codec/shuffle_choice.hpp"

#include <cstdint>
#include <cstring>

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;
constexpr std::size_t samples = 64;

enum class look { empty, integers, short_mantissas, long_mantissas };

look look_of(std::span<const std::byte> plane) noexcept {
  const auto elements = plane.size() / element;
  const auto step = elements < samples ? 1 : elements / samples;
  bool seen = false, integers = true, short_mantissas = true;
  for (std::size_t i = 0; i < elements; i += step) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, plane.data() + i * element, element);
    if (bits == 0) continue;
    seen = true;
    const auto top = bits >> 48;
    integers = integers && (top == 0 || top == 0xffff);
    short_mantissas = short_mantissas && (bits & 0xffffffff) == 0;
  }
  if (!seen) return look::empty;
  if (integers) return look::integers;
  return short_mantissas ? look::short_mantissas : look::long_mantissas;
}

}  // namespace

shuffle_choice::verdict shuffle_choice::decide(std::span<const std::byte> plane) noexcept {
  const auto seen = look_of(plane);
  if (seen == look::empty) return verdict::plain;
  if (seen == look::integers) return verdict::shuffled;
  auto& known = classes_[seen == look::long_mantissas ? 1 : 0];
  if (known.until_probe == 0) {
    probed_ = &known;
    return verdict::try_both;
  }
  --known.until_probe;
  return known.shuffled ? verdict::shuffled : verdict::plain;
}

void shuffle_choice::learn(std::size_t plain_bytes, std::size_t shuffled_bytes) noexcept {
  // Shuffling costs time on both ways, so a gain under 3 % is none.
  probed_->shuffled = shuffled_bytes < plain_bytes - plain_bytes / 32;
  probed_->until_probe = probe_interval - 1;
}

}  // namespace hugehist::codec
