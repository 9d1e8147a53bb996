// Axes in the compact form of a delta (docs/format-delta.md).
#pragma once

#include "base/byte_stream.hpp"

#include <hugehist/axis.hpp>

namespace hugehist::write {

/// Labels of growing axes are left out: the delta's label table has them.
void put_axis(base::byte_writer& to, const axis::any& axis);
/// Throws corruption_error for what is no axis.
axis::any get_axis(base::byte_reader& from);

}  // namespace hugehist::write
