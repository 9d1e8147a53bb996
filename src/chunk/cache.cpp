#include "chunk/cache.hpp"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/thread_pool.hpp"
#include "chunk/chunk_io.hpp"
#include "chunk/chunk_memory.hpp"
#include "chunk/lru_list.hpp"
#include "chunk/row_sources.hpp"
#include "codec/row_matches.hpp"

namespace hugehist::chunk {
namespace {

enum class entry_state {
  loading,  ///< its first user fills it; others wait
  ready,
  writing,  ///< somebody encodes and writes it; it may be read, not changed
};

/// One chunk in memory. It is in the LRU list when nobody has it pinned.
struct entry : lru_node {
  chunk_format format;
  const store::chunk_key* key = nullptr;  // the map's
  chunk_memory::allocation data;
  entry_state state = entry_state::loading;
  bool dirty = false;
  bool blank = false;  // not stored, and the memory holds anything: for as long as it is pinned and clean
  std::size_t pins = 0;
  chunk::row_sources rows;

  void write_out_rows() noexcept { rows.write_out(data.get(), format.row_bytes); }
};

chunk_format format_of(const layout& layout) {
  const auto plane = layout.grid.cells() * element_size;
  const auto row = layout.variations_axis ? layout.grid.strides().at(*layout.variations_axis) * element_size : 0;
  return {layout.codec, layout.planes, plane, codec::row_matches::is_worth_a_look(plane, row) ? row : 0};
}

std::string mebibytes(std::size_t bytes) {
  if (bytes < (std::size_t{1} << 20)) return std::to_string((bytes + 1023) >> 10) + " KiB";
  return std::to_string((bytes + (std::size_t{1} << 20) - 1) >> 20) + " MiB";
}

}  // namespace

struct chunk_cache::impl {
  impl(store::store& store, std::size_t budget_bytes, std::size_t memory_option)
      : io{store}, budget{budget_bytes}, memory{memory_option}, chunks{budget_bytes} {}
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  using lock_type = std::unique_lock<std::mutex>;

  entry* find(const store::chunk_key& key) {
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : &found->second;
  }
  void pin(entry& e) noexcept {
    lru.remove(e);
    ++e.pins;
  }
  void unpin(entry& e) noexcept {
    assert(e.pins > 0);
    if (--e.pins == 0 && e.blank)
      remove(e);
    else if (e.pins == 0)
      lru.add_newest(e);
    if (waiting > 0) changed.notify_all();
  }
  void wait(lock_type& lock) {
    ++waiting;
    changed.wait(lock);
    --waiting;
  }
  void finish(entry& e, entry_state state) noexcept {
    e.state = state;
    if (waiting > 0) changed.notify_all();
  }

  void make_room(lock_type& lock, std::size_t bytes);
  entry* oldest_idle() const noexcept;
  void write(lock_type& lock, entry& e);
  void write_all(base::thread_pool& pool, std::vector<store::chunk_key> keys);
  void remove(entry& e) noexcept;
  entry& load(lock_type& lock, const layout& layout, const store::chunk_key& key);
  [[noreturn]] void throw_no_room(std::size_t bytes, std::size_t pinned) const;

  chunk_io io;
  const std::size_t budget;
  const std::size_t memory;

