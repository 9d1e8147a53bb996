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

/// REQUIRES: version 2 or 3
void sum_superblock(std::span<std::byte> superblock) noexcept {
  const auto length = superblock.size() - 4;
  const auto checksum = lookup3(superblock.first(length));
  for (std::size_t i = 0; i < 4; ++i) superblock[length + i] = static_cast<std::byte>(checksum >> (8 * i));
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

std::size_t superblock_length(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t old_length = 96;
  if (bytes.size() < old_length || std::memcmp(bytes.data(), signature.data(), signature.size()) != 0) return 0;
  const auto version = std::to_integer<unsigned>(bytes[8]);
  if (version != 2 && version != 3) return old_length;
  // Signature, version, size of offsets, size of lengths, flags; four addresses; the checksum.
  const auto length = 12 + 4 * std::to_integer<std::size_t>(bytes[9]) + 4;
  return length <= bytes.size() ? length : 0;
}

bool mark_superblock(std::span<std::byte> superblock, bool is_written) noexcept {
  constexpr std::size_t version_at = 8, flags_at = 11;
  constexpr auto newest = std::byte{3}, written = std::byte{1}, swmr = std::byte{4};
  if (superblock.size() < flags_at + 1) return false;
  auto &version = superblock[version_at], &flags = superblock[flags_at];
  if (version != std::byte{2} && version != newest) return false;
  if (is_written) {
    version = newest;  // of the same layout
    flags |= written;
  } else if (version == newest) {
    flags &= ~(written | swmr);
  }
  sum_superblock(superblock);
  return true;
}

void set_superblock_end(std::span<std::byte> superblock, std::uint64_t end) noexcept {
  if (superblock.size() < 12) return;
  const auto version = std::to_integer<unsigned>(superblock[8]);
  const bool is_summed = version == 2 || version == 3;
  // The third of four addresses.
  const auto address = std::to_integer<std::size_t>(superblock[is_summed ? 9 : 13]);
  const auto at = (is_summed ? 12 : version == 0 ? 24 : 28) + 2 * address;
  if (address > sizeof end || at + address > superblock.size()) return;
  std::memcpy(superblock.data() + at, &end, address);
  if (is_summed) sum_superblock(superblock);
}

void mend_superblock(std::span<std::byte> image) noexcept {
  const auto block = image.subspan(find_superblock(image));
  const auto length = superblock_length(block);
  if (length > 0 && (block[8] == std::byte{2} || block[8] == std::byte{3})) sum_superblock(block.first(length));
}

}  // namespace hugehist::store::hdf5
