#include "rollups.hpp"

#include "base/checked.hpp"
#include "model/schema.hpp"
#include "read/plan.hpp"
#include "read/reduce.hpp"
#include "rollup_parts.hpp"
#include "write/merge.hpp"
#include "write/overwrite.hpp"
#include "write/project.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <stdexcept>
#include <utility>

namespace hugehist::rollups {
namespace {

const std::vector<axis::any>& axes_of(const context& of, store::histogram_id id) {
  return of.store.record(id).schema.axes;
}

std::string described(const std::vector<axis::any>& axes, const std::vector<std::size_t>& kept) {
  std::string text;
  for (const auto axis : kept) text += (text.empty() ? "(" : ", ") + model::describe(axes[axis], axis);
  return text + ")";
}

write::write_target target_of(const context& of, rollup& target) {
  return {of.store, of.cache, of.pool, target.id, target.categories, target.layout};
}

/// The labels from that position on: all of them would be too many to list for each that is added.
std::vector<std::string> labels_from(const axis::any& axis, std::size_t first) {
  std::vector<std::string> result;
  if (const auto* strings = std::get_if<axis::str_category>(&axis.kind()))
    result.assign(strings->labels.begin() + static_cast<std::ptrdiff_t>(first), strings->labels.end());
  if (const auto* integers = std::get_if<axis::int_category>(&axis.kind()))
    for (auto i = first; i < integers->labels.size(); ++i) result.push_back(std::to_string(integers->labels[i]));
  return result;
}

/// The labels that the histogram got and the roll-up did not.
void add_labels(const context& of, rollup& target) {
  std::size_t category = 0;
  for (std::size_t i = 0; i < target.axes.size(); ++i) {
    const auto& axis = axes_of(of, of.id)[target.axes[i]];
    if (!axis.is_category()) continue;
    auto& index = target.categories[category++];
    const auto known = index.size();
    if (axis.size() == known) continue;
    const auto added = labels_from(axis, known);
    try {
      for (const auto& label : added) index.add(label);
      of.store.append_labels(target.id, i, added);
    } catch (...) {
      index.truncate(known);
      throw;
    }
  }
}

store::histogram_record record_for(const store::histogram_record& whole, const std::vector<std::size_t>& kept) {
  store::histogram_record record;
  record.schema = {{}, whole.schema.kind, {}, whole.schema.variance_known};
  record.codec = whole.codec;
  record.kept_axes = kept;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    record.schema.axes.push_back(whole.schema.axes[kept[i]]);
    record.expected.push_back(whole.expected.empty() ? 0 : whole.expected[kept[i]]);
    if (!record.schema.axes.back().is_category()) continue;
    record.variations_axis = i;
    record.has_variations_axis = true;
  }
  return record;
}

/// The bins of each axis that are to be made anew.
bin_lists touched_bins(const rollup& target, const std::vector<std::size_t>& extents) {
  bin_lists bins;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    auto& list = bins.emplace_back();
    if (!target.all_touched) {
      list.assign(target.touched[i].begin(), target.touched[i].end());
      continue;
    }
    list.resize(extents[i]);
    for (std::size_t bin = 0; bin < extents[i]; ++bin) list[bin] = bin;
  }
  return bins;
}

/// Sums what was touched anew, part by part.
void make_anew(const context& of, rollup& target, const histogram::progress_callback& progress) {
  add_labels(of, target);
  const auto extents = model::extents(axes_of(of, target.id));
  const auto all_bins = touched_bins(target, extents);
  if (of.layout.grid.rank() != 0 && std::ranges::none_of(all_bins, &std::vector<std::size_t>::empty)) {
    const auto whole = model::extents(axes_of(of, of.id));
    const read::read_source source{of.cache, of.pool, of.layout, of.kind, whole};
    const auto parts = split(all_bins, part_cells(of.memory, of.kind));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto maps = maps_of(parts[i], target.axes, whole);
      auto content = read::read(source, maps, part_progress(progress, i, parts.size()));
      content.shape.clear();
      for (const auto& list : parts[i]) content.shape.push_back(list.size());
      write::overwrite(parts[i], content, {}, target_of(of, target));
    }
  }
  if (of.store.record(target.id).stale) of.store.set_stale(target.id, false);
  target.all_touched = false;
  target.touched.clear();
}

