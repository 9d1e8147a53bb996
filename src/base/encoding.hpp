// How a plane of a chunk is encoded, and what comes of it: the values that the codec makes and the store keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hugehist::codec {

enum class method { none, zstd, gzip };

struct settings {
  codec::method method = codec::method::zstd;
  int level = default_level(codec::method::zstd);

  /// zstd -1 codes 1.5 and decodes 1.9 times as fast as 1, for 5 % more bytes (docs/rationale.md).
  static constexpr int default_level(codec::method method) noexcept {
    return method == codec::method::gzip ? 4 : method == codec::method::zstd ? -1 : 0;
  }
  bool operator==(const settings&) const = default;
};

/// A chunk's plane as it is stored.
struct encoded_chunk {
  std::vector<std::byte> bytes;
  std::uint32_t filter_mask = 0;
};

}  // namespace hugehist::codec
