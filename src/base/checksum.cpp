#include "base/checksum.hpp"

#include "base/prefetch.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

// XXH64 as its specification gives it: four lanes of 64 bits over stripes of 32 bytes, then the tail, then an
// avalanche.

namespace hugehist::base {
namespace {

constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87ULL;
constexpr std::uint64_t prime2 = 0xC2B2AE3D27D4EB4FULL;
constexpr std::uint64_t prime3 = 0x165667B19E3779F9ULL;
constexpr std::uint64_t prime4 = 0x85EBCA77C2B2AE63ULL;
constexpr std::uint64_t prime5 = 0x27D4EB2F165667C5ULL;

template <class T>
std::uint64_t load(const std::byte* from) noexcept {
  static_assert(std::endian::native == std::endian::little, "numbers in the file are little-endian");
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t input) noexcept {
  return std::rotl(lane + input * prime2, 31) * prime1;
}

std::uint64_t merge_lane(std::uint64_t hash, std::uint64_t lane) noexcept {
  return (hash ^ round(0, lane)) * prime1 + prime4;
}

}  // namespace

checksum_stream::checksum_stream(std::uint64_t seed) noexcept
    : seed_{seed}, lanes_{seed + prime1 + prime2, seed + prime2, seed, seed - prime1} {}

void checksum_stream::add_stripes(const std::byte* from, std::size_t count, const std::byte* later) noexcept {
  auto [a, b, c, d] = lanes_;
  for (; count > 0; --count, from += stripe, later += stripe) {
    prefetch(later);
    a = round(a, load<std::uint64_t>(from));
    b = round(b, load<std::uint64_t>(from + 8));
    c = round(c, load<std::uint64_t>(from + 16));
    d = round(d, load<std::uint64_t>(from + 24));
  }
  lanes_ = {a, b, c, d};
}

void checksum_stream::add(std::span<const std::byte> bytes, const std::byte* later) noexcept {
  const auto held = size_ % stripe;
  size_ += bytes.size();
  if (held > 0) {
    const auto n = std::min(stripe - held, bytes.size());
    std::ranges::copy(bytes.first(n), rest_.begin() + static_cast<std::ptrdiff_t>(held));
    if (held + n < stripe) return;
    add_stripes(rest_.data(), 1, later);
    bytes = bytes.subspan(n);
  }
  add_stripes(bytes.data(), bytes.size() / stripe, later);
  std::ranges::copy(bytes.last(bytes.size() % stripe), rest_.begin());
}

std::uint64_t checksum_stream::value() const noexcept {
  std::uint64_t hash = seed_ + prime5;
  if (size_ >= stripe) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (const auto lane : lanes_) hash = merge_lane(hash, lane);
  }
  hash += size_;
  const std::byte* at = rest_.data();
  auto left = size_ % stripe;
  for (; left >= 8; left -= 8, at += 8)
    hash = std::rotl(hash ^ round(0, load<std::uint64_t>(at)), 27) * prime1 + prime4;
  if (left >= 4) {
    hash = std::rotl(hash ^ (load<std::uint32_t>(at) * prime1), 23) * prime2 + prime3;
    left -= 4;
    at += 4;
  }
  for (; left > 0; --left, ++at) hash = std::rotl(hash ^ (load<std::uint8_t>(at) * prime5), 11) * prime1;
  hash = (hash ^ (hash >> 33)) * prime2;
  hash = (hash ^ (hash >> 29)) * prime3;
  return hash ^ (hash >> 32);
}

std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  checksum_stream stream{seed};
  stream.add(bytes);
  return stream.value();
}

}  // namespace hugehist::base
