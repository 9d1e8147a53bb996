#include "write/project.hpp"

#include "model/moments.hpp"
#include "model/schema.hpp"
#include "write/cell_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

namespace hugehist::write {
namespace {

constexpr std::size_t dropped_axis = static_cast<std::size_t>(-1);
// So many blocks are reduced at a time, each to a part of its own, before the parts are added in the order of blocks;
// fewer where parts are large.
constexpr std::size_t batch_blocks = 32;
constexpr std::size_t batch_bytes = std::size_t{8} << 20;

/// A loop over one axis of a dense block: its rows, or one of its dense axes. A target stride of 0 sums.
using loop = piece_axis;

inline double plus(double a, double b) noexcept { return a + b; }
inline std::uint64_t plus(std::uint64_t a, std::uint64_t b) noexcept { return a + b; }

/// In eight lanes: as many additions as are under way at a time.
template <class T>
T sum_of(const T* source, std::size_t n, std::ptrdiff_t stride) noexcept {
  constexpr std::size_t lanes = 8;
  std::array<T, lanes> partial{};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      partial[lane] = plus(partial[lane], source[static_cast<std::ptrdiff_t>(i + lane) * stride]);
  for (std::size_t lane = 0; i + lane < n; ++lane)
    partial[lane] = plus(partial[lane], source[static_cast<std::ptrdiff_t>(i + lane) * stride]);
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t lane = 0; lane < width; ++lane) partial[lane] = plus(partial[lane], partial[lane + width]);
  return partial[0];
}

template <class T>
void add(std::span<const loop> loops, const T* source, T* target) noexcept {
  const auto& [extent, step, target_step] = loops.front();
  if (loops.size() == 1 && target_step == 0) {
    *target = plus(*target, sum_of(source, extent, step));
  } else if (loops.size() == 1 && step == 1 && target_step == 1) {
    add_run(target, source, extent, source + extent);
  } else {
    for (std::size_t i = 0; i < extent; ++i, source += step, target += target_step)
      if (loops.size() == 1)
        *target = plus(*target, *source);
      else
        add(loops.subspan(1), source, target);
  }
}

void combine(std::span<const loop> loops, const model::moment_planes<const double>& source,
             const model::moment_planes<double>& target) noexcept {
  if (loops.empty()) return target.store(0, model::combine(target.load(0), source.load(0)));
  for (std::size_t i = 0; i < loops.front().extent; ++i)
    combine(loops.subspan(1), source.at(static_cast<std::ptrdiff_t>(i) * loops.front().source_stride),
            target.at(static_cast<std::ptrdiff_t>(i) * loops.front().target_stride));
}

/// C-order planes of eight-byte cells, one after another.
struct cells {
  explicit cells(std::size_t planes, std::size_t count) : values(planes * count), plane_cells{count} {}
  double* plane(std::size_t p) noexcept { return values.data() + p * plane_cells; }
  std::vector<double> values;  // int64 planes by their bits
  std::size_t plane_cells;
};

/// Blocks that go to the same cells of the result.
struct group {
  std::vector<std::uint32_t> codes, row_codes;
  std::size_t span = no_span;
  std::vector<const block*> blocks;
  bool is_dense = false;
  std::size_t weights = 0;
};

class projector {
 public:
  projector(const delta_data& delta, std::span<const std::size_t> kept, base::thread_pool& pool)
      : delta_{delta}, pool_{pool} {
    const auto categories = model::category_axes(delta.axes);
    category_to_.assign(categories.size(), dropped_axis);
    for (const auto axis : kept) {
      result_.axes.push_back(delta.axes[axis]);
      if (!delta.axes[axis].is_category()) continue;
      const auto c = static_cast<std::size_t>(std::ranges::find(categories, axis) - categories.begin());
      category_to_[c] = result_.labels.size();
      result_.labels.push_back(delta.labels[c]);
    }
    const auto dense = model::dense_axes(delta.axes);
    dense_strides_.assign(dense.size(), 0);
    for (auto d = dense.size(); d-- > 0;) {
      dense_extents_.insert(dense_extents_.begin(), delta.axes[dense[d]].extent());
      if (std::ranges::find(kept, dense[d]) == kept.end()) {
        keeps_dense_ = false;
        continue;
      }
      dense_strides_[d] = row_cells_;
      row_cells_ *= dense_extents_.front();
    }
    for (const auto axis : model::dense_axes(result_.axes)) result_extents_.push_back(result_.axes[axis].extent());
    result_.kind = delta.kind;
    result_.variance_known = delta.variance_known;
  }

