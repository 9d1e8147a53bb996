// zstd frames as HDF5's registered filter 32015 stores them: one frame with content size and checksum.
//
// Contexts are made once and used again. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

extern "C" {
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;
}

namespace hugehist::codec {

class zstd_coder {
 public:
  /// Compresses into `to`, which grows as needed; returns the length of the frame.
  std::size_t encode(std::span<const std::byte> from, int level, std::vector<std::byte>& to);

  /// Throws corruption_error unless `from` is an undamaged frame of exactly `to.size()` bytes.
  void decode(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  struct release {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, release> encoder_;
  std::unique_ptr<ZSTD_DCtx_s, release> decoder_;
};

}  // namespace hugehist::codec
