// Which way to encode a plane: learned from the planes before it.
//
// Planes fall into few classes by the look of a few elements: integers, doubles with short mantissas (counts),
// doubles with long ones (weights). For integers shuffling pays always. For doubles a part of every 32nd plane of a
// class is encoded in every way, and the best one is used until the next such probe.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "codec/row_layout.hpp"

namespace hugehist::codec {

enum class way {
  plain,     ///< the bytes as they are, matches found by the method
  shuffled,  ///< the first bytes of all elements, then the second ones, …
  rows,      ///< the bytes as they are, matches between rows (row_matches)
};

class way_choice {
 public:
  /// How to encode this plane: one way, or several between which learn() chooses.
  std::span<const way> ways(std::span<const std::byte> plane, const row_layout& rows, bool may_match_rows) noexcept;
  /// The best of several ways, given the size that each makes of the same bytes. REQUIRES: ways() gave several
  way learn(std::span<const std::size_t> sizes) noexcept;

 private:
  static constexpr unsigned probe_interval = 32;
  struct memory {
    way best = way::plain;
    unsigned until_probe = 0;
  };
  std::array<memory, 4> classes_;  // short and long mantissas, without and with rows
  memory* probed_ = nullptr;
};

}  // namespace hugehist::codec
