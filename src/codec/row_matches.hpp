// What the rows of a plane repeat, found at the speed of memory.
//
// A row is what a chunk holds of one variation. Most variations leave most histograms as they are, so a row is often
// the nominal's bit for bit; where it is not, its zeros are where those of the row before it are. So each row is
// compared with the row before and with the last one that was repeated, and what is neither is searched for runs of
// zeros. That is all that a match finder with hash tables finds in sums of weights, whose mantissas repeat nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/row_layout.hpp"

namespace hugehist::codec {

/// So many bytes as they are, then `length` bytes that are the same as those `distance` before them.
struct match {
  std::uint32_t literals = 0;
  std::uint32_t distance = 0;
  std::uint32_t length = 0;
};

class row_matches {
 public:
  /// The plane, with all rows written out, as matches; what follows the last one is literal. They are there until the
  /// next call. `checksum` is XXH64 of the plane: it is computed in the same pass, while each row is in the nearest
  /// cache. REQUIRES: is_worth_a_look(plane.size(), rows.bytes)
  std::span<const match> find(std::span<const std::byte> plane, const row_layout& rows, std::uint64_t& checksum);

  /// Whether a plane has rows of eight-byte elements, and of a length that is worth the while.
  static bool is_worth_a_look(std::size_t plane_bytes, std::size_t row_bytes) noexcept {
    return row_bytes >= 64 && row_bytes % 8 == 0 && row_bytes < plane_bytes && plane_bytes <= max_plane;
  }

  /// Distances are at most so many bytes, which zstd's window must cover.
  static constexpr std::size_t max_plane = std::size_t{1} << 27;

 private:
  void add_row(const std::byte* row, const std::byte* before);
  void add_match(std::size_t length, std::size_t distance);

  std::vector<match> found_;
  std::size_t literals_ = 0;  // not in found_ yet
  std::size_t row_bytes_ = 0;
  // A bit for each element of the row: as in the row before, 0, either.
  std::vector<std::uint64_t> same_, zero_, known_;
};

}  // namespace hugehist::codec
