#include "join_plan.hpp"

#include "model/category_index.hpp"
#include "model/schema.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace hugehist::join {
namespace {

class planner {
 public:
  explicit planner(std::span<const source> sources) : sources_{sources} {}

  std::vector<planned> run() {
    std::map<std::string, std::vector<part>> by_name;
    for (std::size_t s = 0; s < sources_.size(); ++s)
      for (const auto& name : sources_[s].store->histograms())
        by_name[name].push_back({s, sources_[s].store->find(name), {}});
    std::vector<planned> result;
    result.reserve(by_name.size());
    for (auto& [name, parts] : by_name) result.push_back(plan(name, std::move(parts)));
    return result;
  }

 private:
  const store::histogram_record& record_of(const part& which) const {
    return sources_[which.source].store->record(which.id);
  }

  planned plan(const std::string& name, std::vector<part> parts) const {
    planned made{{name, record_of(parts.front()), {}}, {}};
    auto& record = made.histogram.record;
    const auto rollups = std::exchange(record.rollups, {});
    if (!record.growable) record.codec = {};  // of others, who keep raw numbers
    for (const auto& each : parts) {
      check_fit(name, parts.front(), each);
      if (!record_of(each).schema.variance_known) record.schema.variance_known = false;
    }
    for (std::size_t i = 0; i < record.schema.axes.size(); ++i)
      if (record.schema.axes[i].is_category()) join_labels(name, i, parts, record.schema.axes[i]);
    const auto first = parts.front().source;
    made.histogram.parts = finish(record, std::move(parts));
    for (const auto id : rollups) made.rollups.push_back(plan_rollup(made.histogram, {first, id, {}}));
    return made;
  }

  /// What is joined of the sources' roll-ups, where each has it up to date.
  joined_histogram plan_rollup(const joined_histogram& of, const part& first) const {
    joined_histogram made{of.name, record_of(first), {}};
    const auto& kept = made.record.kept_axes;
    for (std::size_t i = 0; i < kept.size(); ++i) made.record.schema.axes[i] = of.record.schema.axes[kept[i]];
    made.record.schema.variance_known = of.record.schema.variance_known;
    std::vector<part> parts;
    for (const auto& owner : of.parts) {
      const auto& store = *sources_[owner.source].store;
      for (const auto id : store.record(owner.id).rollups)
        if (store.record(id).kept_axes == kept && !store.record(id).stale) parts.push_back({owner.source, id, {}});
    }
    made.record.stale = parts.size() != of.parts.size();
    if (made.record.stale) parts.clear();
    made.parts = finish(made.record, std::move(parts));
    return made;
  }

  [[noreturn]] void refuse(const std::string& name, const part& first, const part& other,
                           const std::string& why) const {
    throw std::invalid_argument{"histogram '" + name + "' of '" + sources_[first.source].path + "' and of '" +
                                sources_[other.source].path + "' cannot be added: " + why};
  }

  void check_fit(const std::string& name, const part& first, const part& other) const {
    const auto &mine = record_of(first).schema, &theirs = record_of(other).schema;
    if (mine.kind != theirs.kind)
      refuse(name, first, other,
             "the storages differ: '" + std::string{to_string(mine.kind)} + "' against '" +
                 std::string{to_string(theirs.kind)} + "'");
    if (mine.axes.size() != theirs.axes.size())
      refuse(name, first, other,
             "the numbers of axes differ: " + std::to_string(mine.axes.size()) + " against " +
                 std::to_string(theirs.axes.size()));
    for (std::size_t i = 0; i < mine.axes.size(); ++i) {
      const auto refuse_axis = [&](const std::string& why) {
        refuse(name, first, other, model::describe(mine.axes[i], i) + ": " + why);
      };
      if (const auto why = axis::incompatibility(mine.axes[i], theirs.axes[i]); !why.empty()) refuse_axis(why);
      if (mine.axes[i].is_growing() != theirs.axes[i].is_growing()) refuse_axis("one grows, and the other does not");
      if (!mine.axes[i].is_category() || mine.axes[i].is_growing()) continue;
      const model::category_index labels{mine.axes[i].labels()};
      for (const auto& label : theirs.axes[i].labels())
        if (!labels.find(label)) refuse_axis("it does not grow, and only one has the label '" + label + "'");
      if (mine.axes[i].size() != theirs.axes[i].size()) refuse_axis("it does not grow, and the labels differ");
    }
  }

  /// Those that come first keep their places.
  void join_labels(const std::string& name, std::size_t axis, std::span<const part> parts, axis::any& to) const {
    model::category_index labels{to.labels()};
    for (const auto& each : parts)
      for (const auto& label : record_of(each).schema.axes[axis].labels()) labels.add(label);
    if (labels.size() == to.size()) return;
    try {
      to = to.with_labels(labels.labels());
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument{"histogram '" + name + "' cannot be joined: " + problem.what()};
    }
  }

  /// Sets the chunk shape of the largest, of which most can be copied (none where all are of others). Parts that have
  /// content, with the places of their bins.
  std::vector<part> finish(store::histogram_record& record, std::vector<part> parts) const {
    std::uint64_t most = 0;
    record.chunk_shape.clear();
    std::erase_if(parts, [&](const auto& each) { return record_of(each).chunk_shape.empty(); });
    for (auto& each : parts) {
      const auto& theirs = record_of(each);
      const auto bytes = sources_[each.source].store->usage(each.id).bytes;
      if (theirs.growable && (record.chunk_shape.empty() || bytes > most)) {
        record.chunk_shape = theirs.chunk_shape;
        most = bytes;
      }
      for (std::size_t i = 0; i < theirs.schema.axes.size(); ++i)
        each.bins.push_back(bins_of(theirs.schema.axes[i], record.schema.axes[i]));
    }
    return parts;
  }

  static std::vector<std::uint32_t> bins_of(const axis::any& from, const axis::any& to) {
    if (!from.is_category()) return {};
    std::vector<std::uint32_t> bins(from.extent());
    std::iota(bins.begin(), bins.end(), std::uint32_t{0});
    const model::category_index index{to.labels()};
    const auto labels = from.labels();
    for (std::size_t i = 0; i < labels.size(); ++i) bins[i] = *index.find(labels[i]);
    return bins;
  }

  std::span<const source> sources_;
};

}  // namespace

std::vector<planned> plan_histograms(std::span<const source> sources) { return planner{sources}.run(); }

}  // namespace hugehist::join