  mutable std::mutex mutex;         // guards all that follows, and the entries but for their data
  std::condition_variable changed;  // an entry's state or pins
  unsigned waiting = 0;
  chunk_memory chunks;  // of all entries
  std::unordered_map<store::chunk_key, entry, store::chunk_key_hash> entries;
  lru_list lru;
  std::size_t used = 0;     // bytes of all entries, loading ones included; <= budget
  std::size_t writing = 0;  // entries in that state
  std::uint64_t hits = 0, misses = 0;
};

entry* chunk_cache::impl::oldest_idle() const noexcept {
  for (auto* node = lru.oldest(); node != lru.end(); node = node->next)
    if (auto* e = static_cast<entry*>(node); e->state == entry_state::ready) return e;
  return nullptr;
}

/// Evicts until `bytes` fit. The lock is open while an entry is written, so the caller looks again afterwards.
void chunk_cache::impl::make_room(lock_type& lock, std::size_t bytes) {
  if (bytes > budget) throw_no_room(bytes, 0);
  while (used > budget - bytes) {
    auto* victim = oldest_idle();
    if (victim == nullptr) {
      if (writing == 0) throw_no_room(bytes, used);
      wait(lock);  // what others write can be evicted next
    } else if (victim->dirty) {
      write(lock, *victim);  // evicted in the next round, unless somebody wants it again by then
    } else {
      remove(*victim);
    }
  }
}

/// Writes a ready entry; it is clean afterwards. On an exception it stays dirty.
void chunk_cache::impl::write(lock_type& lock, entry& e) {
  assert(e.state == entry_state::ready);
  e.state = entry_state::writing;
  ++writing;
  lock.unlock();
  try {
    io.write(e.format, *e.key, e.data.get(), e.rows);
  } catch (...) {
    lock.lock();
    --writing;
    finish(e, entry_state::ready);
    throw;
  }
  lock.lock();
  --writing;
  e.dirty = false;
  finish(e, entry_state::ready);
}

void chunk_cache::impl::remove(entry& e) noexcept {
  assert(e.state != entry_state::writing);
  lru.remove(e);
  used -= e.format.chunk_bytes();
  entries.erase(entries.find(*e.key));
}

/// Makes a pinned entry and fills it from the store. REQUIRES: there is room and no such entry
entry& chunk_cache::impl::load(lock_type& lock, const layout& layout, const store::chunk_key& key) {
  auto data = chunks.take(layout.chunk_bytes());
  const auto [position, is_new] = entries.try_emplace(key);
  assert(is_new);
  auto& e = position->second;
  e.key = &position->first;
  e.format = format_of(layout);
  e.data = std::move(data);
  e.pins = 1;
  used += layout.chunk_bytes();
  ++misses;
  lock.unlock();
  try {
    e.rows = row_sources{e.format.planes, e.format.rows()};
    e.blank = !io.read(e.format, key, e.data.get());
  } catch (...) {
    lock.lock();
    remove(e);
    changed.notify_all();
    throw;
  }
  lock.lock();
  finish(e, entry_state::ready);
  return e;
}

void chunk_cache::impl::write_all(base::thread_pool& pool, std::vector<store::chunk_key> keys) {
  std::sort(keys.begin(), keys.end());  // neighbours in the file are written together
  pool.parallel_for(keys.size(), [&](std::size_t item, unsigned) {
    lock_type lock{mutex};
    auto* e = find(keys[item]);
    while (e != nullptr && e->state != entry_state::ready) {
      wait(lock);
      e = find(keys[item]);
    }
    if (e != nullptr && e->dirty) write(lock, *e);
  });
}

void chunk_cache::impl::throw_no_room(std::size_t bytes, std::size_t pinned) const {
  std::string message = "a chunk of " + mebibytes(bytes) + " does not fit in the chunk cache of " + mebibytes(budget);
  if (pinned > 0) message += ", of which " + mebibytes(pinned) + " are in use";
  const auto needed = static_cast<double>(bytes + pinned) / static_cast<double>(std::max<std::size_t>(budget, 1));
  message += ": open the file with memory= ";
  if (memory > 0)
    message += "of at least " + mebibytes(static_cast<std::size_t>(needed * static_cast<double>(memory)) + 1);
  else
    message += "at least " + std::to_string(static_cast<std::uint64_t>(needed) + 1) + " times as large";
  throw std::invalid_argument{message + ", or create the histogram with smaller chunks="};
}

// --- pinned_chunk

pinned_chunk::pinned_chunk(pinned_chunk&& other) noexcept
    : cache_{std::exchange(other.cache_, nullptr)},
      entry_{std::exchange(other.entry_, nullptr)},
      data_{std::exchange(other.data_, nullptr)},
      plane_bytes_{other.plane_bytes_} {}

pinned_chunk& pinned_chunk::operator=(pinned_chunk&& other) noexcept {
  pinned_chunk old{std::move(*this)};
  cache_ = std::exchange(other.cache_, nullptr);
  entry_ = std::exchange(other.entry_, nullptr);
  data_ = std::exchange(other.data_, nullptr);
  plane_bytes_ = other.plane_bytes_;
  return *this;
}

pinned_chunk::~pinned_chunk() {
  if (entry_ == nullptr) return;
  auto& impl = *cache_->impl_;
  const std::lock_guard lock{impl.mutex};
  impl.unpin(*static_cast<entry*>(entry_));
}

bool pinned_chunk::is_blank() const noexcept {
  assert(entry_ != nullptr);
  const std::lock_guard lock{cache_->impl_->mutex};
  return static_cast<entry*>(entry_)->blank;
}

void pinned_chunk::mark_dirty() noexcept {
  const bool was_blank = is_blank();
  mark_dirty_as_it_is();
  if (was_blank)
    std::memset(data_, 0, static_cast<entry*>(entry_)->format.chunk_bytes());
  else
    static_cast<entry*>(entry_)->write_out_rows();
}

void pinned_chunk::mark_dirty_as_it_is() noexcept {
  assert(entry_ != nullptr);
  const std::lock_guard lock{cache_->impl_->mutex};
  auto& e = *static_cast<entry*>(entry_);
  e.dirty = true;
  e.blank = false;
}

std::span<std::uint32_t> pinned_chunk::row_sources(std::size_t plane) const noexcept {
  return static_cast<entry*>(entry_)->rows.plane(plane);
}

// --- chunk_cache

chunk_cache::chunk_cache(store::store& store, std::size_t budget, std::size_t memory)
    : impl_{std::make_unique<impl>(store, budget, memory)} {}

chunk_cache::~chunk_cache() = default;

std::size_t chunk_cache::budget() const noexcept { return impl_->budget; }

std::size_t chunk_cache::size_bytes() const noexcept {
  const std::lock_guard lock{impl_->mutex};
  return impl_->used;
}

cache_stats chunk_cache::stats() const noexcept {
  const std::lock_guard lock{impl_->mutex};
  const auto& io = impl_->io;
  return {io.chunks_read(), io.chunks_written(), impl_->hits, impl_->misses, io.bytes_read(), io.bytes_written()};
}

pinned_chunk chunk_cache::acquire(const layout& layout, const store::chunk_coordinate& coordinate) {
  const store::chunk_key key{layout.id, coordinate};
  impl::lock_type lock{impl_->mutex};
  for (;;) {
    auto* e = impl_->find(key);
    if (e != nullptr && e->state == entry_state::ready) {
      ++impl_->hits;
      impl_->pin(*e);
      return pin_of(e);
    }
    if (e != nullptr) {
      impl_->wait(lock);
      continue;
    }
    impl_->make_room(lock, layout.chunk_bytes());
    // Unless another thread was faster while the lock was open:
    if (impl_->find(key) == nullptr) return pin_of(&impl_->load(lock, layout, key));
  }
}

pinned_chunk chunk_cache::find(const layout& layout, const store::chunk_coordinate& coordinate) {
  const store::chunk_key key{layout.id, coordinate};
  impl::lock_type lock{impl_->mutex};
  auto* e = impl_->find(key);
  while (e != nullptr && e->state != entry_state::ready) {
    impl_->wait(lock);
    e = impl_->find(key);
  }
  if (e == nullptr) return {};
  e->write_out_rows();
  ++impl_->hits;
  impl_->pin(*e);
  return pin_of(e);
}

pinned_chunk chunk_cache::pin_of(void* handle) noexcept {
  const auto& e = *static_cast<entry*>(handle);
  pinned_chunk pin;
  pin.cache_ = this;
  pin.entry_ = handle;
  pin.data_ = e.data.get();
  pin.plane_bytes_ = e.format.plane_bytes;
  return pin;
}

bool chunk_cache::read_through(const layout& layout, const store::chunk_coordinate& coordinate,
                               std::span<std::byte> planes) {
  assert(planes.size() == layout.chunk_bytes());
  {
    const std::lock_guard lock{impl_->mutex};
    ++impl_->misses;
  }
  return impl_->io.read(format_of(layout), {layout.id, coordinate}, planes.data());
}

bool chunk_cache::exists(const layout& layout, const store::chunk_coordinate& coordinate) {
  const store::chunk_key key{layout.id, coordinate};
  {
    const std::lock_guard lock{impl_->mutex};
    if (impl_->find(key) != nullptr) return true;
  }
  return impl_->io.exists(format_of(layout), key);
}

bool chunk_cache::has_changes() const noexcept {
  const std::lock_guard lock{impl_->mutex};
  return std::ranges::any_of(impl_->entries, [](const auto& held) { return held.second.dirty; });
}

void chunk_cache::write_back(base::thread_pool& pool) {
  std::vector<store::chunk_key> dirty;
  {
    const std::lock_guard lock{impl_->mutex};
    for (const auto& [key, e] : impl_->entries)
      if (e.dirty) dirty.push_back(key);
  }
  impl_->write_all(pool, std::move(dirty));
}

void chunk_cache::write_back(base::thread_pool& pool, const layout& layout,
                             std::span<const store::chunk_coordinate> coordinates) {
  std::vector<store::chunk_key> dirty;
  {
    const std::lock_guard lock{impl_->mutex};
    for (const auto& coordinate : coordinates) {
      store::chunk_key key{layout.id, coordinate};
      if (const auto* e = impl_->find(key); e != nullptr && e->dirty) dirty.push_back(key);
    }
  }
  impl_->write_all(pool, std::move(dirty));
}

void chunk_cache::drop(const layout& layout, std::span<const store::chunk_coordinate> coordinates) noexcept {
  const std::lock_guard lock{impl_->mutex};
  for (const auto& coordinate : coordinates)
    if (auto* e = impl_->find({layout.id, coordinate})) impl_->remove(*e);
}

void chunk_cache::drop(store::histogram_id id) noexcept {
  const std::lock_guard lock{impl_->mutex};
  for (auto next = impl_->entries.begin(); next != impl_->entries.end();) {
    const auto current = next++;
    if (current->first.histogram == id) impl_->remove(current->second);
  }
}

void chunk_cache::drop_all() noexcept {
  const std::lock_guard lock{impl_->mutex};
  while (!impl_->entries.empty()) impl_->remove(impl_->entries.begin()->second);
  impl_->chunks.release();
}

}  // namespace hugehist::chunk
