// Body of the fill kernels; fill_kernels.cpp includes it once for each instruction set, inside a namespace
// that holds add_weighted_row(cells, weights, n), with HUGEHIST_TARGET set to the target attribute.

template <class W>
HUGEHIST_TARGET inline void add_row(integer_cells, std::int64_t* cells, const W* weights, std::size_t n) noexcept {
  for (std::size_t j = 0; j < n; ++j) cells[j] += static_cast<std::int64_t>(weights[j]);
}
template <class W>
HUGEHIST_TARGET inline void add_row(double_cells, double* cells, const W* weights, std::size_t n) noexcept {
  for (std::size_t j = 0; j < n; ++j) cells[j] += static_cast<double>(weights[j]);
}
template <class W>
HUGEHIST_TARGET inline void add_row(weighted_cells, double* cells, const W* weights, std::size_t n) noexcept {
  add_weighted_row(cells, weights, n);
}

template <class Cells>
HUGEHIST_TARGET inline void add_one(Cells kind, typename Cells::element* cell, double weight) noexcept {
  kind.store(cell, kind.plus(kind.load(cell), weight));
}

HUGEHIST_TARGET inline void add_constant(integer_cells, std::int64_t* cells, double weight, std::size_t n) noexcept {
  const auto whole = static_cast<std::int64_t>(weight);
  for (std::size_t j = 0; j < n; ++j) cells[j] += whole;
}
HUGEHIST_TARGET inline void add_constant(double_cells, double* cells, double weight, std::size_t n) noexcept {
  for (std::size_t j = 0; j < n; ++j) cells[j] += weight;
}
HUGEHIST_TARGET inline void add_constant(weighted_cells, double* cells, double weight, std::size_t n) noexcept {
  const auto square = weight * weight;
  for (std::size_t j = 0; j < n; ++j) {
    cells[2 * j] += weight;
    cells[2 * j + 1] += square;
  }
}

/// Each weight has its own bin.
template <class Cells, class W>
HUGEHIST_TARGET void add_scattered(Cells kind, const fill_task& task, const weight_view<W>& weights) noexcept {
  auto* cells = static_cast<typename Cells::element*>(task.cells);
  for (std::size_t i = 0; i < task.count; ++i) {
    const std::size_t event = task.events ? task.events[i] : i;
    const auto* bins = task.bins + (task.bins_in_order ? i : event) * task.rows;
    const auto* w = weights.data + static_cast<std::ptrdiff_t>(event) * weights.event_stride;
    for (auto j = task.first_row; j < task.last_row; ++j) {
      const auto bin = bins[j - task.first_bin_row];
      if (bin == event_rows::dropped) continue;
      add_one(kind, cells + (std::size_t{bin} * task.rows + j) * Cells::elements,
              static_cast<double>(w[static_cast<std::ptrdiff_t>(j) * weights.row_stride]));
    }
  }
}

/// Calls use(first element of the bin's rows, event) for each event that has a bin.
template <class Cells, class Use>
HUGEHIST_TARGET inline void for_each_event(const fill_task& task, const Use& use) noexcept {
  auto* cells = static_cast<typename Cells::element*>(task.cells) + task.first_row * Cells::elements;
  const auto* const bins = task.bins;
  const auto row = task.rows * Cells::elements;
  const auto count = task.count;  // a copy: compilers take the cells for an alias of the task
  if (task.events == nullptr) {
    for (std::size_t event = 0; event < count; ++event)
      if (const auto bin = bins[event]; bin != event_rows::dropped)
        use(cells + bin * row, static_cast<std::ptrdiff_t>(event));
  } else {
    for (const auto *event = task.events, *end = event + count; event != end; ++event)
      if (const auto bin = bins[*event]; bin != event_rows::dropped)
        use(cells + bin * row, static_cast<std::ptrdiff_t>(*event));
  }
}

