#include "store/staged_store.hpp"

#include "base/checked.hpp"
#include "store/compaction.hpp"
#include "store/staged_histogram.hpp"
#include "store/text.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <unordered_map>

namespace hugehist::store {
namespace {

class staged_store final : public store {
 public:
  explicit staged_store(std::unique_ptr<backend> medium);
  ~staged_store() override;
  staged_store(const staged_store&) = delete;
  staged_store& operator=(const staged_store&) = delete;

  std::string name() const override { return backend_->name(); }
  bool writable() const noexcept override { return backend_->writable(); }
  bool is_outdated() override { return backend_->is_outdated(); }

  std::vector<std::string> histograms() const override;
  bool contains(const std::string& name) const override { return names_.contains(name); }
  histogram_id find(const std::string& name) const override;
  const histogram_record& record(histogram_id id) const override { return at(id).record; }
  const std::string& name_of(histogram_id id) const override { return at(id).name; }

  histogram_id create(const std::string& name, histogram_record record) override;
  void remove(histogram_id id) override;
  histogram_id create_rollup(histogram_id of, histogram_record record) override;
  void set_stale(histogram_id rollup, bool stale) override;
  void append_labels(histogram_id id, std::size_t axis, std::span<const std::string> labels) override;
  void set_chunk_shape(histogram_id id, std::vector<std::size_t> shape) override;
  void set_variance_known(histogram_id id, bool known) override;

  chunk_area& area() noexcept override { return area_; }
  found_chunk find_chunk(const chunk_key& key, std::size_t plane) override;
  bool has_chunk(const chunk_key& key, std::size_t plane) override;
  void set_chunk(const chunk_key& key, std::size_t plane, const chunk_area::location& where) override;
  storage_usage usage(histogram_id id) const override;
  void visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) override;
  std::string uuid() const override { return backend_->uuid(); }
  std::vector<std::string> strangers() const override { return backend_->strangers(); }

  const file_record& file() const override { return file_; }
  void set_attribute(const std::string& key, std::optional<scalar> value) override;
  void set_counter(const counter_key& key, std::optional<double> value) override;

  const merge_ledger& ledger() const override { return ledger_; }
  void add_to_ledger(const merge_id& id) override;

  std::uint64_t pending_bytes() const noexcept override { return pending_bytes_; }
  bool has_changes() const noexcept override { return changed_; }

  void mark() override;
  void revert() noexcept override;
  void release() noexcept override;

  void commit() override;
  void rollback() override;

 private:
  const staged_histogram& at(histogram_id id) const;
  staged_histogram& at(histogram_id id) { return const_cast<staged_histogram&>(std::as_const(*this).at(id)); }
  /// As at(), for changing it.
  staged_histogram& changeable(histogram_id id);
  void check_writable() const;
  void check_free(const std::string& name) const;
  void check_unmarked(const char* what) const;
  /// Makes room in the undo log first, so that nothing is changed that could not be undone.
  template <class Undo, class Change>
  void change(Undo undo, Change&& make);
  template <class Map>
  void set_entry(Map& map, const typename Map::key_type& key, std::optional<typename Map::mapped_type> value);
  change_set collect() const;
  void forget(const chunk_area::location& where) noexcept;
  void undo_one(undo_step& entry) noexcept;

  std::unique_ptr<backend> backend_;
  chunk_area& area_;
  std::uint64_t pending_bytes_ = 0;  // of the chunks that wait in it
  std::unordered_map<histogram_id, std::unique_ptr<staged_histogram>> histograms_;
  std::map<std::string, histogram_id> names_;  // of the working state
  histogram_id next_id_ = 0;

  file_record file_;
  std::optional<file_record> committed_file_;  // once file_ has changed
  merge_ledger ledger_;
  bool changed_ = false;
  bool has_committed_ = false;

