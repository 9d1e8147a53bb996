// Arithmetic on sizes that refuses to overflow.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace hugehist::base {

/// a * b. Throws std::invalid_argument, saying what overflowed, when it does not fit 64 bits.
inline std::size_t checked_multiply(std::size_t a, std::size_t b, const char* what) {
  std::size_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw std::invalid_argument{std::string{what} + " does not fit 64 bits: use fewer or shorter axes"};
  return result;
}

/// Product of all factors, 1 for none. Throws as checked_multiply.
inline std::size_t checked_product(std::span<const std::size_t> factors, const char* what) {
  std::size_t result = 1;
  for (auto factor : factors) result = checked_multiply(result, factor, what);
  return result;
}

}  // namespace hugehist::base
