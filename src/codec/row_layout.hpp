// Rows of a plane that may repeat each other.
#pragma once

#include "base/repeat_finder.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::codec {

/// Rows of one length; with sources they tile the plane.
struct row_layout {
  std::size_t bytes = 0;  ///< of a row; 0: not known
  /// For each row the one that holds its content, itself or an earlier one; empty: each its own. The memory of a row
  /// that another one holds is not looked at.
  std::span<const std::uint32_t> sources = {};

  /// Where the content of that byte of the plane is.
  std::size_t place_of(std::size_t byte) const noexcept {
    const auto row = sources.empty() ? 0 : byte / bytes;
    return sources.empty() ? byte : byte + sources[row] * bytes - row * bytes;
  }
  /// Whether some row is held by another one.
  bool is_shared() const noexcept { return base::has_repeats(sources); }
};

}  // namespace hugehist::codec