/// The one factor of all bins, 1 where there is none; nothing where the map is no sum over the whole axis.
std::optional<double> whole_sum(const axis_map& map) {
  if (map.extent != 1 || std::ranges::any_of(map.target, [](auto target) { return target != 0; })) return {};
  if (map.factor.empty()) return 1.0;
  if (std::ranges::adjacent_find(map.factor, std::not_equal_to{}) != map.factor.end()) return {};
  return map.factor.front();
}

/// The selection on the roll-up, or nothing where the roll-up lacks what it asks for.
std::optional<std::vector<axis_map>> maps_on(const rollup& source, std::span<const axis_map> maps) {
  std::vector<axis_map> result;
  double factor = 1;
  bool scaled = false;
  for (std::size_t i = 0, next = 0; i < maps.size(); ++i) {
    if (next < source.axes.size() && source.axes[next] == i) {
      ++next;
      continue;
    }
    const auto sum = whole_sum(maps[i]);
    if (!sum) return {};
    factor *= *sum;
    scaled = scaled || !maps[i].factor.empty();
  }
  for (const auto axis : source.axes) result.push_back(maps[axis]);
  if (scaled) {
    auto& first = result.front();
    if (first.factor.empty()) first.factor.assign(first.target.size(), 1.0);
    for (auto& each : first.factor) each *= factor;
  }
  return result;
}

bool is_readable(const context& of, const rollup& source) {
  if (source.is_touched() || of.store.record(source.id).stale) return false;
  for (std::size_t i = 0; i < source.axes.size(); ++i)
    if (axes_of(of, source.id)[i].extent() != axes_of(of, of.id)[source.axes[i]].extent()) return false;
  return true;
}

}  // namespace

chunk::layout layout_of(store::histogram_id id, const store::histogram_record& record) {
  return {.id = id,
          .grid = chunk::grid{record.chunk_shape},
          .codec = record.codec,
          .planes = planes(record.schema.kind).size(),
          .variations_axis = record.has_variations_axis ? std::optional{record.variations_axis} : std::nullopt};
}

rollup load(const store::store& store, store::histogram_id id) {
  const auto& record = store.record(id);
  rollup made;
  made.id = id;
  made.axes = record.kept_axes;
  for (const auto& axis : record.schema.axes)
    if (axis.is_category()) made.categories.emplace_back(axis.labels());
  made.layout = layout_of(id, record);
  return made;
}

std::vector<std::size_t> find_axes(std::span<const axis_reference> kept, const std::vector<axis::any>& axes,
                                   const std::string& owner) {
  std::vector<std::size_t> found;
  for (const auto& reference : kept) found.push_back(model::find_axis(axes, reference, owner));
  std::ranges::sort(found);
  const auto refuse = [&](const std::string& why) { throw std::invalid_argument{owner + ": " + why}; };
  if (found.empty()) refuse("a roll-up keeps at least one axis: name those that it shall have");
  if (std::ranges::adjacent_find(found) != found.end()) refuse("a roll-up keeps an axis once, not twice");
  if (found.size() == axes.size()) refuse("a roll-up of all axes would be a copy of the histogram: leave some out");
  return found;
}

void add(const context& of, const std::vector<std::size_t>& axes, const histogram::progress_callback& progress) {
  if (std::ranges::find(of.rollups, axes, &rollup::axes) != of.rollups.end())
    throw std::invalid_argument{"histogram '" + of.name + "' has a roll-up of " + described(axes_of(of, of.id), axes) +
                                " already"};
  const auto id = of.store.create_rollup(of.id, record_for(of.store.record(of.id), axes));
  try {
    auto& made = of.rollups.emplace_back(load(of.store, id));
    made.all_touched = true;
    make_anew(of, made, progress);
  } catch (...) {
    std::erase_if(of.rollups, [id](const auto& each) { return each.id == id; });
    of.cache.drop(id);
    of.store.remove(id);
    throw;
  }
}

