// Whether all numbers of a run are what a fill may add: every weight passes here before anything changes.
//
// Nothing here allocates or throws; any thread may call.
#pragma once

#include <cstddef>

namespace hugehist::write {

/// What the numbers must be: int storage takes whole numbers within int64.
enum class requirement { none, not_nan, finite, whole_number };

/// True where one of the `n` numbers is not as required.
bool any_bad(const double* numbers, std::size_t n, requirement required) noexcept;
bool any_bad(const float* numbers, std::size_t n, requirement required) noexcept;

}  // namespace hugehist::write