  struct {
    bool set = false;
    bool changed = false;
    std::vector<undo_step> log;
  } mark_;
};

staged_store::staged_store(std::unique_ptr<backend> medium) : backend_{std::move(medium)}, area_{backend_->area()} {
  for (auto& stored : backend_->load()) {
    auto histogram = std::make_unique<staged_histogram>();
    histogram->name = std::move(stored.name);
    histogram->record = std::move(stored.record);
    histogram->committed = true;
    if (histogram->record.kept_axes.empty()) {
      names_.emplace(histogram->name, next_id_);
    } else {  // its histogram came before it
      histogram->owner = find(histogram->name.substr(0, histogram->name.rfind(rollup_folder)));
      histograms_.at(*histogram->owner)->record.rollups.push_back(next_id_);
    }
    histograms_.emplace(next_id_++, std::move(histogram));
  }
  for (auto& [id, histogram] : histograms_) histogram->before = histogram->make_snapshot();
  file_ = backend_->load_file();
  ledger_ = backend_->load_ledger();
}

/// A file in which commits left much free is made shorter. Where that fails it stays as it is.
staged_store::~staged_store() {
  if (!has_committed_ || !backend_->intact()) return;
  try {
    std::vector<std::pair<histogram_id, storage>> ours;
    for (const auto& [id, histogram] : histograms_)
      if (histogram->committed && histogram->record.growable) ours.emplace_back(id, histogram->record.schema.kind);
    compact(*backend_, ours);
  } catch (const std::exception&) {
    return;
  }
}

// ---- histograms

std::vector<std::string> staged_store::histograms() const {
  std::vector<std::string> result;
  for (const auto& [name, id] : names_) result.push_back(name);
  return result;
}

histogram_id staged_store::find(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) throw key_error{"'" + this->name() + "' has no histogram '" + name + "'"};
  return found->second;
}

const staged_histogram& staged_store::at(histogram_id id) const {
  const auto found = histograms_.find(id);
  if (found == histograms_.end()) throw key_error{"this histogram of '" + name() + "' is gone"};
  if (found->second->removed)
    throw key_error{"histogram '" + found->second->name + "' of '" + name() + "' was removed"};
  return *found->second;
}

void staged_store::check_writable() const {
  if (!writable())
    throw std::invalid_argument{"'" + name() + "' is open for reading only: open it with mode 'r+' or 'a'"};
}

staged_histogram& staged_store::changeable(histogram_id id) {
  check_writable();
  auto& histogram = at(id);
  if (!histogram.record.growable)
    throw std::invalid_argument{"histogram '" + histogram.name + "' of '" + name() +
                                "' was written by another program and can only be read: create a new histogram "
                                "over the same axes and merge this one into it"};
  return histogram;
}

void staged_store::check_unmarked(const char* what) const {
  if (mark_.set) throw std::logic_error{std::string{what} + " between mark and release"};
}

void staged_store::check_free(const std::string& name) const {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument{"cannot create histogram '" + name + "' in '" + this->name() + "': " + why};
  };
  if (names_.contains(name)) refuse("there is one of that name; remove it first");
  if (names_.contains("/")) refuse("the whole file is one histogram; use another file");
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
    if (names_.contains(name.substr(0, slash)))
      refuse("'" + name.substr(0, slash) + "' is a histogram, and nothing can lie below one");
  const auto below = names_.lower_bound(name + "/");
  if (below != names_.end() && below->first.starts_with(name + "/"))
    refuse("it would hold the histogram '" + below->first + "'");
  backend_->check_name(name);
}

histogram_id staged_store::create(const std::string& name, histogram_record record) {
  check_unmarked("create");
  check_writable();
  check_histogram_name(name);
  model::validate(record.schema);
  check_schema(record.schema);
  if (!record.chunk_shape.empty()) check_chunk_shape(record.chunk_shape, record.schema);
  if (record.has_variations_axis && record.variations_axis >= record.schema.axes.size())
    throw std::invalid_argument{"histogram '" + name + "': there is no such axis of variations"};
  if (!record.expected.empty() && record.expected.size() != record.schema.axes.size())
    throw std::invalid_argument{"histogram '" + name + "': expected extents need one length for each axis"};
  check_free(name);

  auto histogram = std::make_unique<staged_histogram>();
  histogram->name = name;
  histogram->record = std::move(record);
  histogram->record.growable = true;
  const auto entry = histograms_.emplace(next_id_, std::move(histogram)).first;
  try {
    names_.emplace(name, next_id_);
  } catch (...) {
    histograms_.erase(entry);
    throw;
  }
  changed_ = true;
  return next_id_++;
}

