// What a histogram is, apart from its content: the part of a file that the UHI schema describes.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/selector.hpp>
#include <hugehist/storage.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace hugehist::model {

struct schema {
  std::vector<axis::any> axes;
  storage kind = storage::double_;
  metadata_map metadata = {};
  bool variance_known = true;  ///< false for double storage once weights were filled

  bool operator==(const schema&) const = default;
};

/// Extents (flow bins included) of all axes.
std::vector<std::size_t> extents(const std::vector<axis::any>& axes);

/// Positions of the category axes, and of the others, in axis order.
std::vector<std::size_t> category_axes(const std::vector<axis::any>& axes);
std::vector<std::size_t> dense_axes(const std::vector<axis::any>& axes);

/// How messages call an axis: by its name, else by its position.
std::string describe(const axis::any& axis, std::size_t position);

/// Position of an axis. Throws key_error, for a name with those there are; `owner` is what it calls the histogram.
std::size_t find_axis(const std::vector<axis::any>& axes, const axis_reference& which, const std::string& owner);

/// Whether one histogram can have been both, `before` and then `after`: they differ in labels of growing axes only, and
/// those from before come first.
bool has_grown_to(const schema& before, const schema& after);

/// Throws std::invalid_argument when the axes make no histogram that can be kept: more than 32 axes, names
/// that repeat, a number of bins times eight bytes that does not fit 63 bits.
void validate(const schema& schema);

}  // namespace hugehist::model
