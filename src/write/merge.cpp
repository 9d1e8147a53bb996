#include "write/merge.hpp"

#include "chunk/policy.hpp"
#include "model/schema.hpp"
#include "write/merge_plan.hpp"
#include "write/placement.hpp"

#include <functional>
#include <stdexcept>

namespace hugehist::write {
namespace {

/// One merge: looks first, then changes the structure under a mark, then the chunks.
class merger {
 public:
  merger(const delta_data& delta, const write_target& target, const std::optional<merge_id>& id,
         const std::function<void(std::size_t, std::size_t)>& progress)
      : delta_{delta}, target_{target}, id_{id}, progress_{progress}, record_{target.store.record(target.id)} {}

  /// Refuses what cannot be added. Nothing changes.
  void check() {
    try {
      places_ = place(delta_, record_.schema, target_.categories);
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument{"cannot add to histogram '" + target_.store.name_of(target_.id) + "' in '" +
                                  target_.store.name() + "': " + problem.what()};
    }
    layout_ = target_.layout;
    if (layout_.grid.rank() == 0) layout_.grid = chunk::grid{chunk_shape()};
  }

  void run() {
    check();
    merge_plan plan{delta_, layout_, places_.extents, std::move(places_.labels)};
    target_.pool.parallel_for(plan.pieces(), [&](std::size_t i, unsigned) { plan.test(i); });
    plan.finish();

    apply({.layout = layout_,
           .chunks = plan.coordinates(),
           .structure = [&] { change_structure(); },
           .change = [&](std::size_t i, auto& pin) { plan.add(i, pin); },
           .progress = progress_},
          target_);
  }

 private:
  /// The shape for the first chunks, chosen with the axes as they will be.
  std::vector<std::size_t> chunk_shape() const {
    if (!record_.chunk_shape.empty()) return record_.chunk_shape;
    auto grown = record_;
    const auto categories = model::category_axes(grown.schema.axes);
    for (std::size_t c = 0; c < categories.size(); ++c)
      grown.schema.axes[categories[c]].append_labels(places_.new_labels[c]);
    return chunk::choose_chunk_shape(grown);
  }

  /// Labels, variance flag and the id. REQUIRES: the store is marked
  void change_structure() {
    const auto categories = model::category_axes(record_.schema.axes);
    for (std::size_t c = 0; c < categories.size(); ++c) {
      if (places_.new_labels[c].empty()) continue;
      for (const auto& label : places_.new_labels[c]) target_.categories[c].add(label);
      target_.store.append_labels(target_.id, categories[c], places_.new_labels[c]);
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
  placement places_;
  chunk::layout layout_;
};

}  // namespace

void merge(const delta_data& delta, const write_target& target, const std::optional<merge_id>& id,
           const std::function<void(std::size_t, std::size_t)>& progress) {
  merger{delta, target, id, progress}.run();
}

void check(const delta_data& delta, const write_target& target) { merger{delta, target, {}, {}}.check(); }

}  // namespace hugehist::write
