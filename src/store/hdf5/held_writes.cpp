#include "store/hdf5/held_writes.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace hugehist::store::hdf5 {

void held_writes::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  auto first = ranges_.upper_bound(offset);
  if (first != ranges_.begin()) {
    const auto before = std::prev(first);
    if (before->first + before->second.size() > offset) first = before;
  }
  const auto end = offset + bytes.size();
  // Within one range, as nearly always: an object is written again.
  if (first != ranges_.end() && first->first <= offset && end <= first->first + first->second.size()) {
    std::memcpy(first->second.data() + (offset - first->first), bytes.data(), bytes.size());
    return;
  }
  auto begin = offset;
  auto last = first;
  std::vector<std::byte> merged{bytes.begin(), bytes.end()};
  for (; last != ranges_.end() && last->first < end; ++last) {
    const auto& [at, held] = *last;
    if (at < begin) {
      merged.insert(merged.begin(), held.begin(), held.begin() + static_cast<std::ptrdiff_t>(begin - at));
      begin = at;
    }
    if (at + held.size() > end)
      merged.insert(merged.end(), held.end() - static_cast<std::ptrdiff_t>(at + held.size() - end), held.end());
  }
  // All memory is there before anything is let go.
  std::map<std::uint64_t, std::vector<std::byte>> made;
  made.emplace(begin, std::move(merged));
  ranges_.erase(first, last);
  ranges_.merge(made);
}

void held_writes::patch(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  const auto end = offset + to.size();
  auto range = ranges_.upper_bound(offset);
  if (range != ranges_.begin()) --range;
  for (; range != ranges_.end() && range->first < end; ++range) {
    const auto& [at, held] = *range;
    const auto from = std::max(at, offset), until = std::min(at + held.size(), end);
    if (from < until) std::memcpy(to.data() + (from - offset), held.data() + (from - at), until - from);
  }
}

held_writes held_writes::before(std::uint64_t end) const {
  held_writes result;
  for (const auto& [offset, content] : ranges_) {
    if (offset >= end) break;
    result.write(offset, std::span{content}.first(std::min<std::uint64_t>(content.size(), end - offset)));
  }
  return result;
}

std::uint64_t held_writes::bytes() const noexcept {
  std::uint64_t result = 0;
  for (const auto& [offset, content] : ranges_) result += content.size();
  return result;
}

std::uint64_t held_writes::end() const noexcept {
  return ranges_.empty() ? 0 : ranges_.rbegin()->first + ranges_.rbegin()->second.size();
}

}  // namespace hugehist::store::hdf5
