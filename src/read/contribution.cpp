#include "read/contribution.hpp"

#include <algorithm>
#include <cassert>

namespace hugehist::read {

void loop_nest::add_axis(std::span<const run> runs, const bin_pair* pairs, const double* factors, std::size_t in_stride,
                         std::size_t out_stride, std::size_t to_base) {
  out_offset += to_base * out_stride;
  if (runs.size() != 1 || runs[0].kind == pattern::scatter) {
    loops_[count_++] = {runs, pairs, factors, in_stride, out_stride};
    return;
  }
  auto only = runs[0];
  in_offset += only.from * in_stride;
  out_offset += only.to * out_stride;
  if (factors != nullptr) factors += only.from;
  only.from = only.to = 0;
  if (factors == nullptr && only.length == 1) return;
  if (factors == nullptr && join(only, in_stride, out_stride)) return;
  own_runs_[count_] = only;
  loops_[count_] = {{&own_runs_[count_], 1}, nullptr, factors, in_stride, out_stride};
  ++count_;
}

/// Makes one long loop of the last loop and the one inside it where the two walk through memory as one.
bool loop_nest::join(const run& inner, std::size_t in_stride, std::size_t out_stride) {
  if (count_ == 0) return false;
  auto& last = loops_[count_ - 1];
  auto& outer = own_runs_[count_ - 1];
  const bool own = last.runs.size() == 1 && last.runs.data() == &outer;
  if (!own || last.factors != nullptr || outer.kind != inner.kind) return false;
  if (last.in_stride != inner.length * in_stride) return false;
  if (inner.kind == pattern::copy && last.out_stride != inner.length * out_stride) return false;
  outer.length *= inner.length;
  last.in_stride = in_stride;
  last.out_stride = out_stride;
  return true;
}

store::chunk_coordinate contribution::coordinate() const {
  store::chunk_coordinate result;
  result.rank = static_cast<std::uint32_t>(parts_.size());
  for (std::size_t axis = 0; axis < parts_.size(); ++axis) result.index[axis] = part_of(axis).chunk;
  return result;
}

bool contribution::direct() const noexcept {
  for (std::size_t axis = 0; axis < parts_.size(); ++axis)
    if (!part_of(axis).direct()) return false;
  return true;
}

std::size_t contribution::box_cells() const noexcept {
  std::size_t cells = 1;
  for (std::size_t axis = 0; axis < parts_.size(); ++axis) cells *= part_of(axis).length;
  return cells;
}

std::uint64_t contribution::group() const noexcept {
  std::uint64_t number = 0;  // modulo 2^64: where it wraps around, groups are joined, which is allowed
  for (std::size_t axis = 0; axis < parts_.size(); ++axis)
    number = number * plan_.axes[axis].groups + part_of(axis).group;
  return number;
}

namespace {

/// Factors of the bins of a part, or null.
const double* factors_of(const axis_plan& axis, const part& p, int power) {
  const auto& factors = axis.factors[static_cast<std::size_t>(power - 1)];
  return factors.empty() ? nullptr : factors.data() + p.chunk * axis.chunk_length;
}

/// Whether the axis contributes one bin of the chunk only, so that its factor is one number.
bool is_single(const axis_plan& axis, const part& p) {
  return p.reduce_count == 1 && axis.runs[p.reduce_begin].length == 1 &&
         axis.runs[p.reduce_begin].kind != pattern::scatter;
}

/// The one run of a copied axis, cut to the stripe; of length 0 outside of it.
run cut_to(const stripe& within, run whole, std::size_t to_base) {
  const auto begin = std::max(within.begin, to_base + whole.to);
  const auto end = std::min(within.end, to_base + whole.to + whole.length);
  if (begin >= end) return {0, 0, 0, pattern::copy};
  const auto skipped = static_cast<std::uint32_t>(begin - (to_base + whole.to));
  return {whole.from + skipped, whole.to + skipped, static_cast<std::uint32_t>(end - begin), pattern::copy};
}

}  // namespace

void contribution::reduce_nest(loop_nest& nest, int power) const {
  std::array<std::size_t, store::max_rank> strides{};
  std::size_t stride = 1;
  for (auto i = parts_.size(); i-- > 0; stride *= part_of(i).length) strides[i] = stride;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& axis = plan_.axes[i];
    const auto& p = part_of(i);
    const auto* factors = is_single(axis, p) ? nullptr : factors_of(axis, p, power);
    nest.add_axis(axis.reduce_runs(p), axis.pairs.data(), factors, grid_.strides()[i], strides[i], 0);
  }
}

void contribution::answer_nest(loop_nest& nest, int power, const stripe* within) const {
  const bool from_chunk = direct();
  std::array<std::size_t, store::max_rank> box_strides{};
  std::size_t stride = 1;
  for (auto i = parts_.size(); i-- > 0; stride *= part_of(i).length) box_strides[i] = stride;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& axis = plan_.axes[i];
    const auto& p = part_of(i);
    const run whole{0, 0, p.length, pattern::copy};
    auto runs = from_chunk ? axis.reduce_runs(p) : p.contiguous ? std::span{&whole, 1} : axis.answer_runs(p);
    const std::size_t to_base = p.contiguous ? p.lowest : 0;
    run cut{};
    if (within != nullptr && within->axis == i) {
      assert(runs.size() == 1 && runs[0].kind == pattern::copy);
      cut = cut_to(*within, runs[0], to_base);
      nest.empty = nest.empty || cut.length == 0;
      runs = {&cut, 1};
    }
    // Not told from the run that a stripe has cut: the order of the multiplications must not depend on stripes.
    const auto* factors = factors_of(axis, p, power);
    if (factors != nullptr && is_single(axis, p)) nest.scale *= factors[axis.runs[p.reduce_begin].from];
    if (!from_chunk || is_single(axis, p)) factors = nullptr;
    const auto in_stride = from_chunk ? grid_.strides()[i] : box_strides[i];
    nest.add_axis(runs, axis.pairs.data(), factors, in_stride, plan_.answer_strides[i], to_base);
  }
}

bool is_copied(const axis_plan& axis) noexcept {
  return std::all_of(axis.parts.begin(), axis.parts.end(), [&axis](const part& p) {
    return p.direct() && p.reduce_count == 1 && axis.runs[p.reduce_begin].kind == pattern::copy;
  });
}

}  // namespace hugehist::read