histogram_id staged_store::create_rollup(histogram_id of, histogram_record record) {
  check_unmarked("create_rollup");
  auto& owner = changeable(of);
  assert(!record.kept_axes.empty() && record.kept_axes.size() == record.schema.axes.size());
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(owner.record.rollups, [&](auto id) { return at(id).name == name; });
  };
  auto histogram = std::make_unique<staged_histogram>();
  for (std::size_t i = 0; histogram->name.empty() || is_taken(histogram->name); ++i)
    histogram->name = owner.name + rollup_folder + std::to_string(i);
  histogram->record = std::move(record);
  histogram->owner = of;
  owner.record.rollups.reserve(owner.record.rollups.size() + 1);
  histograms_.emplace(next_id_, std::move(histogram));
  owner.record.rollups.push_back(next_id_);
  changed_ = true;
  return next_id_++;
}

void staged_store::set_stale(histogram_id rollup, bool stale) {
  check_unmarked("set_stale");
  changeable(rollup).record.stale = stale;
  changed_ = true;
}

void staged_store::remove(histogram_id id) {
  check_unmarked("remove");
  check_writable();
  auto& histogram = at(id);
  if (histogram.name == "/")
    throw std::invalid_argument{"the whole file '" + name() + "' is this one histogram: delete the file instead"};
  while (!histogram.record.rollups.empty()) remove(histogram.record.rollups.back());
  if (histogram.owner) std::erase(histograms_.at(*histogram.owner)->record.rollups, id);
  histogram.chunks.for_each_location([&](const auto& location) { forget(location); });
  names_.erase(histogram.name);
  changed_ = true;
  if (!histogram.committed) {
    histograms_.erase(id);
    return;
  }
  histogram.chunks.clear();
  histogram.removed = true;
}

template <class Undo, class Change>
void staged_store::change(Undo undo, Change&& make) {
  if (!mark_.set) {
    make();
  } else {
    mark_.log.emplace_back(std::move(undo));
    try {
      make();
    } catch (...) {
      mark_.log.pop_back();
      throw;
    }
  }
  changed_ = true;
}

void staged_store::append_labels(histogram_id id, std::size_t axis, std::span<const std::string> labels) {
  auto& histogram = changeable(id);
  auto& target = histogram.record.schema.axes.at(axis);
  if (!target.is_growing())
    throw std::invalid_argument{axis::to_string(target) + " of histogram '" + histogram.name +
                                "' does not grow: labels can be added to growing category axes only"};
  for (const auto& label : labels) check_label(label);
  auto extents = model::extents(histogram.record.schema.axes);
  extents[axis] += labels.size();
  base::checked_multiply(base::checked_product(extents, "the number of bins"), element_size * 2,
                         "the size of the histogram in bytes");
  change(undo_labels{&histogram, axis, target.size()}, [&] { target.append_labels(labels); });
}

void staged_store::set_chunk_shape(histogram_id id, std::vector<std::size_t> shape) {
  auto& histogram = changeable(id);
  check_chunk_shape(shape, histogram.record.schema);
  change(undo_shape{&histogram, histogram.record.chunk_shape},
         [&] { histogram.record.chunk_shape = std::move(shape); });
}

void staged_store::set_variance_known(histogram_id id, bool known) {
  auto& histogram = changeable(id);
  auto& flag = histogram.record.schema.variance_known;
  if (flag != known) change(undo_variance{&histogram, flag}, [&] { flag = known; });
}

// ---- chunks

found_chunk staged_store::find_chunk(const chunk_key& key, std::size_t plane) {
  const auto& histogram = at(key.histogram);
  if (const auto* location = histogram.chunks.find(key.coordinate, plane)) return *location;
  if (!histogram.committed) return {};
  return backend_->find_chunk(key, plane);
}

