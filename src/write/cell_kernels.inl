// Kernels over runs of elements (add, set, compare) and the transposing add; cell_kernels.cpp includes them once for each
// instruction set, inside a namespace that holds `width`, `lanes` and add_square(targets, source, stride, offset), with
// HUGEHIST_TARGET set.

/// As many elements as the instruction set works on at once; of any alignment.
template <class T>
using lanes_of = typename lanes_type<T, width>::type;

template <class T>
HUGEHIST_TARGET void add_run(T* target, const T* source, std::size_t n, const T* later) noexcept {
  std::size_t i = 0;
  for (; i + line <= n; i += line) {
    base::prefetch(later + i);
    for (auto k = i; k < i + line; k += width)
      lanes_at<lanes_of<T>>(target + k) += lanes_at<lanes_of<T>>(source + k);
  }
  base::prefetch(later + i);
  for (; i < n; ++i) target[i] = sum(target[i], source[i]);
}

/// As adding to zeros, which makes 0 of -0.
template <class T>
HUGEHIST_TARGET void set_run(T* target, const T* source, std::size_t n, const T* later) noexcept {
  std::size_t i = 0;
  for (; i + line <= n; i += line) {
    base::prefetch(later + i);
    for (auto k = i; k < i + line; k += width)
      lanes_at<lanes_of<T>>(target + k) = lanes_of<T>{} + lanes_at<lanes_of<T>>(source + k);
  }
  base::prefetch(later + i);
  for (; i < n; ++i) target[i] = sum(T{0}, source[i]);
}

template <class T>
HUGEHIST_TARGET bool is_same_run(const T* a, const T* b, std::size_t n, const T* later) noexcept {
  using bits = lanes_of<std::uint64_t>;
  constexpr std::size_t batch = 8 * line;  // compared without a branch
  const auto whole_lines = n / line * line;
  std::size_t i = 0;
  while (i < whole_lines) {
    bits differing{};
    for (const auto end = std::min(i + batch, whole_lines); i < end; i += line) {
      base::prefetch(later + i);
      for (auto k = i; k < i + line; k += width) differing |= lanes_at<bits>(a + k) ^ lanes_at<bits>(b + k);
    }
    std::uint64_t any = 0;
    for (std::size_t k = 0; k < width; ++k) any |= differing[k];
    if (any != 0) return false;
  }
  base::prefetch(later + i);
  return std::memcmp(a + i, b + i, (n - i) * sizeof(T)) == 0;
}

/// target[c][b] += source[b * stride + c] for `columns` <= lanes columns and n bins.
template <class T>
HUGEHIST_TARGET void add_columns(T* const* targets, const T* source, std::ptrdiff_t stride, std::size_t columns,
                                 std::size_t n) noexcept {
  std::size_t b = 0;
  if (columns == lanes)
    for (; b + lanes <= n; b += lanes) add_square(targets, source + static_cast<std::ptrdiff_t>(b) * stride, stride, b);
  for (std::size_t c = 0; c < columns; ++c)
    for (auto i = b; i < n; ++i)
      targets[c][i] =
          sum(targets[c][i], source[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(c)]);
}
