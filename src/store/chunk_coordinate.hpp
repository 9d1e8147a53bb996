// Where a chunk lies in the grid of its histogram, and which plane of it is meant.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace hugehist::store {

inline constexpr std::size_t max_rank = 32;  // of HDF5 datasets and of Boost.Histogram

/// Position in units of chunks, one index for each axis. Ordered as in the file: C order.
struct chunk_coordinate {
  std::array<std::uint32_t, max_rank> index{};
  std::uint32_t rank = 0;

  chunk_coordinate() = default;
  explicit chunk_coordinate(std::span<const std::uint32_t> indices) : rank{static_cast<std::uint32_t>(indices.size())} {
    std::copy(indices.begin(), indices.end(), index.begin());
  }

  std::span<const std::uint32_t> indices() const noexcept { return {index.data(), rank}; }
  bool operator==(const chunk_coordinate& other) const noexcept {
    return std::ranges::equal(indices(), other.indices());
  }
  std::strong_ordering operator<=>(const chunk_coordinate& other) const noexcept {
    return std::lexicographical_compare_three_way(index.begin(), index.begin() + rank, other.index.begin(),
                                                  other.index.begin() + other.rank);
  }
};

/// Names an open histogram of a store for as long as the store is open; never used twice.
using histogram_id = std::uint32_t;

struct chunk_key {
  histogram_id histogram = 0;
  chunk_coordinate coordinate;
  auto operator<=>(const chunk_key&) const = default;
  bool operator==(const chunk_key&) const = default;
};

struct chunk_key_hash {
  std::size_t operator()(const chunk_key& key) const noexcept {
    std::uint64_t hash = 0x9e3779b97f4a7c15ULL ^ key.histogram;
    for (auto i : key.coordinate.indices()) {
      hash = (hash ^ i) * 0xff51afd7ed558ccdULL;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>(hash);
  }
};

}  // namespace hugehist::store