  delta_data run() {
    for (auto& each : make_groups()) {
      if (each.is_dense || each.weights > rows_of(each) * row_cells_)
        add_sum(each);
      else
        for (const auto* block : each.blocks) add_few(each, *block);
    }
    return std::move(result_);
  }

 private:
  std::size_t planes_count() const { return planes(delta_.kind).size(); }
  static std::size_t rows_of(const group& each) { return each.span == no_span ? 1 : each.row_codes.size(); }

  /// In the order in which their first blocks come. Dense blocks that nothing is summed of are added to the result.
  std::vector<group> make_groups() {
    using key = std::tuple<std::vector<std::uint32_t>, std::size_t, std::vector<std::uint32_t>>;
    std::map<key, std::size_t> numbers;
    std::vector<group> groups;
    for (const auto& block : delta_.blocks) {
      group made;
      made.codes.assign(result_.labels.size(), 0);
      for (std::size_t c = 0; c < category_to_.size(); ++c)
        if (category_to_[c] != dropped_axis && c != block.span) made.codes[category_to_[c]] = block.codes[c];
      const bool keeps_span = block.span == no_span || category_to_[block.span] != dropped_axis;
      if (block.span != no_span && keeps_span) {
        made.span = category_to_[block.span];
        made.row_codes = block.row_codes;
      }
      const auto* dense = std::get_if<dense_cells>(&block.cells);
      if (dense != nullptr && keeps_span && keeps_dense_) {
        result_.blocks.push_back({std::move(made.codes), made.span, std::move(made.row_codes), *dense});
        continue;
      }
      const auto [found, is_new] = numbers.try_emplace({made.codes, made.span, made.row_codes}, groups.size());
      if (is_new) groups.push_back(std::move(made));
      auto& target = groups[found->second];
      target.blocks.push_back(&block);
      target.is_dense = target.is_dense || dense != nullptr;
      if (dense == nullptr) target.weights += block.few()->weights.size();
    }
    return groups;
  }

  void add_sum(group& each) {
    const auto count = rows_of(each) * row_cells_;
    auto sum = std::make_shared<cells>(planes_count(), count);
    const auto part_bytes = std::max<std::size_t>(planes_count() * count * element_size, 1);
    const auto batch = std::clamp<std::size_t>(batch_bytes / part_bytes, 1, batch_blocks);
    std::vector<cells> parts;
    for (std::size_t first = 0; first < each.blocks.size(); first += batch) {
      const auto n = std::min(batch, each.blocks.size() - first);
      parts.assign(n, cells{planes_count(), count});
      pool_.parallel_for(n, [&](std::size_t i, unsigned) { reduce(each, *each.blocks[first + i], parts[i]); });
      for (auto& part : parts) join(part, *sum);
    }
    block made{std::move(each.codes), each.span, std::move(each.row_codes), {}};
    dense_cells to;
    for (std::size_t p = 0; p < planes_count(); ++p) to.planes[p] = reinterpret_cast<const std::byte*>(sum->plane(p));
    to.row_stride = static_cast<std::ptrdiff_t>(row_cells_);
    std::ptrdiff_t stride = 1;
    for (auto d = result_extents_.size(); d-- > 0; stride *= static_cast<std::ptrdiff_t>(result_extents_[d]))
      to.bin_strides.insert(to.bin_strides.begin(), stride);
    result_.size_bytes += sum->values.size() * element_size;
    to.owner = std::move(sum);
    made.cells = std::move(to);
    result_.blocks.push_back(std::move(made));
  }

  void join(cells& part, cells& sum) const noexcept {
    const std::array whole{loop{part.plane_cells, 1, 1}};
    add_cells(
        whole, [&](std::size_t p) { return part.plane(p); }, [&](std::size_t p) { return sum.plane(p); });
  }

  template <class Source, class Target>
  void add_cells(std::span<const loop> loops, const Source& source, const Target& target) const noexcept {
    if (model::is_mean(delta_.kind))
      return combine(loops, model::moment_planes_of<const double>(delta_.kind, source),
                     model::moment_planes_of<double>(delta_.kind, target));
    for (std::size_t p = 0; p < planes_count(); ++p) {
      if (delta_.kind == storage::int_)
        add(loops, reinterpret_cast<const std::uint64_t*>(source(p)), reinterpret_cast<std::uint64_t*>(target(p)));
      else
        add<double>(loops, source(p), target(p));
    }
  }