bool staged_store::has_chunk(const chunk_key& key, std::size_t plane) {
  const auto& histogram = at(key.histogram);
  if (histogram.chunks.find(key.coordinate, plane) != nullptr) return true;
  return histogram.committed && backend_->has_chunk(key, plane);
}

void staged_store::set_chunk(const chunk_key& key, std::size_t plane, const chunk_area::location& where) {
  pending_bytes_ += where.size;
  try {
    auto& histogram = changeable(key.histogram);
    assert(plane < planes(histogram.record.schema.kind).size());
    assert(key.coordinate.rank == histogram.record.chunk_shape.size());
    auto& slot = histogram.chunks.slot(key.coordinate, plane);
    const auto previous = slot;
    change(undo_chunk{&slot, previous}, [&] { slot = where; });
    if (previous && !mark_.set) forget(*previous);
  } catch (...) {
    forget(where);
    throw;
  }
}

void staged_store::forget(const chunk_area::location& where) noexcept {
  area_.forget(where);
  pending_bytes_ -= where.size;
}

storage_usage staged_store::usage(histogram_id id) const {
  return at(id).committed ? backend_->usage(id) : storage_usage{};
}

void staged_store::visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) {
  const auto& histogram = at(id);
  for (const auto& entry : histogram.chunks.sorted())
    if (entry.locations[plane]) visitor.found(entry.coordinate);
  if (!histogram.committed) return;
  const auto is_older = [&](const chunk_coordinate& where) { return histogram.chunks.find(where, plane) == nullptr; };
  backend_->visit_chunks(id, plane,
                         {[&](const auto& where) {
                            if (is_older(where)) visitor.found(where);
                          },
                          [&](const auto& where, const auto& reason) {
                            if (is_older(where)) visitor.unreadable(where, reason);
                          }});
}

// ---- file and ledger

template <class Map>
void staged_store::set_entry(Map& map, const typename Map::key_type& key,
                             std::optional<typename Map::mapped_type> value) {
  check_unmarked("a change of attributes or counters");
  check_writable();
  const auto found = map.find(key);
  if (value ? found != map.end() && found->second == *value : found == map.end()) return;
  if (!committed_file_) committed_file_ = file_;
  if (value)
    map.insert_or_assign(key, std::move(*value));
  else
    map.erase(key);
  changed_ = true;
}

void staged_store::set_attribute(const std::string& key, std::optional<scalar> value) {
  if (value) check_attribute(key, *value);
  set_entry(file_.attributes, key, std::move(value));
}

void staged_store::set_counter(const counter_key& key, std::optional<double> value) {
  if (value) check_counter_key(key);
  set_entry(file_.counters, key, value);
}

void staged_store::add_to_ledger(const merge_id& id) {
  check_writable();
  if (!ledger_.has(id)) change(undo_ledger{}, [&] { ledger_.add(id); });
}

// ---- marks

void staged_store::mark() {
  check_unmarked("mark");
  mark_.set = true;
  mark_.changed = changed_;
}

void staged_store::undo_one(undo_step& entry) noexcept {
  if (auto* chunk = std::get_if<undo_chunk>(&entry)) {
    if (*chunk->slot) forget(**chunk->slot);
    *chunk->slot = chunk->previous;
  } else if (auto* labels = std::get_if<undo_labels>(&entry)) {
    labels->histogram->record.schema.axes[labels->axis].truncate_labels(labels->labels);
  } else if (auto* shape = std::get_if<undo_shape>(&entry)) {
    shape->histogram->record.chunk_shape.swap(shape->shape);
  } else if (auto* variance = std::get_if<undo_variance>(&entry)) {
    variance->histogram->record.schema.variance_known = variance->known;
  } else {
    ledger_.undo();
  }
}

void staged_store::revert() noexcept {
  assert(mark_.set);
  for (auto entry = mark_.log.rbegin(); entry != mark_.log.rend(); ++entry) undo_one(*entry);
  changed_ = mark_.changed;
  mark_.log.clear();
  mark_.set = false;
}

void staged_store::release() noexcept {
  assert(mark_.set);
  for (const auto& entry : mark_.log)
    if (const auto* chunk = std::get_if<undo_chunk>(&entry); chunk != nullptr && chunk->previous)
      forget(*chunk->previous);
  std::vector<undo_step>{}.swap(mark_.log);
  mark_.set = false;
}

