#include "file_impl.hpp"

#include "model/schema.hpp"
#include "write/merge.hpp"

#include <hugehist/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace hugehist {
namespace {

constexpr std::size_t min_memory = std::size_t{8} << 20;
constexpr unsigned max_threads = 1024;

std::string ranges(const std::vector<interval>& parts) {
  constexpr std::size_t shown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(parts.size(), shown); ++i)
    text += (i == 0 ? "[" : ", [") + std::to_string(parts[i].start) + ", " + std::to_string(parts[i].stop) + ")";
  return parts.size() > shown ? text + ", … (" + std::to_string(parts.size()) + " in all)" : text;
}

}  // namespace

void check_options(const file_options& options, const std::string& name) {
  if (options.memory < min_memory)
    throw std::invalid_argument{"file '" + name + "': memory=" + std::to_string(options.memory) +
                                " bytes is too small: give at least 8 MiB"};
  if (options.threads > max_threads)
    throw std::invalid_argument{"file '" + name + "': threads=" + std::to_string(options.threads) +
                                " is too many: give at most 1024, or 0 for one each processor"};
  if (!(options.commit_seconds >= 0))
    throw std::invalid_argument{"file '" + name + "': commit_seconds=" + std::to_string(options.commit_seconds) +
                                " is no time: give seconds, or 0 for never"};
}

std::size_t hdf5_cache_for(const file_options& options) noexcept {
  return std::min(options.memory / 16, std::size_t{32} << 20);
}

void histogram::state::reload() {
  const auto& record = owner->store->record(id);
  kind = record.schema.kind;
  categories.clear();
  for (const auto& axis : record.schema.axes)
    if (axis.is_category()) categories.emplace_back(axis.labels());
  layout = rollups::layout_of(id, record);
  rollups.clear();
  for (const auto each : record.rollups) rollups.push_back(rollups::load(*owner->store, each));
}

file::impl::impl(std::unique_ptr<store::store> opened, file_options given,
                 std::shared_ptr<store::image_source> image_of_file)
    : name{opened->name()},
      writable{opened->writable()},
      options{given},
      owner{::getpid()},
      store{std::move(opened)},
      image{std::move(image_of_file)},
      pool{std::make_unique<base::thread_pool>(options.threads)},
      cache{std::make_unique<chunk::chunk_cache>(*store, options.memory / 2, options.memory)} {
  if (writable && pool->size() > 1) merging = std::make_unique<base::background_task>([this] { merge_waiting(); });
}

// The last handle is gone: what was filled is committed, as by close(), but not while an exception unwinds
// nor in a forked child, whose parent goes on with the file.
file::impl::~impl() {
  if (!in_own_process()) {  // the threads and the file position are the parent's: leave them alone
    static_cast<void>(merging.release());
    static_cast<void>(pool.release());
    static_cast<void>(cache.release());
    static_cast<void>(store.release());
    static_cast<void>(turn.release());
    return;
  }
  merging.reset();
  if (!store) return;
  if (!writable || std::uncaught_exceptions() > 0 || transaction_owner) return;
  try {
    commit();
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "hugehist: file '%s' was dropped without close(), and its last commit failed: %s\n",
                 name.c_str(), problem.what());
  }
}

bool file::impl::in_own_process() const noexcept { return ::getpid() == owner; }

std::unique_lock<std::mutex> file::impl::lock() {
  if (!in_own_process())
    throw error{"file '" + name + "' was opened before a fork: open it again in the child process"};
  std::unique_lock lock{mutex};
  wait_for_turn(lock);
  return lock;
}

std::unique_lock<std::mutex> file::impl::enter() {
  auto lock = this->lock();
  if (!store) throw std::invalid_argument{"file '" + name + "' is closed: open it again"};
  return lock;
}

std::unique_lock<std::mutex> file::impl::enter_to_write() {
  auto lock = enter();
  if (!writable) throw error{"file '" + name + "' is open for reading only: open it with mode 'r+' or 'a'"};
  return lock;
}

histogram::state& file::impl::state_of(const std::string& histogram_name) {
  const auto id = store->find(histogram_name);
  const auto found = states_by_id.find(id);
  return found != states_by_id.end() && !found->second->removed ? *found->second : adopt(histogram_name, id);
}

histogram::state& file::impl::adopt(const std::string& histogram_name, store::histogram_id id) {
  auto state = std::make_unique<histogram::state>();
  state->owner = this;
  state->name = histogram_name;
  state->id = id;
  state->reload();
  const std::lock_guard lock{filling};
  auto& kept = *states.emplace_back(std::move(state));
  states_by_id[id] = &kept;
  return kept;
}

bool file::impl::is_merged(const merge_id& id) const {
  const auto* entries = id.interval();
  if (entries == nullptr || store->ledger().has(id)) return store->ledger().has(id);
  const auto present = store->ledger().present(*entries);
  if (present.empty()) return false;
  throw overlap_error{"file '" + name + "': of the entries " + ranges({*entries}) + " of '" + entries->source + "' " +
                      ranges(present) + " are in already, and a merge cannot be taken apart: merge " +
                      ranges(store->ledger().missing(*entries)) + " (file.ledger.missing lists them) by themselves"};
}

