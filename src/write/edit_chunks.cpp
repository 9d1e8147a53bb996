#include "write/edit_chunks.hpp"

#include <mutex>
#include <utility>

namespace hugehist::write {
namespace {

/// Counts chunks, on any thread.
class chunk_counter {
 public:
  chunk_counter(const std::function<void(std::size_t, std::size_t)>& progress, std::size_t all)
      : progress_{progress}, all_{all} {}
  void add_one() {
    if (!progress_) return;
    const std::lock_guard lock{mutex_};
    progress_(++done_, all_);
  }

 private:
  const std::function<void(std::size_t, std::size_t)>& progress_;
  std::size_t all_;
  std::size_t done_ = 0;
  std::mutex mutex_;
};

/// Runs `change` under a mark of the store, and undoes everything that it did when it throws.
template <class Change, class Undo>
void under_mark(const write_target& target, const Change& change, const Undo& undo) {
  std::vector<std::size_t> counts;
  for (const auto& index : target.categories) counts.push_back(index.size());
  auto grid = target.layout.grid;
  target.store.mark();
  try {
    change();
  } catch (...) {
    undo();
    target.store.revert();
    for (std::size_t c = 0; c < counts.size(); ++c) target.categories[c].truncate(counts[c]);
    target.layout.grid = std::move(grid);
    throw;
  }
  target.store.release();
}

/// What the caller changes, and the grid where these are the first chunks. REQUIRES: the store is marked
void change_structure(const chunk_edit& edit, const write_target& target) {
  edit.structure();
  if (edit.chunks.empty() || target.layout.grid.rank() != 0) return;
  if (target.store.record(target.id).chunk_shape.empty())
    target.store.set_chunk_shape(target.id, edit.layout.grid.shape());
  target.layout.grid = edit.layout.grid;
}

/// All chunks are in memory before the first changes; what follows cannot fail. Other chunks that are evicted
/// for them are written before the mark, and so stay written.
void apply_pinned(const chunk_edit& edit, const write_target& target) {
  std::vector<chunk::pinned_chunk> pins(edit.chunks.size());
  chunk_counter counter{edit.progress, pins.size()};
  target.pool.parallel_for(pins.size(), [&](std::size_t i, unsigned) {
    pins[i] = target.cache.acquire(edit.layout, edit.chunks[i]);
    counter.add_one();
  });
  const auto change = [&](std::size_t i, unsigned) { edit.change(i, pins[i]); };
  const std::function<void(std::size_t, unsigned)> work = std::cref(change);
  under_mark(
      target, [&] { change_structure(edit, target); }, [] {});
  target.pool.parallel_for(pins.size(), work);
}

/// Chunks come and go. All that is dirty is written first: what is evicted after the mark is undone with it.
void apply_evicting(const chunk_edit& edit, const write_target& target) {
  chunk_counter counter{edit.progress, edit.chunks.size()};
  target.cache.write_back(target.pool);
  const auto change = [&](std::size_t i, unsigned) {
    auto pin = target.cache.acquire(edit.layout, edit.chunks[i]);
    edit.change(i, pin);
    counter.add_one();
  };
  const auto change_all = [&] {
    change_structure(edit, target);
    // Each thread pins a chunk; where the budget has no room for that, one thread works alone.
    if (target.cache.budget() / edit.layout.chunk_bytes() >= target.pool.size())
      target.pool.parallel_for(edit.chunks.size(), change);
    else
      for (std::size_t i = 0; i < edit.chunks.size(); ++i) change(i, 0);
  };
  under_mark(target, change_all, [&] { target.cache.drop(edit.layout, edit.chunks); });
}

}  // namespace

void apply(const chunk_edit& edit, const write_target& target) {
  if (edit.chunks.size() <= target.cache.budget() / edit.layout.chunk_bytes())
    apply_pinned(edit, target);
  else
    apply_evicting(edit, target);
}

}  // namespace hugehist::write