/// One weight for each event. Where there is one bin as well, it stays in registers: each addition would wait for
/// the one before to come back from memory.
template <class Cells, class W>
HUGEHIST_TARGET void add_single(Cells kind, const fill_task& task, const weight_view<W>& weights) noexcept {
  const auto* const data = weights.data + static_cast<std::ptrdiff_t>(task.first_row) * weights.row_stride;
  const auto stride = weights.event_stride;
  if (!task.one_bin)
    return for_each_event<Cells>(task, [=](auto* cell, std::ptrdiff_t event) HUGEHIST_TARGET {
      add_one(kind, cell, static_cast<double>(data[event * stride]));
    });
  auto* const cell = static_cast<typename Cells::element*>(task.cells) + task.first_row * Cells::elements;
  auto sum = kind.load(cell);
  const auto count = task.count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto event = static_cast<std::ptrdiff_t>(task.events ? task.events[i] : i);
    sum = kind.plus(sum, static_cast<double>(data[event * stride]));
  }
  kind.store(cell, sum);
}

/// Rows of an event that are not neighbours in memory (Fortran order): a tile of events at a time is turned
/// into event-major rows of doubles that stay in the first-level cache.
template <class Cells, class W>
HUGEHIST_TARGET void add_tiled(Cells kind, const fill_task& task, const weight_view<W>& weights) noexcept {
  auto* cells = static_cast<typename Cells::element*>(task.cells);
  double tile[tile_elements];
  for (auto row = task.first_row; row < task.last_row;) {
    const auto n = std::min(task.last_row - row, tile_elements / 16);
    const auto height = tile_elements / n;
    const auto* column = weights.data + static_cast<std::ptrdiff_t>(row) * weights.row_stride;
    for (std::size_t begin = 0; begin < task.count; begin += height) {
      const auto events = std::min(height, task.count - begin);
      for (std::size_t j = 0; j < n; j += 8) {
        const auto width = std::min<std::size_t>(8, n - j);
        for (std::size_t i = 0; i < events; ++i) {
          const auto event = static_cast<std::ptrdiff_t>(task.events ? task.events[begin + i] : begin + i);
          const auto* w = column + event * weights.event_stride + static_cast<std::ptrdiff_t>(j) * weights.row_stride;
          auto* target = tile + i * n + j;
          if (width == 8)
            for (std::size_t c = 0; c < 8; ++c)
              target[c] = static_cast<double>(w[static_cast<std::ptrdiff_t>(c) * weights.row_stride]);
          else
            for (std::size_t c = 0; c < width; ++c)
              target[c] = static_cast<double>(w[static_cast<std::ptrdiff_t>(c) * weights.row_stride]);
        }
      }
      for (std::size_t i = 0; i < events; ++i) {
        const std::size_t event = task.events ? task.events[begin + i] : begin + i;
        const auto bin = task.bins[event];
        if (bin != event_rows::dropped)
          add_row(kind, cells + (std::size_t{bin} * task.rows + row) * Cells::elements, tile + i * n, n);
      }
    }
    row += n;
  }
}

template <class Cells, class W>
HUGEHIST_TARGET void add_all(Cells kind, const fill_task& task, const weight_view<W>& weights) noexcept {
  const auto n = task.last_row - task.first_row;
  if (task.bin_per_weight) {
    add_scattered(kind, task, weights);
  } else if (n == 1) {
    add_single(kind, task, weights);
  } else if (weights.row_stride == 0) {
    const auto* data = weights.data;
    for_each_event<Cells>(task, [&](auto* cells, std::ptrdiff_t event) HUGEHIST_TARGET {
      const auto weight = static_cast<double>(data[event * weights.event_stride]);
      add_constant(kind, cells, weight, n);
    });
  } else if (weights.row_stride == 1) {
    const auto* data = weights.data + task.first_row;
    for_each_event<Cells>(task, [&](auto* cells, std::ptrdiff_t event)
                                    HUGEHIST_TARGET { add_row(kind, cells, data + event * weights.event_stride, n); });
  } else {
    add_tiled(kind, task, weights);
  }
}

template <class W>
HUGEHIST_TARGET void add_any(storage kind, const fill_task& task, const weight_view<W>& weights) noexcept {
  switch (kind) {
    case storage::int_:
      return add_all(integer_cells{}, task, weights);
    case storage::double_:
      return add_all(double_cells{}, task, weights);
    case storage::weighted:
      return add_all(weighted_cells{}, task, weights);
    case storage::mean:
    case storage::weighted_mean:
      return;  // samples have kernels of their own
  }
}
