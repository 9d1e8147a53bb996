// Body of the checks; number_checks.cpp includes it once for each instruction set, inside a namespace, with
// HUGEHIST_TARGET set. There is no early exit, and flags are as wide as the numbers: that is what vectorises.

template <requirement required, class T>
HUGEHIST_TARGET bool any_bad(const T* numbers, std::size_t n) noexcept {
  flag_of<T> found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = numbers[i];
    if constexpr (required == requirement::not_nan)
      found |= x != x ? -1 : 0;
    else if constexpr (required == requirement::finite)
      found |= x - x != 0 ? -1 : 0;  // NaN for NaN and infinities
    else
      found |= (std::trunc(x) == x ? 0 : -1) | (x >= T{-0x1p63} ? 0 : -1) | (x < T{0x1p63} ? 0 : -1);
  }
  return found != 0;
}

template <class T>
HUGEHIST_TARGET bool any_bad_of(const T* numbers, std::size_t n, requirement required) noexcept {
  switch (required) {
    case requirement::none:
      return false;
    case requirement::not_nan:
      return any_bad<requirement::not_nan>(numbers, n);
    case requirement::finite:
      return any_bad<requirement::finite>(numbers, n);
    case requirement::whole_number:
      break;
  }
  return any_bad<requirement::whole_number>(numbers, n);
}
