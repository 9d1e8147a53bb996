// Reports of checks as Python's values.
#pragma once

#include "bindings.hpp"

#include <hugehist/integrity.hpp>

namespace hugehist::python {

/// (damaged, omitted, chunks, bytes); damaged has (histogram, roll-up, bins, plane, reason, text) for each.
py::tuple report_to(const verify_report& report);

}  // namespace hugehist::python
