// Whether roll-ups hold what their histogram does.

#include "model/moments.hpp"
#include "model/schema.hpp"
#include "read/reduce.hpp"
#include "rollup_parts.hpp"
#include "rollups.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

namespace hugehist::rollups {
namespace {

// Of the sum of absolute values: far more than the rounding of any sum that a file can hold.
constexpr double tolerance = 1e-9;

using plane_list = std::vector<dense_planes::plane>;

double value_at(const plane_list& planes, std::size_t plane, std::size_t cell) {
  return std::visit([cell](const auto& values) { return static_cast<double>(values[cell]); }, planes[plane]);
}

bool same_integers(const dense_planes::plane& a, const dense_planes::plane& b) {
  return std::get<std::vector<std::int64_t>>(a) == std::get<std::vector<std::int64_t>>(b);
}

/// What the difference of a cell's plane is measured by, given the cell and the sum of absolute values; nothing where
/// the plane has no meaning.
std::optional<double> scale_of(storage kind, const plane_list& cells, const plane_list& magnitudes, std::size_t plane,
                               std::size_t cell) {
  const auto size = value_at(magnitudes, plane, cell);
  const auto count = planes(kind).size();
  if (!model::is_mean(kind) || plane + 2 < count) return size;
  // Mean and variance are quotients, which weights of both signs make large.
  const model::moments all{value_at(cells, 0, cell), value_at(cells, count == 4 ? 1 : 0, cell), 0, 0};
  const auto weight = value_at(magnitudes, 0, cell), mean = value_at(magnitudes, count - 2, cell);
  const auto divisor = plane + 2 == count ? all.weight : model::degrees_of_freedom(all);
  if (std::abs(divisor) < weight * 1e-6 || divisor == 0) return {};
  return weight / std::abs(divisor) * (plane + 2 == count ? mean : size + mean * mean);
}

struct difference {
  double size = 0;  // in units of the scale
  std::size_t cell = 0;
  double found = 0, expected = 0;
};

/// The largest of a plane. `magnitudes` makes the sums of absolute values, which are needed where planes differ only.
template <class Magnitudes>
std::optional<difference> compare(storage kind, std::size_t plane, const plane_list& found, const plane_list& expected,
                                  const Magnitudes& magnitudes) {
  std::optional<difference> worst;
  const auto cells = std::visit([](const auto& values) { return values.size(); }, expected[plane]);
  const bool integers = std::holds_alternative<std::vector<std::int64_t>>(expected[plane]);
  if (integers && same_integers(found[plane], expected[plane])) return {};
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const auto a = value_at(found, plane, cell), b = value_at(expected, plane, cell);
    const auto distance = std::abs(a - b);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!integers && distance <= tolerance * std::min(std::abs(a), std::abs(b))) continue;
    auto scale = std::optional<double>{std::abs(b)};
    if (!integers) {
      scale = scale_of(kind, expected, magnitudes(), plane, cell);
      if (!scale || distance <= tolerance * *scale) continue;
    }
    const auto size = *scale == 0 ? distance : distance / *scale;
    if (!worst || !(size <= worst->size)) worst = difference{size, cell, a, b};
  }
  return worst;
}

class checker {
 public:
  checker(const context& of, rollup& target, std::vector<rollup_damage>& to) : of_{of}, target_{target}, to_{to} {}

  void run(const histogram::progress_callback& progress) {
    const auto extents = model::extents(of_.store.record(target_.id).schema.axes);
    const auto whole = model::extents(of_.store.record(of_.id).schema.axes);
    for (std::size_t i = 0; i < extents.size(); ++i)
      if (extents[i] != whole[target_.axes[i]]) return report({}, "", "it lacks labels of its histogram");
    bin_lists box;
    for (const auto extent : extents) {
      auto& all = box.emplace_back(extent);
      std::iota(all.begin(), all.end(), std::size_t{0});
    }
    if (std::ranges::any_of(box, &std::vector<std::size_t>::empty)) return;
    const auto parts = split(box, part_cells(of_.memory, of_.kind));
    for (std::size_t i = 0; i < parts.size() && !is_unreadable_; ++i)
      check(parts[i], extents, whole, part_progress(progress, i, parts.size()));
    for (std::size_t plane = 0; plane < worst_.size(); ++plane) {
      if (!worst_[plane]) continue;
      const auto& [most, bin] = *worst_[plane];
      std::ostringstream reason;
      reason.precision(17);
      reason << "it holds " << most.found << " where its histogram sums up to " << most.expected;
      report(bin, std::string{planes(of_.kind)[plane].name}, reason.str());
    }
  }

 private:
  void report(std::vector<std::size_t> bin, std::string plane, std::string reason) {
    to_.push_back({target_.axes, std::move(bin), std::move(plane), std::move(reason)});
  }

  void check(const bin_lists& part, const std::vector<std::size_t>& extents, const std::vector<std::size_t>& whole,
             const histogram::progress_callback& progress) {
    const auto maps = maps_of(part, target_.axes, whole);
    const auto read_whole = [&](bool magnitudes) {
      return read::read({of_.cache, of_.pool, of_.layout, of_.kind, whole, magnitudes}, maps, progress).planes;
    };
    std::vector<axis_map> own_maps;
    for (std::size_t i = 0; i < part.size(); ++i) own_maps.push_back(axis_map::list(extents[i], part[i]));
    plane_list found;
    try {
      found = read::read({of_.cache, of_.pool, target_.layout, of_.kind, extents}, own_maps, {}).planes;
    } catch (const corruption_error& problem) {
      is_unreadable_ = true;
      return report({}, "", problem.what());
    }
    const auto expected = read_whole(false);
    plane_list sizes;
    const auto magnitudes = [&]() -> const plane_list& {
      if (sizes.empty()) sizes = read_whole(true);
      return sizes;
    };
    worst_.resize(expected.size());
    for (std::size_t plane = 0; plane < expected.size(); ++plane) {
      const auto made = compare(of_.kind, plane, found, expected, magnitudes);
      if (!made || (worst_[plane] && made->size <= worst_[plane]->first.size)) continue;
      std::vector<std::size_t> bin(part.size());
      auto rest = made->cell;
      for (auto i = part.size(); i-- > 0; rest /= part[i].size()) bin[i] = part[i][rest % part[i].size()];
      worst_[plane].emplace(*made, std::move(bin));
    }
  }

  const context& of_;
  rollup& target_;
  std::vector<rollup_damage>& to_;
  std::vector<std::optional<std::pair<difference, std::vector<std::size_t>>>> worst_;  // for each plane
  bool is_unreadable_ = false;
};

}  // namespace

std::vector<rollup_damage> check(const context& of, const histogram::progress_callback& progress) {
  std::vector<rollup_damage> result;
  for (std::size_t i = 0; i < of.rollups.size(); ++i) {
    auto& each = of.rollups[i];
    if (each.is_touched() || of.store.record(each.id).stale)
      result.push_back({each.axes, {}, "", "it is stale, and not read: keeping it up to date failed"});
    else
      checker{of, each, result}.run(part_progress(progress, i, of.rollups.size()));
  }
  return result;
}

}  // namespace hugehist::rollups
