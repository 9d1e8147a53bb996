#include "store/hdf5/superblock.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::array<unsigned char, 8> signature{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/// Begin of the superblock: 0, or a power of two from 512 on where there is a user block before it.
std::size_t find_superblock(std::span<const std::byte> image) noexcept {
  for (std::size_t at = 0; at + 64 <= image.size(); at = at == 0 ? 512 : 2 * at)
    if (std::memcmp(image.data() + at, signature.data(), signature.size()) == 0) return at;
  return image.size();
}

/// Up to twelve bytes as three little-endian words.
std::array<std::uint32_t, 3> words(std::span<const std::byte> bytes) noexcept {
  std::array<std::uint32_t, 3> result{};
  for (std::size_t i = 0; i < bytes.size() && i < 12; ++i)
    result[i / 4] |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * (i % 4));
  return result;
}

}  // namespace

std::uint32_t lookup3(std::span<const std::byte> bytes) noexcept {
  std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size()), b = a, c = a;
  const auto add = [&](std::span<const std::byte> block) {
    const auto [x, y, z] = words(block);
    a += x;
    b += y;
    c += z;
  };
  for (; bytes.size() > 12; bytes = bytes.subspan(12)) {
    add(bytes);
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  if (bytes.empty()) return c;
  add(bytes);
  c ^= b, c -= std::rotl(b, 14);
  a ^= c, a -= std::rotl(c, 11);
  b ^= a, b -= std::rotl(a, 25);
  c ^= b, c -= std::rotl(b, 16);
  a ^= c, a -= std::rotl(c, 4);
  b ^= a, b -= std::rotl(a, 14);
  c ^= b, c -= std::rotl(b, 24);
  return c;
}

void mend_superblock(std::span<std::byte> image) noexcept {
  const auto block = image.subspan(find_superblock(image));
  if (block.empty()) return;
  const auto version = std::to_integer<unsigned>(block[8]);
  if (version != 2 && version != 3) return;
  // Signature, version, size of offsets, size of lengths, flags; four addresses; the checksum.
  const auto length = 12 + 4 * std::to_integer<std::size_t>(block[9]);
  if (length + 4 > block.size()) return;
  const auto checksum = lookup3(block.first(length));
  for (std::size_t i = 0; i < 4; ++i) block[length + i] = static_cast<std::byte>(checksum >> (8 * i));
}

}  // namespace hugehist::store::hdf5
