// zstd frames as HDF5's registered filter 32015 stores them: one frame with content size and checksum.
//
// Contexts are made once and used again. One thread at a time.
#pragma once

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_Sequence
#include <zstd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codec/row_matches.hpp"

namespace hugehist::codec {

class zstd_coder {
 public:
  /// Compresses into `to`, which grows as needed; returns the length of the frame.
  std::size_t encode(std::span<const std::byte> from, int level, std::vector<std::byte>& to);
  /// The same with the matches that rows give, instead of zstd's own search. Nothing where rows are shared and zstd
  /// looked at their memory, as it does when a block does not compress: then they have to be written out.
  /// REQUIRES: row_matches::is_worth_a_look(from.size(), rows.bytes)
  std::optional<std::size_t> encode_rows(std::span<const std::byte> from, const row_layout& rows,
                                         std::vector<std::byte>& to);

  /// Throws corruption_error unless `from` is an undamaged frame of exactly `to.size()` bytes.
  void decode(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  struct release {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  ZSTD_CCtx_s* encoder();

  std::unique_ptr<ZSTD_CCtx_s, release> encoder_;
  row_matches rows_;
  std::vector<ZSTD_Sequence> sequences_;
  std::unique_ptr<ZSTD_DCtx_s, release> decoder_;
};

}  // namespace hugehist::codec
