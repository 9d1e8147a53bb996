#include "read/plan.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>
#include <string>

namespace hugehist::read {
namespace {

// Runs shorter than this on average are taken bin by bin.
constexpr std::size_t shortest_mean_run = 4;

/// How far the pairs from `begin` on follow one pattern.
run longest_run(std::span<const bin_pair> pairs, std::size_t begin) {
  const auto first = pairs[begin];
  run result{first.from, first.to, 1, pattern::copy};
  if (begin + 1 < pairs.size() && pairs[begin + 1].to == first.to) result.kind = pattern::sum;
  const std::uint32_t step = result.kind == pattern::copy ? 1 : 0;
  for (auto i = begin + 1; i < pairs.size(); ++i, ++result.length)
    if (pairs[i].from != first.from + result.length || pairs[i].to != first.to + step * result.length) break;
  return result;
}

/// Appends the runs that make up `pairs` (by ascending `from`) and returns their number.
std::uint32_t append_runs(axis_plan& axis, std::span<const bin_pair> pairs) {
  const auto begin = axis.runs.size();
  for (std::size_t i = 0; i < pairs.size(); i += axis.runs.back().length) {
    axis.runs.push_back(longest_run(pairs, i));
    const auto count = axis.runs.size() - begin;
    if (count > 1 && count * shortest_mean_run > pairs.size()) {
      axis.runs.resize(begin);
      axis.runs.push_back({static_cast<std::uint32_t>(axis.pairs.size()), 0, static_cast<std::uint32_t>(pairs.size()),
                           pattern::scatter});
      axis.pairs.insert(axis.pairs.end(), pairs.begin(), pairs.end());
      break;
    }
  }
  return static_cast<std::uint32_t>(axis.runs.size() - begin);
}

class axis_planner {
 public:
  axis_planner(const axis_map& map, std::size_t chunk_length) : map_{map} { axis_.chunk_length = chunk_length; }

  axis_plan make() {
    const auto length = axis_.chunk_length;
    for (std::size_t begin = 0; begin < map_.target.size(); begin += length)
      add_part(static_cast<std::uint32_t>(begin / length), begin, std::min(begin + length, map_.target.size()));
    number_groups();
    make_factors();
    return std::move(axis_);
  }

 private:
  void add_part(std::uint32_t chunk, std::size_t begin, std::size_t end) {
    pairs_.clear();
    targets_.clear();
    for (auto bin = begin; bin < end; ++bin) {
      if (map_.target[bin] == axis_map::dropped) continue;
      const auto target = static_cast<std::uint32_t>(map_.target[bin]);
      pairs_.push_back({static_cast<std::uint32_t>(bin - begin), target});
      targets_.push_back(target);
    }
    if (pairs_.empty()) return;
    if (!std::is_sorted(targets_.begin(), targets_.end())) std::sort(targets_.begin(), targets_.end());
    targets_.erase(std::unique(targets_.begin(), targets_.end()), targets_.end());

    part p;
    p.chunk = chunk;
    p.lowest = targets_.front();
    p.length = static_cast<std::uint32_t>(targets_.size());
    p.injective = targets_.size() == pairs_.size();
    p.contiguous = targets_.back() - targets_.front() + 1 == p.length;
    for (auto& pair : pairs_) pair.to = position(p, pair.to);
    p.reduce_begin = static_cast<std::uint32_t>(axis_.runs.size());
    p.reduce_count = append_runs(axis_, pairs_);
    if (!p.contiguous) add_answer_runs(p);
    axis_.parts.push_back(p);
    highest_.push_back(targets_.back());
  }

  std::uint32_t position(const part& p, std::uint32_t target) const {
    if (p.contiguous) return target - p.lowest;
    return static_cast<std::uint32_t>(std::lower_bound(targets_.begin(), targets_.end(), target) - targets_.begin());
  }

  void add_answer_runs(part& p) {
    pairs_.clear();
    for (const auto target : targets_) pairs_.push_back({static_cast<std::uint32_t>(pairs_.size()), target});
    p.answer_begin = static_cast<std::uint32_t>(axis_.runs.size());
    p.answer_count = append_runs(axis_, pairs_);
  }

  /// Parts whose ranges of targets overlap get one number, directly or through others.
  void number_groups() {
    std::vector<std::uint32_t> order(axis_.parts.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [this](auto a, auto b) { return axis_.parts[a].lowest < axis_.parts[b].lowest; });
    std::uint32_t highest = 0;
    for (const auto i : order) {
      auto& p = axis_.parts[i];
      if (axis_.groups == 0 || p.lowest > highest) ++axis_.groups;
      p.group = axis_.groups - 1;
      highest = std::max(highest, highest_[i]);
    }
  }

  void make_factors() {
    if (map_.factor.empty()) return;
    axis_.factors[0] = map_.factor;
    axis_.factors[1].reserve(map_.factor.size());
    for (const auto factor : map_.factor) axis_.factors[1].push_back(factor * factor);
  }

  const axis_map& map_;
  axis_plan axis_;
  std::vector<std::uint32_t> highest_;  // target of each part
  std::vector<bin_pair> pairs_;         // of the part being added, as are targets_: distinct and ascending
  std::vector<std::uint32_t> targets_;
};

[[noreturn]] void reject(std::size_t axis, const std::string& what) {
  throw std::invalid_argument{"the map of axis " + std::to_string(axis) + " " + what};
}

}  // namespace

void validate(std::span<const axis_map> maps, std::span<const std::size_t> extents) {
  if (maps.size() != extents.size())
    throw std::invalid_argument{"a read needs one map for each axis: got " + std::to_string(maps.size()) + " for " +
                                std::to_string(extents.size()) + " axes"};
  constexpr auto longest = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto& map = maps[i];
    if (map.target.size() != extents[i])
      reject(i, "has " + std::to_string(map.target.size()) + " bins, but the axis has " + std::to_string(extents[i]) +
                    " (flow bins included): make the map anew when an axis has grown");
    if (map.target.size() > longest) reject(i, "is too long: at most 2147483647 bins are possible");
    if (!map.factor.empty() && map.factor.size() != map.target.size())
      reject(i, "has " + std::to_string(map.factor.size()) + " factors for " + std::to_string(map.target.size()) +
                    " bins: give one for each, or none");
    for (const auto target : map.target)
      if (target < axis_map::dropped || (target >= 0 && static_cast<std::size_t>(target) >= map.extent))
        reject(i, "sends a bin to " + std::to_string(target) + ", but the result has " + std::to_string(map.extent) +
                      " bins");
  }
}

plan make_plan(const chunk::grid& grid, std::span<const axis_map> maps) {
  assert(grid.rank() == maps.size());
  plan result;
  result.chunks = 1;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    result.axes.push_back(axis_planner{maps[i], grid.shape()[i]}.make());
    result.shape.push_back(maps[i].extent);
    result.scaled = result.scaled || !maps[i].factor.empty();
  }
  for (const auto& axis : result.axes)
    if (axis.parts.empty()) result.chunks = 0;
  for (const auto& axis : result.axes)
    if (__builtin_mul_overflow(result.chunks, axis.parts.size(), &result.chunks))
      result.chunks = std::numeric_limits<std::size_t>::max();
  result.answer_strides.resize(maps.size());
  std::size_t stride = 1;
  for (auto i = maps.size(); i-- > 0; stride *= result.shape[i]) result.answer_strides[i] = stride;
  return result;
}

}  // namespace hugehist::read
