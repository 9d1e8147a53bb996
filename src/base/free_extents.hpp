// Free parts of a file or of memory, by offset and by size. A plain value, not synchronised.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <utility>

namespace hugehist::base {

class free_extents {
 public:
  /// Takes so many bytes out of the smallest extent that has them; nothing where none has.
  std::optional<std::uint64_t> take(std::uint64_t size) {
    const auto found = by_size_.lower_bound({size, 0});
    if (found == by_size_.end()) return {};
    return take_from(found->second, found->first, size);
  }

  /// The same from the first extents where it can, so that what lies behind becomes free.
  std::optional<std::uint64_t> take_low(std::uint64_t size) {
    constexpr int looked_at = 100;
    const auto found = take_among(looked_at, size, std::numeric_limits<std::uint64_t>::max());
    return found ? found : take(size);
  }

  /// Bytes before `end`; nothing where the first thousand extents have none.
  std::optional<std::uint64_t> take_before(std::uint64_t end, std::uint64_t size) {
    constexpr int looked_at = 1000;
    return take_among(looked_at, size, end);
  }

  /// Gives an extent back, joined with its neighbours; returns offset and size of what they became. What is free
  /// already stays free. On an exception all of it is forgotten.
  std::pair<std::uint64_t, std::uint64_t> give(std::uint64_t offset, std::uint64_t size) {
    auto end = offset + size;
    auto next = by_offset_.upper_bound(offset);
    if (next != by_offset_.begin() && std::prev(next)->first + std::prev(next)->second >= offset) --next;
    while (next != by_offset_.end() && next->first <= end) {
      const auto [begin, length] = *next++;
      offset = std::min(offset, begin);
      end = std::max(end, begin + length);
      erase(begin, length);
    }
    if (end > offset) insert(offset, end - offset);
    return {offset, end - offset};
  }

  /// Takes these bytes out, as far as they are free. What there is no memory for is taken out, too.
  void remove(std::uint64_t offset, std::uint64_t size) noexcept {
    const auto end = offset + size;
    auto next = by_offset_.upper_bound(offset);
    if (next != by_offset_.begin() && std::prev(next)->first + std::prev(next)->second > offset) --next;
    while (next != by_offset_.end() && next->first < end) {
      const auto [begin, length] = *next++;
      erase(begin, length);
      try {
        if (begin < offset) insert(begin, offset - begin);
        if (begin + length > end) insert(end, begin + length - end);
      } catch (const std::bad_alloc&) {
        continue;
      }
    }
  }

  /// Whether any of these bytes is free.
  bool overlaps(std::uint64_t offset, std::uint64_t size) const {
    const auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first < offset + size) return true;
    return next != by_offset_.begin() && std::prev(next)->first + std::prev(next)->second > offset;
  }

  std::uint64_t bytes() const noexcept { return bytes_; }

  /// Calls visit(offset, size) for each extent.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [offset, size] : by_offset_) visit(offset, size);
  }

 private:
  std::optional<std::uint64_t> take_among(int first, std::uint64_t size, std::uint64_t end) {
    auto best = by_offset_.end();
    auto next = by_offset_.begin();
    for (int i = 0; i < first && next != by_offset_.end() && next->first < end && size <= end - next->first;
         ++i, ++next)
      if (next->second >= size && (best == by_offset_.end() || next->second < best->second)) best = next;
    if (best == by_offset_.end()) return {};
    return take_from(best->first, best->second, size);
  }
  std::uint64_t take_from(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
    erase(offset, length);
    if (length > size) insert(offset + size, length - size);
    return offset;
  }
  void insert(std::uint64_t offset, std::uint64_t size) {
    const auto position = by_offset_.emplace(offset, size).first;
    try {
      by_size_.emplace(size, offset);
    } catch (...) {
      by_offset_.erase(position);
      throw;
    }
    bytes_ += size;
  }
  void erase(std::uint64_t offset, std::uint64_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
    bytes_ -= size;
  }

  std::map<std::uint64_t, std::uint64_t> by_offset_;           // size
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  // size, offset
  std::uint64_t bytes_ = 0;
};

}  // namespace hugehist::base
