// One plane of a chunk to bytes and back, as the HDF5 filters of the dataset declare it.
//
// The pipeline is shuffle (HDF5 filter 2), then zstd (registered filter 32015) or deflate (filter 1); or, where nothing
// is compressed, deflate alone, at level 0, for its checksum. Bit i of the filter mask set means that filter i was left
// out for this chunk. zstd output is one frame with content size and frame checksum, which h5py with hdf5plugin reads;
// deflate's has one of its own. A coder keeps scratch memory and compression contexts, so give each thread its own.
#pragma once

#include "base/encoding.hpp"
#include "codec/row_layout.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::codec {

/// Throws std::invalid_argument for a level that the method does not have.
void validate(const settings& settings);

class coder {
 public:
  coder();
  ~coder();
  coder(coder&&) noexcept;
  coder& operator=(coder&&) noexcept;

  /// Encodes a plane of eight-byte elements. Which way is best is measured on the data. What does not
  /// compress keeps its frame all the same (a few bytes): without it the chunk would have no checksum.
  /// The result is the coder's (or `plane` itself) and there until the next call.
  encoded_view encode(std::span<const std::byte> plane, const settings& settings, const row_layout& rows = {});

  /// Decodes into `plane`, whose size is the plane's. Throws corruption_error, without naming the chunk
  /// (the caller does), when the bytes are damaged or of another size.
  void decode(std::span<const std::byte> bytes, std::uint32_t filter_mask, const settings& settings,
              std::span<std::byte> plane);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace hugehist::codec
