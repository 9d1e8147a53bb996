// What an open file does with events until they are in its chunks.
//
// Buffers that hold half of their part of the budget hand over: what the largest holds becomes a delta, and the thread
// in the background merges it while fills go on into the empty buffer. One delta waits at a time. When a buffer hands
// over depends on what was filled alone, and what waits is merged before anything that would come after it, so that
// sums are the same to the last bit with and without the thread.

#include "file_impl.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace hugehist {

void file::impl::fill(histogram::state& state, const fill_arguments& arguments, unsigned threads) {
  bool full = false;
  const auto add = [&] {
    state.buffer->fill(arguments, threads == 0 ? pool->size() : threads);
    full = is_full();
  };
  const auto add_beside_merge = [&] {
    if (!in_own_process()) return false;
    const std::lock_guard lock{filling};
    // What is missing here is made, or told, under the other lock.
    if (!takes_fills || !is_my_turn() || merge_failed || !state.buffer || is_full() || is_commit_due()) return false;
    add();
    return true;
  };
  if (!add_beside_merge()) {
    const auto lock = enter_to_write();
    check_mergeable(state);
    make_room();
    const std::lock_guard lock_buffers{filling};
    if (!state.buffer) state.buffer.emplace(store->record(state.id).schema.axes, state.kind);
    add();
  }
  if (!full) return;
  try {
    const auto lock = enter_to_write();
    try_to_make_room();
  } catch (const std::invalid_argument&) {
    // The events are in: whoever closed the file meanwhile has merged them.
  }
}

/// In the background.
void file::impl::merge_waiting() noexcept {
  const std::lock_guard lock{mutex};
  if (!store) return;
  try {
    for (const auto& state : states) merge_unmerged(*state);
  } catch (const std::exception&) {
    const std::lock_guard lock_buffers{filling};
    merge_failed = true;
  }
}

// The delta stays until it is merged, so that a full disk loses no event.
void file::impl::merge_unmerged(histogram::state& state) {
  if (!state.unmerged) return;
  merge(state, *state.unmerged);
  state.unmerged.reset();
}

void file::impl::flush(histogram::state& state) {
  merge_unmerged(state);
  {
    const std::lock_guard lock{filling};
    if (!state.buffer || state.buffer->empty()) return;
    state.unmerged = state.buffer->take();
  }
  merge_unmerged(state);
}

bool file::impl::is_full() const noexcept {
  std::size_t bytes = 0;
  for (const auto& state : states) bytes += state->buffer ? state->buffer->size_bytes() : 0;
  return bytes > options.memory / 8;
}

std::size_t file::impl::buffered_bytes() {
  const std::lock_guard lock{filling};
  std::size_t bytes = 0;
  for (const auto& state : states)
    bytes += (state->buffer ? state->buffer->size_bytes() : 0) + (state->unmerged ? state->unmerged->size_bytes() : 0);
  return bytes;
}

bool file::impl::has_filled() {
  const std::lock_guard lock{filling};
  return std::ranges::any_of(
      states, [](const auto& state) { return state->unmerged || (state->buffer && !state->buffer->empty()); });
}

void file::impl::drop_filled(histogram::state& state) {
  const std::lock_guard lock{filling};
  state.unmerged.reset();
  state.buffer.reset();
}

/// Where buffers are full, what the largest holds becomes a delta that waits. True where the caller is to merge it.
bool file::impl::hand_over() {
  const std::lock_guard lock{filling};
  merge_failed = false;
  if (!is_full()) return false;
  const auto filled = [](const auto& state) { return state->buffer ? state->buffer->size_bytes() : 0; };
  auto& largest = **std::ranges::max_element(states, {}, filled);
  largest.unmerged = largest.buffer->take();
  if (!merging || is_full()) return true;
  merging->wake();
  return false;
}

/// By time.
bool file::impl::is_commit_due() const noexcept {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_commit.load();
  return !transaction_owner && options.commit_seconds > 0 && since.count() >= options.commit_seconds;
}

void file::impl::commit_if_due() {
  const bool has_many = options.commit_bytes > 0 && store->pending_bytes() >= options.commit_bytes;
  if (transaction_owner || (!has_many && !is_commit_due())) return;
  const auto before = commits;
  commit();
  automatic_commits += commits - before;
}

void file::impl::make_room() {
  do {
    for (const auto& state : states) merge_unmerged(*state);
    commit_if_due();
  } while (hand_over());
}

void file::impl::try_to_make_room() noexcept {
  try {
    make_room();
  } catch (const std::exception&) {
    // What waits still waits, in memory or in the store's area; nothing is lost.
    const std::lock_guard lock{filling};
    merge_failed = true;
  }
}

}  // namespace hugehist