std::optional<double> file::impl::counter(const store::counter_key& key) const {
  const auto& counters = store->file().counters;
  const auto found = counters.find(key);
  if (found == counters.end()) return {};
  return found->second;
}

void file::impl::check_usable(const histogram::state& state) const {
  if (state.removed)
    throw key_error{"histogram '" + state.name + "' was removed from file '" + name + "': this handle is void"};
}

void file::impl::check_mergeable(const histogram::state& state) const {
  check_usable(state);
  if (!store->record(state.id).growable)
    throw error{"histogram '" + state.name + "' in file '" + name +
                "' was written by another library in a form that cannot be added to: copy it into a hugehist "
                "file first, in Python by new['" +
                state.name + "'] = old['" + state.name + "']"};
}

write::write_target file::impl::target_of(histogram::state& state) {
  return {*store, *cache, *pool, state.id, state.categories, state.layout};
}

rollups::context file::impl::rolled(histogram::state& state) {
  return {*store, *cache, *pool, options.memory, state.name, state.id, state.kind, state.layout, state.rollups};
}

void file::impl::merge(histogram::state& state, const delta& addend, const std::optional<merge_id>& id,
                       const histogram::progress_callback& progress) {
  write::merge(addend.data(), target_of(state), id, progress);
  ++merges;
  rollups::merged(rolled(state), addend);
}

void file::impl::add_labels(histogram::state& state, std::size_t axis, std::span<const std::string> labels) {
  const auto all = model::category_axes(store->record(state.id).schema.axes);
  auto& categories = state.categories[static_cast<std::size_t>(std::ranges::find(all, axis) - all.begin())];
  const auto before = categories.size();
  try {
    std::vector<std::string> added;
    for (const auto& label : labels)
      if (categories.add(label) >= before + added.size()) added.push_back(label);
    if (!added.empty()) store->append_labels(state.id, axis, added);
  } catch (...) {
    categories.truncate(before);
    throw;
  }
  rollups::grown(rolled(state));
}

void file::impl::add_filled_labels(histogram::state& state) {
  try {
    merge_unmerged(state);  // its labels come first
  } catch (const std::exception&) {
    // It still waits, and the next merge tells why.
  }
  const std::lock_guard lock{filling};
  if (!state.unmerged && (!state.buffer || state.buffer->empty())) return;
  const auto categories = model::category_axes(store->record(state.id).schema.axes);
  for (std::size_t c = 0; c < categories.size(); ++c) {
    if (!store->record(state.id).schema.axes[categories[c]].is_growing()) continue;
    if (state.unmerged) add_labels(state, categories[c], state.unmerged->data().labels[c]);
    if (state.buffer) add_labels(state, categories[c], state.buffer->labels(categories[c]));
  }
}

void file::impl::commit() {
  for (const auto& state : states) {
    if (state->removed) continue;
    flush(*state);
    rollups::refresh(rolled(*state));
  }
  cache->write_back(*pool);
  if (store->has_changes()) {
    store->commit();
    ++commits;
  }
  last_commit = std::chrono::steady_clock::now();
}

void file::impl::discard() {
  store->rollback();  // refuses after a commit that failed midway, and then nothing may be lost
  cache->drop_all();
  for (const auto& state : states) {
    drop_filled(*state);
    state->removed = !store->contains(state->name) || store->find(state->name) != state->id;
    if (!state->removed) state->reload();
  }
}

void file::impl::reopen(std::unique_ptr<store::store> opened) {
  auto next_cache = std::make_unique<chunk::chunk_cache>(*opened, options.memory / 2, options.memory);
  std::unordered_map<store::histogram_id, histogram::state*> by_id;
  std::vector<std::pair<histogram::state*, store::histogram_id>> kept;
  for (const auto& state : states) {
    if (state->removed || !opened->contains(state->name)) continue;
    const auto id = opened->find(state->name);
    if (!model::has_grown_to(store->record(state->id).schema, opened->record(id).schema)) continue;
    kept.emplace_back(state.get(), id);
    by_id.emplace(id, state.get());
  }
  cache = std::move(next_cache);
  store = std::move(opened);
  states_by_id = std::move(by_id);
  for (const auto& state : states) state->removed = true;
  for (const auto& [state, id] : kept) {
    state->id = id;
    state->removed = false;
    state->reload();
  }
}

void file::impl::close(bool keep) {
  const auto take_fills = [this](bool yes) {
    const std::lock_guard lock{filling};
    takes_fills = yes;
  };
  take_fills(false);  // one that came after the commit's look at the buffers would be lost
  try {
    if (writable && keep) commit();
  } catch (...) {
    take_fills(true);
    throw;
  }
  if (!keep) cache->drop_all();
  cache.reset();
  pool.reset();
  store.reset();
  end_transaction();
}

}  // namespace hugehist
