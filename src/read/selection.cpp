#include "read/selection.hpp"

#include "model/schema.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>

namespace hugehist::read {

selection selection::whole(std::vector<axis::any> axes, std::string owner) {
  selection result;
  result.owner = std::move(owner);
  for (const auto extent : model::extents(axes)) result.maps.push_back(axis_map::all(extent));
  result.order.resize(axes.size());
  std::iota(result.order.begin(), result.order.end(), std::size_t{0});
  result.axes = std::move(axes);
  return result;
}

std::size_t selection::find(const axis_reference& reference) const { return model::find_axis(axes, reference, owner); }

std::string selection::describe(std::size_t which) const { return owner + ", " + model::describe(axes[which], which); }

void selection::select(std::span<const axis_selector> parts) {
  std::vector<std::optional<selected_axis>> taken(axes.size());
  for (const auto& part : parts) {
    const auto which = find(part.axis);
    if (taken[which]) throw std::invalid_argument{describe(which) + " is selected twice"};
    taken[which] = select_axis(axes[which], part.take);
  }
  std::vector<selected_axis> all;
  for (std::size_t i = 0; i < axes.size(); ++i)
    all.push_back(taken[i] ? std::move(*taken[i]) : selected_axis{axis_map::all(axes[i].extent()), axes[i]});
  apply(std::move(all));
}

void selection::project(std::span<const axis_reference> kept) {
  std::vector<std::size_t> wanted;
  for (const auto& reference : kept) {
    wanted.push_back(find(reference));
    if (std::ranges::count(wanted, wanted.back()) > 1)
      throw std::invalid_argument{describe(wanted.back()) + " is projected onto twice"};
  }
  std::vector<selected_axis> parts;
  for (std::size_t i = 0; i < axes.size(); ++i)
    parts.push_back(std::ranges::find(wanted, i) == wanted.end()
                        ? select_axis(axes[i], sum)
                        : selected_axis{axis_map::all(axes[i].extent()), axes[i]});
  std::vector<axis::any> ordered_axes;
  std::vector<std::size_t> ordered;
  for (const auto i : wanted) {
    ordered_axes.push_back(axes[i]);
    ordered.push_back(order[i]);
  }
  apply(std::move(parts));
  axes = std::move(ordered_axes);
  order = std::move(ordered);
}

void selection::scale(const axis_reference& axis, std::span<const double> factors) {
  const auto which = find(axis);
  const auto& target = axes[which];
  std::vector<double> all(target.extent(), 1.0);
  if (factors.size() != target.size() && factors.size() != target.extent())
    throw std::invalid_argument{describe(which) + " has " + std::to_string(target.size()) + " bins, but there are " +
                                std::to_string(factors.size()) + " factors"};
  const bool flow = factors.size() == target.extent();
  std::ranges::copy(factors, all.begin() + (!flow && target.underflow() ? 1 : 0));
  multiply(which, std::move(all));
}

void selection::scale(const axis_reference& axis, const std::map<std::string, double>& factors) {
  const auto which = find(axis);
  const auto& target = axes[which];
  if (!target.is_category())
    throw std::invalid_argument{describe(which) + " has no labels: give one factor for each bin"};
  std::vector<double> all(target.extent(), 1.0);
  const auto labels = target.labels();
  for (const auto& [label, factor] : factors) {
    const auto found = std::ranges::find(labels, label);
    if (found == labels.end()) throw key_error{describe(which) + " has no label '" + label + "' to scale"};
    all[static_cast<std::size_t>(found - labels.begin())] = factor;
  }
  multiply(which, std::move(all));
}

void selection::multiply(std::size_t which, std::vector<double> factors) {
  for (const auto factor : factors)  // chunks that do not exist would stay 0
    if (!std::isfinite(factor))
      throw std::invalid_argument{describe(which) + ": factors are finite, not " + std::to_string(factor)};
  auto map = axis_map::all(axes[which].extent());
  map.factor = std::move(factors);
  maps[order[which]] = compose(maps[order[which]], map);
}

void selection::apply(std::vector<selected_axis> parts) {
  std::vector<axis::any> left;
  std::vector<std::size_t> left_order;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto& map = maps[order[i]];
    map = compose(map, parts[i].map);
    if (!parts[i].left) continue;
    left.push_back(std::move(*parts[i].left));
    left_order.push_back(order[i]);
  }
  axes = std::move(left);
  order = std::move(left_order);
}

dense_planes selection::arrange(dense_planes content) const {
  std::vector<std::size_t> strides(content.shape.size());
  std::size_t cells = 1;
  for (auto i = strides.size(); i-- > 0;) {
    strides[i] = cells;
    cells *= content.shape[i];
  }
  std::vector<std::size_t> shape;
  for (const auto source : order) shape.push_back(content.shape[source]);
  if (!std::ranges::is_sorted(order)) {
    std::vector<std::size_t> from(cells), index(shape.size(), 0);
    for (std::size_t cell = 0, offset = 0; cell < cells; ++cell) {
      from[cell] = offset;
      for (auto i = shape.size(); i-- > 0;) {
        offset += strides[order[i]];
        if (++index[i] < shape[i]) break;
        offset -= shape[i] * strides[order[i]];
        index[i] = 0;
      }
    }
    for (auto& plane : content.planes)
      std::visit(
          [&](auto& values) {
            auto moved = values;
            for (std::size_t cell = 0; cell < cells; ++cell) moved[cell] = values[from[cell]];
            values = std::move(moved);
          },
          plane);
  }
  content.shape = std::move(shape);
  return content;
}

}  // namespace hugehist::read
