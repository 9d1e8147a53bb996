#include "write/merge.hpp"

#include "base/checked.hpp"
#include "chunk/policy.hpp"
#include "model/schema.hpp"
#include "write/merge_plan.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>

namespace hugehist::write {
namespace {

/// One merge: looks first, then changes the structure under a mark, then the chunks.
class merger {
 public:
  merger(const delta_data& delta, const write_target& target, const std::optional<merge_id>& id,
         const std::function<void(std::size_t, std::size_t)>& progress)
      : delta_{delta}, target_{target}, id_{id}, progress_{progress}, record_{target.store.record(target.id)} {}

  void run() {
    named([&] { check_compatible(delta_, record_.schema); });
    named([&] { find_labels(); });
    named([&] { find_extents(); });
    auto layout = target_.layout;
    if (layout.grid.rank() == 0) layout.grid = chunk::grid{chunk_shape()};

    std::optional<merge_plan> made;
    named([&] { made.emplace(delta_, layout, extents_, std::move(labels_)); });
    auto& plan = *made;
    target_.pool.parallel_for(plan.pieces(), [&](std::size_t i, unsigned) { plan.test(i); });
    plan.finish();

    apply({.layout = layout,
           .chunks = plan.coordinates(),
           .structure = [&] { change_structure(); },
           .change = [&](std::size_t i, auto& pin) { plan.add(i, pin); },
           .progress = progress_},
          target_);
  }

 private:
  /// Runs a check; what it refuses gets the names of histogram and file.
  template <class Check>
  void named(const Check& check) const {
    try {
      check();
    } catch (const std::invalid_argument& problem) {
      for (const auto& name : target_.store.histograms())
        if (target_.store.find(name) == target_.id)
          throw std::invalid_argument{"cannot add to histogram '" + name + "' in '" + target_.store.name() +
                                      "': " + problem.what()};
      throw;
    }
  }

  /// Where the delta's labels go, and which of them are new. Nothing changes yet.
  void find_labels() {
    const auto categories = model::category_axes(record_.schema.axes);
    new_labels_.resize(categories.size());
    for (std::size_t c = 0; c < categories.size(); ++c) {
      const auto& axis = record_.schema.axes[categories[c]];
      const auto& index = target_.categories[c];
      auto& made = labels_.emplace_back();
      for (const auto& label : delta_.labels[c]) {
        if (const auto bin = index.find(label)) {
          made.bins.push_back(*bin);
          continue;
        }
        if (!axis.is_growing())
          throw std::invalid_argument{"axis '" + axis.name() + "' does not grow and has no label '" + label +
                                      "', which the addend has"};
        made.bins.push_back(static_cast<std::uint32_t>(index.size() + new_labels_[c].size()));
        new_labels_[c].push_back(label);
      }
      if (index.size() + new_labels_[c].size() > std::numeric_limits<std::int32_t>::max() - 2)
        throw std::invalid_argument{"axis '" + axis.name() + "' would get more than 2^31 - 3 labels"};
      if (axis.overflow()) made.overflow = static_cast<std::uint32_t>(axis.size());
    }
  }

  void find_extents() {
    extents_ = model::extents(record_.schema.axes);
    const auto categories = model::category_axes(record_.schema.axes);
    for (std::size_t c = 0; c < categories.size(); ++c) extents_[categories[c]] += new_labels_[c].size();
    auto cells = base::checked_product(extents_, "the number of bins");
    cells = base::checked_multiply(cells, element_size, "the size of the histogram in bytes");
    if (cells > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()))
      throw std::invalid_argument{"its size would not fit 63 bits"};
  }

  /// The shape for the first chunks, chosen with the axes as they will be.
  std::vector<std::size_t> chunk_shape() const {
    if (!record_.chunk_shape.empty()) return record_.chunk_shape;
    auto grown = record_;
    const auto categories = model::category_axes(grown.schema.axes);
    for (std::size_t c = 0; c < categories.size(); ++c) grown.schema.axes[categories[c]].append_labels(new_labels_[c]);
    return chunk::choose_chunk_shape(grown);
  }

  /// Labels, variance flag and the id. REQUIRES: the store is marked
  void change_structure() {
    const auto categories = model::category_axes(record_.schema.axes);
    for (std::size_t c = 0; c < categories.size(); ++c) {
      if (new_labels_[c].empty()) continue;
      for (const auto& label : new_labels_[c]) target_.categories[c].add(label);
      target_.store.append_labels(target_.id, categories[c], new_labels_[c]);
    }
    if (delta_.kind == storage::double_ && !delta_.variance_known && record_.schema.variance_known)
      target_.store.set_variance_known(target_.id, false);
    if (id_) target_.store.add_to_ledger(*id_);
  }

  const delta_data& delta_;
  const write_target& target_;
  const std::optional<merge_id>& id_;
  const std::function<void(std::size_t, std::size_t)>& progress_;
  const store::histogram_record& record_;
  std::vector<label_bins> labels_;
  std::vector<std::vector<std::string>> new_labels_;  // for each category axis
  std::vector<std::size_t> extents_;                  // once it has grown
};

}  // namespace

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

void merge(const delta_data& delta, const write_target& target, const std::optional<merge_id>& id,
           const std::function<void(std::size_t, std::size_t)>& progress) {
  merger{delta, target, id, progress}.run();
}

}  // namespace hugehist::write
