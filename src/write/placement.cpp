#include "write/placement.hpp"

#include "base/checked.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace hugehist::write {
namespace {

void check_compatible(const delta_data& delta, const model::schema& schema) {
  if (delta.kind != schema.kind)
    throw std::invalid_argument{"the storages differ: the histogram has '" + std::string{to_string(schema.kind)} +
                                "', the addend '" + std::string{to_string(delta.kind)} + "'"};
  if (delta.axes.size() != schema.axes.size())
    throw std::invalid_argument{"the numbers of axes differ: the histogram has " + std::to_string(schema.axes.size()) +
                                ", the addend " + std::to_string(delta.axes.size())};
  for (std::size_t i = 0; i < schema.axes.size(); ++i)
    if (const auto problem = axis::incompatibility(schema.axes[i], delta.axes[i]); !problem.empty())
      throw std::invalid_argument{"axis " + std::to_string(i) + " does not fit: " + problem};
}

/// Where the delta's labels go on one axis, and which of them are new.
label_bins find_labels(const std::vector<std::string>& labels, const axis::any& axis,
                       const model::category_index& index, std::vector<std::string>& new_labels) {
  label_bins result;
  for (const auto& label : labels) {
    if (const auto bin = index.find(label)) {
      result.bins.push_back(*bin);
      continue;
    }
    if (!axis.is_growing())
      throw std::invalid_argument{"axis '" + axis.name() + "' does not grow and has no label '" + label +
                                  "', which the addend has"};
    result.bins.push_back(static_cast<std::uint32_t>(index.size() + new_labels.size()));
    new_labels.push_back(label);
  }
  if (index.size() + new_labels.size() > std::numeric_limits<std::int32_t>::max() - 2)
    throw std::invalid_argument{"axis '" + axis.name() + "' would get more than 2^31 - 3 labels"};
  if (axis.overflow()) result.overflow = static_cast<std::uint32_t>(axis.size());
  return result;
}

void check_size(const std::vector<std::size_t>& extents) {
  const auto cells = base::checked_product(extents, "the number of bins");
  const auto bytes = base::checked_multiply(cells, element_size, "the size of the histogram in bytes");
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()))
    throw std::invalid_argument{"its size would not fit 63 bits"};
}

bool is_zero(const block& block) {
  const auto* few = block.few();
  return few != nullptr && std::ranges::all_of(few->weights, [](double w) { return w == 0; });
}

}  // namespace

placement place(const delta_data& delta, const model::schema& schema,
                std::span<const model::category_index> categories) {
  check_compatible(delta, schema);
  placement result;
  result.new_labels.resize(categories.size());
  result.extents = model::extents(schema.axes);
  const auto axes = model::category_axes(schema.axes);
  for (std::size_t c = 0; c < axes.size(); ++c) {
    auto& added = result.new_labels[c];
    result.labels.push_back(find_labels(delta.labels[c], schema.axes[axes[c]], categories[c], added));
    result.extents[axes[c]] += added.size();
  }
  check_size(result.extents);
  for (const auto& block : delta.blocks)
    if (const auto axis = lacking_axis(block, result.labels); axis && !is_zero(block))
      throw std::invalid_argument{"axis '" + delta.axes[axes[*axis]].name() +
                                  "': the addend has entries in its overflow bin, and the histogram has none: empty "
                                  "that bin, or give the entries a label"};
  return result;
}

std::optional<std::size_t> lacking_axis(const block& block, std::span<const label_bins> labels) {
  for (std::size_t c = 0; c < labels.size(); ++c) {
    if (labels[c].overflow != overflow_code) continue;
    const bool needs = c == block.span ? std::ranges::find(block.row_codes, overflow_code) != block.row_codes.end()
                                       : block.codes[c] == overflow_code;
    if (needs) return c;
  }
  return {};
}

}  // namespace hugehist::write
