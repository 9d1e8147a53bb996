// zlib streams as HDF5's own deflate filter (number 1) stores them. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace hugehist::codec {

class deflate_coder {
 public:
  deflate_coder();
  ~deflate_coder();

  /// Compresses into `to`, which grows as needed; returns the length of the stream.
  std::size_t encode(std::span<const std::byte> from, int level, std::vector<std::byte>& to);

  /// Throws corruption_error unless `from` is an undamaged stream of exactly `to.size()` bytes.
  void decode(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  struct streams;
  std::unique_ptr<streams> streams_;
};

}  // namespace hugehist::codec
