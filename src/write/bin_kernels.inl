// Body of the binning kernels; bin_kernels.cpp includes it once for each instruction set, inside a namespace,
// with HUGEHIST_TARGET set. Conditions are written as selections of values: that is what vectorises.

/// From an index of Boost.Histogram (-1 is underflow, `bins` is overflow) to an offset.
HUGEHIST_TARGET inline std::uint32_t to_offset(std::int32_t index, std::int32_t bins, bin_flow flow) noexcept {
  const auto bin = static_cast<std::uint32_t>(index + (flow.underflow ? 1 : 0));
  const auto extent = static_cast<std::uint32_t>(bins + (flow.underflow ? 1 : 0) + (flow.overflow ? 1 : 0));
  return bin < extent ? bin * flow.stride : event_rows::dropped;
}

/// One by one; compilers find too many branches in it to vectorise it by themselves.
HUGEHIST_TARGET inline void regular_singly(const double* x, std::size_t n, double lower, double upper,
                                           std::int32_t bins, bin_flow flow, std::uint32_t* offsets) noexcept {
  const auto delta = upper - lower;
  const auto size = static_cast<double>(bins);
  const auto at_upper_edge = flow.overflow ? size : size - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const auto z = (x[i] - lower) / delta;
    const auto scaled = z * size;
    const auto inside = z >= 0 ? scaled : -1.0;
    const auto above = z == 1 ? at_upper_edge : size;  // NaN comes here too
    offsets[i] = to_offset(static_cast<std::int32_t>(z < 1 ? inside : above), bins, flow);
  }
}

HUGEHIST_TARGET inline void integers(const std::int32_t* x, std::size_t n, std::int32_t lower, std::int32_t upper,
                                     bin_flow flow, std::uint32_t* offsets) noexcept {
  const auto bins = upper - lower;
  for (std::size_t i = 0; i < n; ++i) {
    const auto inside = static_cast<std::int32_t>(static_cast<std::uint32_t>(x[i]) - static_cast<std::uint32_t>(lower));
    const auto index = x[i] < lower ? -1 : x[i] >= upper ? bins : inside;
    offsets[i] = to_offset(index, bins, flow);
  }
}

HUGEHIST_TARGET inline void combine(std::uint32_t* bins, const std::uint32_t* offsets, std::size_t n,
                                    bool may_drop) noexcept {
  constexpr auto dropped = event_rows::dropped;
  if (may_drop)
    for (std::size_t i = 0; i < n; ++i)
      bins[i] = ((bins[i] == dropped) | (offsets[i] == dropped)) != 0 ? dropped : bins[i] + offsets[i];
  else
    for (std::size_t i = 0; i < n; ++i) bins[i] += offsets[i];
}