void remove(const context& of, const std::vector<std::size_t>& axes) {
  const auto found = std::ranges::find(of.rollups, axes, &rollup::axes);
  if (found == of.rollups.end())
    throw key_error{"histogram '" + of.name + "' has no roll-up of " + described(axes_of(of, of.id), axes)};
  of.store.remove(found->id);
  of.cache.drop(found->id);
  of.rollups.erase(found);
}

void merged(const context& of, const delta& addend) noexcept {
  for (auto& each : of.rollups) {
    try {
      if (each.all_touched || of.store.record(each.id).stale) continue;
      add_labels(of, each);
      write::merge(write::project(addend.data(), each.axes, of.pool), target_of(of, each));
    } catch (const std::exception&) {
      each.all_touched = true;
    }
  }
}

void grown(const context& of) noexcept {
  for (auto& each : of.rollups) {
    try {
      add_labels(of, each);
    } catch (const std::exception&) {
      each.all_touched = true;
    }
  }
}

void overwritten(const context& of, std::span<const std::vector<std::size_t>> bins) noexcept {
  for (auto& each : of.rollups) {
    try {
      each.touched.resize(each.axes.size());
      for (std::size_t i = 0; i < each.axes.size(); ++i)
        each.touched[i].insert(bins[each.axes[i]].begin(), bins[each.axes[i]].end());
    } catch (const std::exception&) {
      each.all_touched = true;
    }
  }
}

void rebuild(const context& of, const histogram::progress_callback& progress) {
  for (auto& each : of.rollups) each.all_touched = true;
  for (std::size_t i = 0; i < of.rollups.size(); ++i)
    make_anew(of, of.rollups[i], part_progress(progress, i, of.rollups.size()));
}

void refresh(const context& of) {
  for (auto& each : of.rollups) {
    if (!each.is_touched()) continue;
    try {
      make_anew(of, each, {});
    } catch (const std::exception&) {
      of.store.set_stale(each.id, true);
      each.all_touched = true;
    }
  }
}

std::vector<dense_planes> read(const context& of, std::span<const std::vector<axis_map>> selections,
                               const histogram::progress_callback& progress) {
  const auto extents = model::extents(axes_of(of, of.id));
  std::map<const rollup*, std::vector<std::size_t>> by_source;  // null: the histogram's own chunks
  std::vector<std::vector<axis_map>> maps(selections.size());
  for (std::size_t s = 0; s < selections.size(); ++s) {
    read::validate(selections[s], extents);
    const rollup* best = nullptr;
    std::size_t best_cells = 0;
    for (const auto& each : of.rollups) {
      if (!is_readable(of, each)) continue;
      auto found = maps_on(each, selections[s]);
      if (!found) continue;
      const auto cells = base::checked_product(model::extents(axes_of(of, each.id)), "the roll-up");
      if (best != nullptr && cells >= best_cells) continue;
      best = &each;
      best_cells = cells;
      maps[s] = std::move(*found);
    }
    if (best == nullptr) maps[s] = selections[s];
    by_source[best].push_back(s);
  }

  // The longest, of the histogram itself, comes last and tells how far it is; the others can only be stopped.
  std::vector<dense_planes> answers(selections.size());
  const auto stoppable = [&progress](std::size_t, std::size_t) { progress(0, 1); };
  for (auto source = by_source.rbegin(); source != by_source.rend(); ++source) {
    const auto& [rolled, members] = *source;
    std::vector<read::axis_maps> wanted;
    for (const auto s : members) wanted.emplace_back(maps[s]);
    const bool is_last = std::next(source) == by_source.rend();
    const auto& report = is_last || !progress ? progress : histogram::progress_callback{stoppable};
    auto contents = read::read_many({of.cache, of.pool, rolled == nullptr ? of.layout : rolled->layout, of.kind,
                                     model::extents(axes_of(of, rolled == nullptr ? of.id : rolled->id))},
                                    wanted, report);
    for (std::size_t i = 0; i < members.size(); ++i) {
      answers[members[i]] = std::move(contents[i]);
      auto& shape = answers[members[i]].shape;
      shape.clear();
      for (const auto& map : selections[members[i]]) shape.push_back(map.extent);
    }
  }
  return answers;
}

}  // namespace hugehist::rollups
