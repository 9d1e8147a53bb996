// Writes that are held back: what a file would hold at some places, over what it holds. A plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace hugehist::store::hdf5 {

class held_writes {
 public:
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Puts what is held into what was read from `offset`.
  void patch(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// What is held before a place.
  held_writes before(std::uint64_t end) const;
  /// Of all that is held.
  std::uint64_t bytes() const noexcept;
  /// Where the last of it ends.
  std::uint64_t end() const noexcept;
  bool empty() const noexcept { return ranges_.empty(); }
  void clear() noexcept { ranges_.clear(); }
  /// By offset; they do not overlap.
  const std::map<std::uint64_t, std::vector<std::byte>>& ranges() const noexcept { return ranges_; }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> ranges_;
};

}  // namespace hugehist::store::hdf5
