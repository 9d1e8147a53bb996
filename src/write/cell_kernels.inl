// Body of the transposing add; cell_kernels.cpp includes it once for each instruction set, inside a namespace
// that holds `lanes` and add_square(source, stride, targets, offset), with HUGEHIST_TARGET set.

template <class T>
HUGEHIST_TARGET void add_run(T* target, const T* source, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) target[i] = sum(target[i], source[i]);
}

/// As adding to zeros, which makes 0 of -0.
template <class T>
HUGEHIST_TARGET void set_run(T* target, const T* source, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) target[i] = sum(T{0}, source[i]);
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