  void reduce(const group& each, const block& from, cells& to) const {
    if (const auto* few = from.few()) return reduce_few(each, from, *few, to);
    const auto& dense = std::get<dense_cells>(from.cells);
    std::vector<loop> loops;
    const auto row_step = each.span == no_span ? std::ptrdiff_t{0} : static_cast<std::ptrdiff_t>(row_cells_);
    if (from.span != no_span) loops.push_back({from.rows(), dense.row_stride, row_step});
    for (std::size_t d = 0; d < dense_extents_.size(); ++d)
      loops.push_back({dense_extents_[d], dense.bin_strides[d], static_cast<std::ptrdiff_t>(dense_strides_[d])});
    // Neighbours in the source come last, so that its cache lines are used whole.
    std::ranges::stable_sort(loops, std::greater{}, [](const loop& l) { return std::abs(l.source_stride); });
    if (loops.empty()) loops.push_back({1, 1, 1});
    loops.resize(compact(loops.data(), loops.size()));
    add_cells(
        loops, [&](std::size_t p) { return reinterpret_cast<const double*>(dense.planes[p]); },
        [&](std::size_t p) { return to.plane(p); });
  }

  /// Where a bin of the delta's dense axes goes among those that are kept.
  std::size_t bin_of(std::size_t bin) const noexcept {
    std::size_t result = 0;
    for (auto d = dense_extents_.size(); d-- > 0; bin /= dense_extents_[d])
      result += bin % dense_extents_[d] * dense_strides_[d];
    return result;
  }

  void reduce_few(const group& each, const block& from, const event_rows& few, cells& to) const noexcept {
    const auto k = from.rows();
    const auto row_step = each.span == no_span ? 0 : row_cells_;
    const auto means = model::moment_planes_of<double>(
        delta_.kind, [&](std::size_t p) { return p < planes_count() ? to.plane(p) : nullptr; });
    for (std::size_t i = 0; i < few.weights.size(); ++i) {
      const auto bin = few.bins[few.bin_per_weight ? i : i / k];
      const auto weight = few.weights[i];
      if (bin == event_rows::dropped || weight == 0) continue;
      const auto at = bin_of(bin) + i % k * row_step;
      auto& value = to.plane(0)[at];
      if (model::is_mean(delta_.kind)) {
        const auto cell = static_cast<std::ptrdiff_t>(at);
        means.store(cell, model::combine(means.load(cell), model::one_sample(delta_.kind, weight, few.samples[i])));
      } else if (delta_.kind == storage::int_) {
        const auto count = std::bit_cast<std::uint64_t>(static_cast<std::int64_t>(weight));
        value = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) + count);
      } else {
        value += weight;
        if (delta_.kind == storage::weighted) to.plane(1)[at] += weight * weight;
      }
    }
  }

  /// Few events stay what they are, in other bins; rows that are summed become events of their own.
  void add_few(const group& each, const block& from) {
    const auto& few = *from.few();
    const bool splits = from.span != no_span && each.span == no_span && !few.bin_per_weight;
    event_rows to{.bins = {}, .weights = few.weights, .samples = few.samples, .bin_per_weight = few.bin_per_weight};
    if (each.span == no_span) to.bin_per_weight = false;
    to.bins.reserve(splits ? few.weights.size() : few.bins.size());
    for (const auto bin : few.bins) {
      const auto moved = bin == event_rows::dropped ? bin : static_cast<std::uint32_t>(bin_of(bin));
      to.bins.insert(to.bins.end(), splits ? from.rows() : 1, moved);
    }
    result_.size_bytes += to.bins.size() * sizeof(to.bins[0]) + (to.weights.size() + to.samples.size()) * element_size;
    result_.blocks.push_back(
        {each.codes, each.span, each.row_codes, std::make_shared<const event_rows>(std::move(to))});
  }

  const delta_data& delta_;
  base::thread_pool& pool_;
  std::vector<std::size_t> category_to_;                    // for each category axis its position among those kept
  std::vector<std::size_t> dense_extents_, dense_strides_;  // of the delta's dense axes; strides in the result
  std::vector<std::size_t> result_extents_;                 // of the dense axes that are kept
  std::size_t row_cells_ = 1;                               // bins of those
  bool keeps_dense_ = true;                                 // all dense axes
  delta_data result_;
};

}  // namespace

delta_data project(const delta_data& delta, std::span<const std::size_t> kept, base::thread_pool& pool) {
  return projector{delta, kept, pool}.run();
}

}  // namespace hugehist::write
