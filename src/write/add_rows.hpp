// Adds all rows of a chunk, of which equal ones are kept once (chunk/row_sources.hpp).
#pragma once

#include "chunk/cache.hpp"

#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::write {

/// A row for each row of a chunk, in its order. Row r of plane p begins at element offset + rows[r] * row_stride of
/// planes[p].
struct whole_rows {
  storage kind = storage::double_;
  std::array<const std::byte*, max_planes> planes = {};
  std::ptrdiff_t offset = 0;
  std::ptrdiff_t row_stride = 0;
  std::span<const std::uint32_t> rows;
  std::size_t elements = 0;  ///< of a row, side by side
};

/// Marks the chunk dirty and adds. What equal rows hold is written once, and read once as long as they stay equal.
/// REQUIRES: is_additive(rows.kind)
void add_rows(const whole_rows& rows, chunk::pinned_chunk& pin) noexcept;

}  // namespace hugehist::write
