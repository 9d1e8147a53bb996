#include "write/number_checks.hpp"

#include "base/simd.hpp"

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace hugehist::write {
namespace {

template <class T>
using flag_of = std::conditional_t<sizeof(T) == sizeof(std::int64_t), std::int64_t, std::int32_t>;

namespace baseline {
#define HUGEHIST_TARGET
#include "write/number_checks.inl"
#undef HUGEHIST_TARGET
}  // namespace baseline

#if HUGEHIST_X86_KERNELS
namespace avx2 {
#define HUGEHIST_TARGET __attribute__((target("avx2")))
#include "write/number_checks.inl"
#undef HUGEHIST_TARGET
}  // namespace avx2
#endif

template <class T>
bool dispatch(const T* numbers, std::size_t n, requirement required) noexcept {
#if HUGEHIST_X86_KERNELS
  if (base::best_instruction_set() != base::instruction_set::baseline) return avx2::any_bad_of(numbers, n, required);
#endif
  return baseline::any_bad_of(numbers, n, required);
}

}  // namespace

bool any_bad(const double* numbers, std::size_t n, requirement required) noexcept {
  return dispatch(numbers, n, required);
}

bool any_bad(const float* numbers, std::size_t n, requirement required) noexcept {
  return dispatch(numbers, n, required);
}

}  // namespace hugehist::write
