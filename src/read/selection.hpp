// What a view shows of a histogram: a map for each of its axes, and the axes that come of it.
//
// Picking, slicing, rebinning, summing and scaling are maps, and maps compose. A plain value.
#pragma once

#include "read/select_axis.hpp"

#include <hugehist/axis.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/selector.hpp>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace hugehist::read {

struct selection {
  std::string owner;               ///< what messages call the histogram
  std::vector<axis::any> axes;     ///< of the result
  std::vector<std::size_t> order;  ///< for each of them, the axis of the histogram that it comes from
  std::vector<axis_map> maps;      ///< for each axis of the histogram

  static selection whole(std::vector<axis::any> axes, std::string owner);

  /// Position among `axes`. Throws key_error with the names there are.
  std::size_t find(const axis_reference& reference) const;

  void select(std::span<const axis_selector> parts);
  void project(std::span<const axis_reference> kept);
  void scale(const axis_reference& axis, std::span<const double> factors);
  void scale(const axis_reference& axis, const std::map<std::string, double>& factors);

  /// The content as it is read, with one length for each axis of the histogram, in the order of `axes`.
  dense_planes arrange(dense_planes content) const;

 private:
  std::string describe(std::size_t which) const;
  void apply(std::vector<selected_axis> parts);
  void multiply(std::size_t which, std::vector<double> factors);
};

}  // namespace hugehist::read
