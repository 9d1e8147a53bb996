// What to read of a histogram: for each axis, where each of its bins goes.
//
// A map sends every storage bin of an axis (flow bins included) to a bin of the result or drops it; bins
// that share a target are added. Picking, slicing, rebinning, summing, projecting and picking lists of
// labels are all of this form, and maps compose. Maps are plain values.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/export.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace hugehist {

/// Where the bins of one axis go.
struct HUGEHIST_EXPORT axis_map {
  static constexpr std::int32_t dropped = -1;

  std::vector<std::int32_t> target;  ///< one for each storage bin: a bin of the result, or `dropped`
  std::size_t extent = 0;            ///< number of bins in the result
  std::vector<double> factor = {};   ///< empty, or one for each storage bin: scales values, its square variances

  /// Every bin to itself.
  static axis_map all(std::size_t extent);
  /// Every bin, flow bins too, to one: what `sum` and a projection do.
  static axis_map sum(std::size_t extent);
  /// One bin, by its position in storage. Throws std::out_of_range.
  static axis_map pick(std::size_t extent, std::size_t bin);
  /// The bins listed, in that order. Throws std::out_of_range; std::invalid_argument when one repeats.
  static axis_map list(std::size_t extent, std::span<const std::size_t> bins);

  bool operator==(const axis_map&) const = default;
};

/// The content of a histogram, or of a part of it, in memory: one C-order array for each plane.
struct HUGEHIST_EXPORT dense_planes {
  /// int64 for planes of integers that no factor scaled, else float64.
  using plane = std::variant<std::vector<double>, std::vector<std::int64_t>>;

  std::vector<std::size_t> shape;  ///< one length for each axis of the histogram: 1 where it was summed or picked
  std::vector<plane> planes;
};

}  // namespace hugehist
