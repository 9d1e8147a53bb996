#include "model/schema.hpp"

#include "base/checked.hpp"

#include <hugehist/error.hpp>

#include <limits>
#include <set>
#include <stdexcept>

namespace hugehist::model {
namespace {

std::vector<std::size_t> positions(const std::vector<axis::any>& axes, bool category) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i].is_category() == category) result.push_back(i);
  return result;
}

}  // namespace

std::vector<std::size_t> extents(const std::vector<axis::any>& axes) {
  std::vector<std::size_t> result;
  result.reserve(axes.size());
  for (const auto& axis : axes) result.push_back(axis.extent());
  return result;
}

std::vector<std::size_t> category_axes(const std::vector<axis::any>& axes) { return positions(axes, true); }
std::vector<std::size_t> dense_axes(const std::vector<axis::any>& axes) { return positions(axes, false); }

std::string describe(const axis::any& axis, std::size_t position) {
  return axis.name().empty() ? "axis " + std::to_string(position) : "axis '" + axis.name() + "'";
}

std::size_t find_axis(const std::vector<axis::any>& axes, const axis_reference& which, const std::string& owner) {
  if (const auto* number = std::get_if<std::int64_t>(&which.which())) {
    const auto rank = static_cast<std::int64_t>(axes.size());
    if (*number < -rank || *number >= rank)
      throw key_error{owner + " has " + std::to_string(rank) + " axes, there is none at " + std::to_string(*number)};
    return static_cast<std::size_t>(*number < 0 ? *number + rank : *number);
  }
  const auto& name = std::get<std::string>(which.which());
  std::string known;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto found = axes[i].name();
    if (found == name && !name.empty()) return i;
    known += (i == 0 ? "" : ", ") + (found.empty() ? "(unnamed " + std::to_string(i) + ")" : "'" + found + "'");
  }
  throw key_error{owner + " has no axis '" + name + "': its axes are " + known};
}

bool has_grown_to(const schema& before, const schema& after) {
  if (before.kind != after.kind || before.axes.size() != after.axes.size()) return false;
  for (std::size_t i = 0; i < before.axes.size(); ++i) {
    const auto& old = before.axes[i];
    auto now = after.axes[i];
    if (old.is_growing() && now.is_growing() && now.size() > old.size()) now.truncate_labels(old.size());
    if (!(now == old)) return false;
  }
  return true;
}

void validate(const schema& schema) {
  constexpr std::size_t max_axes = 32;  // of HDF5 datasets and of Boost.Histogram
  if (schema.axes.empty()) throw std::invalid_argument{"a histogram needs at least one axis"};
  if (schema.axes.size() > max_axes)
    throw std::invalid_argument{"a histogram has at most 32 axes, not " + std::to_string(schema.axes.size())};

  std::set<std::string> names;
  for (const auto& axis : schema.axes)
    if (const auto name = axis.name(); !name.empty() && !names.insert(name).second)
      throw std::invalid_argument{"two axes have the name '" + name + "': give each its own"};

  const auto cells = base::checked_product(extents(schema.axes), "the number of bins");
  const auto bytes = base::checked_multiply(cells, element_size, "the size of the histogram in bytes");
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()))
    throw std::invalid_argument{"the size of the histogram does not fit 63 bits: use fewer or shorter axes"};

  // A bin of the dense axes is addressed by 32 bits while filling; 2^31 of them would be 16 GiB a category.
  std::vector<std::size_t> dense;
  for (auto i : dense_axes(schema.axes)) dense.push_back(schema.axes[i].extent());
  if (base::checked_product(dense, "the number of bins of the dense axes") > (std::size_t{1} << 31))
    throw std::invalid_argument{"the axes that are no categories have more than 2^31 bins together: use coarser ones"};
}

}  // namespace hugehist::model
