#include "store/hdf5/file_space.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <set>
#include <utility>

namespace hugehist::store::hdf5 {
namespace {

using extent = file_space::extent;
using extents = std::vector<extent>;

/// What lies in both; each by offset.
extents common(std::span<const extent> a, std::span<const extent> b) {
  extents result;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const auto a_end = a[i].offset + a[i].size, b_end = b[j].offset + b[j].size;
    const auto begin = std::max(a[i].offset, b[j].offset), end = std::min(a_end, b_end);
    if (begin < end) result.push_back({begin, end - begin});
    (a_end < b_end ? i : j) += 1;
  }
  return result;
}

/// All that does not lie in them.
extents complement(std::span<const extent> of) {
  extents result;
  std::uint64_t begin = 0;
  for (const auto& [offset, size] : of) {
    if (offset > begin) result.push_back({begin, offset - begin});
    begin = offset + size;
  }
  result.push_back({begin, std::numeric_limits<std::uint64_t>::max() - begin});
  return result;
}

/// Also what lies behind its end.
extents free_of(const file_space::state& state) {
  auto result = state.free;
  result.push_back({state.end, std::numeric_limits<std::uint64_t>::max() - state.end});
  return result;
}

extents listed(const base::free_extents& of) {
  extents result;
  of.for_each([&](std::uint64_t offset, std::uint64_t size) { result.push_back({offset, size}); });
  return result;
}

}  // namespace

void file_space::begin(std::vector<state> states, std::uint64_t least_end) {
  states_ = std::move(states);
  next_ = usable_ = {};
  placed_.clear();
  left_.clear();
  end_ = least_end;
  for (const auto& one : states_) end_ = std::max(end_, one.end);
  const auto& last = states_.back();
  for (const auto& [offset, size] : last.free) next_.give(offset, size);
  next_.give(last.end, end_ - last.end);
}

void file_space::forget_free() noexcept {
  for (auto& one : states_) one.free.clear();
  next_ = {};
  usable_ = {};
}

std::uint64_t file_space::place(std::uint64_t size) {
  auto offset = usable_.take_low(size);
  if (!offset) {
    offset = end();
    next_.give(*offset, size);
    end_ = *offset + size;
  }
  placed_.emplace(*offset, size);
  return *offset;
}

std::optional<std::uint64_t> file_space::place_before(std::uint64_t end, std::uint64_t size) {
  const auto offset = usable_.take_before(end, size);
  if (offset) placed_.emplace(*offset, size);
  return offset;
}

void file_space::take(std::uint64_t offset) noexcept {
  const auto found = placed_.find(offset);
  if (found == placed_.end()) return;
  next_.remove(offset, found->second);
  placed_.erase(found);
}

std::uint64_t file_space::claim(std::uint64_t size) {
  const auto offset = place(size);
  take(offset);
  return offset;
}

void file_space::give_back(std::uint64_t offset) noexcept {
  const auto found = placed_.find(offset);
  if (found == placed_.end()) return;
  const auto size = found->second;
  placed_.erase(found);
  try {
    usable_.give(offset, size);
  } catch (const std::bad_alloc&) {
    return;  // then it is found again after the next commit
  }
}

file_space::state file_space::settle(std::uint64_t number) {
  state result{number, end(), listed(next_)};
  end_ = result.end;
  if (auto& free = result.free; !free.empty() && free.back().offset + free.back().size == result.end) {
    result.end = free.back().offset;
    free.pop_back();
  }
  hdf5_end_ = result.end;
  return result;
}

void file_space::committed(state made) {
  states_.push_back(std::move(made));
  for (const auto offset : left_) give_back(offset);
  left_.clear();
}

std::uint64_t file_space::retired_bytes() const noexcept {
  std::uint64_t placed = 0;
  for (const auto& [offset, size] : placed_) placed += size;
  const auto known = usable_.bytes() + placed;
  return std::max(next_.bytes(), known) - known;
}

std::uint64_t file_space::placed_end() const noexcept {
  return placed_.empty() ? 0 : placed_.rbegin()->first + placed_.rbegin()->second;
}

void file_space::forget_placed() noexcept {
  placed_.clear();
  left_.clear();
  end_ = 0;
}

/// Forgets the states that nobody sees; false where somebody sees one that is not known.
bool file_space::keep(const seen_states& seen) {
  std::set<std::size_t> kept{states_.size() - 1};
  const auto find = [&](std::uint64_t number) {
    const auto next = std::ranges::upper_bound(states_, number, {}, &state::number);
    if (next != states_.begin()) kept.insert(static_cast<std::size_t>(next - states_.begin()) - 1);
    return next != states_.begin();
  };
  if (!find(seen.applied) || !std::ranges::all_of(seen.older, find)) return false;
  // Where the journal loses the last commit, which looks as if it was torn, the one before it is found.
  if (states_.back().number > seen.applied && states_.size() > 1) kept.insert(states_.size() - 2);
  std::vector<state> still;
  still.reserve(kept.size());
  for (const auto i : kept) still.push_back(std::move(states_[i]));
  states_ = std::move(still);
  return true;
}

void file_space::release(const seen_states& seen, std::span<const extent> unapplied) noexcept {
  usable_ = {};
  try {
    if (!keep(seen)) return;
    auto usable = listed(next_);
    for (const auto& one : states_) usable = common(usable, free_of(one));
    usable = common(usable, complement(unapplied));
    extents placed;
    for (const auto& [offset, size] : placed_) placed.push_back({offset, size});
    usable = common(usable, complement(placed));

    auto end = std::max(hdf5_end_, placed_end());
    for (const auto& one : states_) end = std::max(end, one.end);
    if (!unapplied.empty()) end = std::max(end, unapplied.back().offset + unapplied.back().size);
    if (end_ > end) next_.remove(end, end_ - end);
    end_ = end;
    for (const auto& [offset, size] : usable)
      if (offset < end) usable_.give(offset, std::min(size, end - offset));
  } catch (const std::bad_alloc&) {
    return;  // what is not found now is found after the next commit
  }
}

}  // namespace hugehist::store::hdf5
