#include "base/checked.hpp"
#include "file_impl.hpp"
#include "write/delta_outline.hpp"
#include "write/merge.hpp"
#include "write/overwrite.hpp"

#include <algorithm>
#include <stdexcept>

namespace hugehist {
namespace {

/// Labels that another thread added since a map was made are not in it: they are dropped. Nothing where there are none.
std::vector<std::vector<axis_map>> with_later_labels(std::span<const std::vector<axis_map>> selections,
                                                     const std::vector<axis::any>& axes) {
  const auto is_short = [&](const std::vector<axis_map>& maps) {
    for (std::size_t i = 0; i < std::min(maps.size(), axes.size()); ++i)
      if (axes[i].is_growing() && maps[i].target.size() < axes[i].extent()) return true;
    return false;
  };
  std::vector<std::vector<axis_map>> result;
  if (std::ranges::none_of(selections, is_short)) return result;
  result.assign(selections.begin(), selections.end());
  for (auto& maps : result)
    for (std::size_t i = 0; i < std::min(maps.size(), axes.size()); ++i) {
      auto& [target, bins, factor] = maps[i];
      const auto extent = axes[i].extent();
      if (!axes[i].is_growing() || target.size() >= extent) continue;
      if (factor.size() == target.size()) factor.resize(extent, 1.0);
      target.resize(extent, axis_map::dropped);
    }
  return result;
}

}  // namespace

histogram::histogram(std::shared_ptr<state> shared) noexcept : state_{std::move(shared)} {}

std::string histogram::name() const { return state_->name; }
storage histogram::kind() const { return state_->kind; }

std::vector<axis::any> histogram::axes() const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  // Labels that only the buffer knows are part of the axes, and get their bins now; its events can wait.
  if (state_->owner->writable) state_->owner->add_filled_labels(*state_);
  return state_->owner->store->record(state_->id).schema.axes;
}

metadata_map histogram::metadata() const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  return state_->owner->store->record(state_->id).schema.metadata;
}

bool histogram::variance_known() const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  if (state_->owner->writable) state_->owner->flush(*state_);
  return state_->owner->store->record(state_->id).schema.variance_known;
}

void histogram::fill(const fill_arguments& arguments, unsigned threads) {
  state_->owner->fill(*state_, arguments, threads);
}

bool histogram::merge(const delta& addend, const std::optional<merge_id>& id, const progress_callback& progress) {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  if (id && file.is_merged(*id)) return false;
  file.make_room();
  file.add_filled_labels(*state_);  // what was filled before comes before, also where it waits
  file.merge(*state_, addend, id, progress);
  file.try_to_make_room();
  return true;
}

void histogram::check(const delta& addend) const {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  file.add_filled_labels(*state_);  // as merge does: they count
  write::check(addend.data(), file.target_of(*state_));
}

std::size_t histogram::check(std::span<const std::byte> compact, std::size_t max_memory) const {
  const auto outline = write::read_outline(compact, max_memory);
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  file.add_filled_labels(*state_);
  write::check(outline, file.target_of(*state_));
  return outline.size_bytes;
}

fill_buffer histogram::buffer() const { return {axes(), kind()}; }

void histogram::grow(const std::string& axis_name, std::span<const std::string> labels) {
  const auto index = axis_index(axis_name);
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  const auto& axes = file.store->record(state_->id).schema.axes;
  if (!axes[index].is_growing())
    throw std::invalid_argument{"axis '" + axis_name + "' of histogram '" + state_->name + "' does not grow"};
  file.merge_unmerged(*state_);  // its labels come first
  file.add_labels(*state_, index, labels);
}

void histogram::overwrite(std::span<const std::vector<std::size_t>> bins, const dense_planes& content,
                          std::span<const std::uint8_t> chosen) {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  file.flush(*state_);
  file.make_room();
  write::overwrite(bins, content, chosen, file.target_of(*state_));
  rollups::overwritten(file.rolled(*state_), bins);
  file.try_to_make_room();
}

dense_planes histogram::read(std::span<const axis_map> maps, const progress_callback& progress) const {
  const std::vector<axis_map> one(maps.begin(), maps.end());
  return std::move(read_many(std::span{&one, 1}, progress).front());
}

std::vector<dense_planes> histogram::read_many(std::span<const std::vector<axis_map>> selections,
                                               const progress_callback& progress) const {
  auto& file = *state_->owner;
  const auto lock = file.enter();
  file.check_usable(*state_);
  if (file.writable) file.flush(*state_);
  const auto grown = with_later_labels(selections, file.store->record(state_->id).schema.axes);
  return rollups::read(file.rolled(*state_), grown.empty() ? selections : grown, progress);
}

std::vector<std::vector<std::size_t>> histogram::rollups() const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  std::vector<std::vector<std::size_t>> result;
  for (const auto& each : state_->rollups) result.push_back(each.axes);
  return result;
}

void histogram::add_rollup(std::span<const axis_reference> kept, const progress_callback& progress) {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  file.flush(*state_);
  rollups::add(file.rolled(*state_),
               rollups::find_axes(kept, file.store->record(state_->id).schema.axes, "histogram '" + state_->name + "'"),
               progress);
}

void histogram::remove_rollup(std::span<const axis_reference> kept) {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  rollups::remove(file.rolled(*state_), rollups::find_axes(kept, file.store->record(state_->id).schema.axes,
                                                           "histogram '" + state_->name + "'"));
}

void histogram::rebuild_rollups(const progress_callback& progress) {
  auto& file = *state_->owner;
  const auto lock = file.enter_to_write();
  file.check_mergeable(*state_);
  file.flush(*state_);
  rollups::rebuild(file.rolled(*state_), progress);
}

std::vector<rollup_damage> histogram::check_rollups(const progress_callback& progress) const {
  auto& file = *state_->owner;
  const auto lock = file.enter();
  file.check_usable(*state_);
  if (file.writable) {
    file.flush(*state_);
    rollups::refresh(file.rolled(*state_));
  }
  return rollups::check(file.rolled(*state_), progress);
}

std::size_t histogram::axis_index(const std::string& name) const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  const auto& axes = state_->owner->store->record(state_->id).schema.axes;
  return model::find_axis(axes, name, "histogram '" + state_->name + "'");
}

histogram_stats histogram::stats() const {
  const auto lock = state_->owner->enter();
  state_->owner->check_usable(*state_);
  const auto& record = state_->owner->store->record(state_->id);
  const auto usage = state_->owner->store->usage(state_->id);
  const auto cells = base::checked_product(model::extents(record.schema.axes), "the number of bins");
  return {.dense_bytes = cells * planes(state_->kind).size() * element_size,
          .stored_bytes = usage.bytes,
          .stored_chunks = usage.chunks,
          .chunk_shape = record.chunk_shape};
}

}  // namespace hugehist
