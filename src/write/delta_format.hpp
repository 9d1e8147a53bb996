// The constants of a delta's compact form; docs/format-delta.md describes it byte by byte.
//
//   prelude   64 bytes, fixed: magic, version, sizes, checksums
//   head      one frame: axes, labels, variations, and a list of blocks and of frames
//   body      frames with the cells, one after another
//
// A frame is what codec::coder makes of a multiple of eight bytes.
#pragma once

#include "base/encoding.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace hugehist::write::delta_format {

inline constexpr std::array<char, 8> magic = {'\x89', 'H', 'H', 'D', 'E', 'L', 'T', '\n'};
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t prelude_bytes = 64;

inline constexpr codec::settings settings = {codec::method::zstd, 1};
/// For sums of weights, whose mantissas no level packs: below 0 rows are compared, not searched.
inline constexpr codec::settings weight_settings = {codec::method::zstd, -1};

/// A frame takes blocks until it is so large; a larger block has a frame of its own.
inline constexpr std::size_t frame_bytes = std::size_t{1} << 18;

/// No content takes more memory than so many times the bytes it came from. zstd itself reaches 32768 at most, and a
/// block's row codes take no more than half of what its cells take; sparse blocks are given up where they exceed it.
inline constexpr std::size_t max_expansion = 65'536;

/// What a reader takes for the head is at most so many times its decoded size: for the head itself, shuffled and not,
/// axes, labels under hashes, lists, and blocks without their cells.
inline constexpr std::size_t head_memory = 32;

enum form : std::uint8_t {
  dense = 0,    ///< each plane: rows * bins elements, a row's bins side by side
  sparse = 1,   ///< positions (row * bins + bin) of the cells that are not zero, then their elements, plane by plane
  few = 2,      ///< a bin for each event, then the events' weights and, of means, samples
  few_bins = 3  ///< a bin for each weight, then the weights and, of means, samples
};

inline constexpr std::uint32_t flag_variance_known = 1;
inline constexpr std::uint32_t no_list = 0;  ///< lists of variations count from 1

}  // namespace hugehist::write::delta_format
