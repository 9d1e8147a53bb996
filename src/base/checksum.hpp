// The checksum under everything that HDF5 leaves unchecked: XXH64 (xxHash, 64 bits).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::base {

/// XXH64 of `bytes` with the given seed; the same on every platform.
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept;

/// The same of bytes that come in parts.
class checksum_stream {
 public:
  explicit checksum_stream(std::uint64_t seed = 0) noexcept;
  void add(std::span<const std::byte> bytes) noexcept { add(bytes, bytes.data()); }
  /// Fetches as many bytes from `later` meanwhile, wherever that is.
  void add(std::span<const std::byte> bytes, const std::byte* later) noexcept;
  std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t stripe = 32;
  void add_stripes(const std::byte* from, std::size_t count, const std::byte* later) noexcept;

  std::uint64_t seed_;
  std::array<std::uint64_t, 4> lanes_;
  std::array<std::byte, stripe> rest_ = {};  // of the last, unfinished stripe
  std::uint64_t size_ = 0;
};

}  // namespace hugehist::base
