#include "base/simd.hpp"
#include "catch.hpp"
#include "write/number_checks.hpp"

#include <cstddef>
#include <limits>
#include <vector>

using namespace hugehist;
using write::requirement;

namespace {

/// One number among good ones, at every place of runs of every short length, by every set of instructions.
template <class T>
bool is_found(T number, requirement required) {
  std::size_t found = 0, asked = 0;
  for (int set = 0; set < 3; ++set) {
    base::newest_instruction_set = static_cast<base::instruction_set>(set);
    for (std::size_t n = 1; n < 40; ++n) {
      std::vector<T> numbers(n, T{3});
      REQUIRE_FALSE(write::any_bad(numbers.data(), n, required));
      for (std::size_t i = 0; i < n; ++i, ++asked) {
        numbers[i] = number;
        found += write::any_bad(numbers.data(), n, required) ? 1 : 0;
        numbers[i] = T{3};
      }
    }
  }
  base::newest_instruction_set = base::instruction_set::avx512;
  REQUIRE((found == 0 || found == asked));
  return found != 0;
}

template <class T>
void check_kinds() {
  constexpr auto nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
  constexpr auto largest = std::numeric_limits<T>::max(), denormal = std::numeric_limits<T>::denorm_min();
  for (auto number : {nan, infinity, -infinity, largest, denormal, T{0.5}, T{-0x1p63}, T{0x1p63}}) {
    CAPTURE(number);
    const bool is_nan = number != number, is_infinite = number == infinity || number == -infinity;
    CHECK_FALSE(is_found(number, requirement::none));
    CHECK(is_found(number, requirement::not_nan) == is_nan);
    CHECK(is_found(number, requirement::finite) == (is_nan || is_infinite));
    CHECK(is_found(number, requirement::whole_number) == (number != T{-0x1p63}));
  }
  for (auto number : {T{0}, -T{0}, T{-7}, T{0x1p62}}) CHECK_FALSE(is_found(number, requirement::whole_number));
}

}  // namespace

TEST_CASE("Numbers that a fill refuses are found wherever they are") {
  check_kinds<double>();
  check_kinds<float>();
}