// ---- commit and rollback

change_set staged_store::collect() const {
  change_set changes;
  std::map<histogram_id, const staged_histogram*> in_order;
  for (const auto& [id, histogram] : histograms_) in_order.emplace(id, histogram.get());
  for (const auto& [id, histogram] : in_order) {
    if (histogram->removed)
      changes.removed.push_back(id);
    else if (!histogram->committed)
      changes.create.push_back({id, histogram->name, histogram->record});
    else if (histogram->record_changed())
      changes.change.push_back({id, histogram->name, &histogram->record, histogram->before.labels,
                                histogram->record.chunk_shape != histogram->before.chunk_shape});
    histogram->chunks.for_each_location(
        [&](const chunk_area::location& location) { changes.chunk_bytes += location.size; });
  }
  changes.for_each_chunk = [in_order = std::move(in_order)](const auto& visit) {
    for (const auto& [id, histogram] : in_order)
      for (const auto& entry : histogram->chunks.sorted())
        for (std::size_t plane = 0; plane < entry.locations.size(); ++plane)
          if (entry.locations[plane]) visit({id, entry.coordinate}, plane, *entry.locations[plane]);
  };
  if (committed_file_ && file_ != *committed_file_) changes.file = &file_;
  changes.new_ledger_entries = ledger_.pending_entries();
  return changes;
}

void staged_store::commit() {
  check_unmarked("commit");
  if (!changed_) return;
  // Copies beforehand: after apply() nothing may fail.
  std::unordered_map<histogram_id, staged_histogram::snapshot> snapshots;
  for (const auto& [id, histogram] : histograms_)
    if (!histogram->removed && (!histogram->committed || histogram->record_changed()))
      snapshots.emplace(id, histogram->make_snapshot());
  backend_->apply(collect());
  for (auto entry = histograms_.begin(); entry != histograms_.end();) {
    auto& histogram = *entry->second;
    if (histogram.removed) {
      entry = histograms_.erase(entry);
      continue;
    }
    if (const auto made = snapshots.find(entry->first); made != snapshots.end())
      histogram.before = std::move(made->second);
    histogram.committed = true;
    histogram.chunks.clear();
    ++entry;
  }
  committed_file_.reset();
  ledger_.settle();
  pending_bytes_ = 0;
  changed_ = false;
  has_committed_ = true;
}

void staged_store::rollback() {
  check_unmarked("rollback");
  if (!changed_) return;
  if (!backend_->intact())
    throw error{"a commit to '" + name() +
                "' failed midway, so its last state is not there to go back to: commit again once the cause is mended, "
                "or close the file and restore it from a copy"};
  for (auto entry = histograms_.begin(); entry != histograms_.end();) {
    auto& histogram = *entry->second;
    histogram.chunks.for_each_location([&](const auto& location) { forget(location); });
    if (!histogram.committed) {
      names_.erase(histogram.name);
      entry = histograms_.erase(entry);
      continue;
    }
    histogram.chunks.clear();
    ++entry;
  }
  for (auto& [id, histogram] : histograms_) {
    auto& [labels, chunk_shape, variance_known, rollups, stale] = histogram->before;
    for (std::size_t i = 0; i < labels.size(); ++i) histogram->record.schema.axes[i].truncate_labels(labels[i]);
    histogram->record.chunk_shape = chunk_shape;
    histogram->record.schema.variance_known = variance_known;
    histogram->record.rollups = rollups;
    histogram->record.stale = stale;
    histogram->removed = false;
    if (!histogram->owner) names_.emplace(histogram->name, id);
  }
  if (committed_file_) file_ = std::move(*committed_file_);
  committed_file_.reset();
  while (ledger_.pending() > 0) ledger_.undo();
  changed_ = false;
}

}  // namespace

std::unique_ptr<store> make_staged_store(std::unique_ptr<backend> backend) {
  return std::make_unique<staged_store>(std::move(backend));
}

}  // namespace hugehist::store
