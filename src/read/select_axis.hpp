// One axis and what is taken along it: where its bins go, and the axis that is left.
//
// The rules are those of boost-histogram (its documentation, "Indexing"), flow bins included. Plain functions.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/selector.hpp>

#include <optional>

namespace hugehist::read {

struct selected_axis {
  axis_map map;
  std::optional<axis::any> left;  ///< nothing where one bin is left
};

/// Throws key_error for a label that is not there, std::out_of_range for a bin, std::invalid_argument for what such an
/// axis cannot do; messages name the axis.
selected_axis select_axis(const axis::any& axis, const selector& take);

/// First `first`, then `second` on its result.
axis_map compose(const axis_map& first, const axis_map& second);

}  // namespace hugehist::read
