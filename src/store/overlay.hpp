// The uncommitted chunks of one histogram: which there are, and where.
//
// Keys are the chunk's coordinate as big-endian bytes: short for few axes, and their order is the order in the
// file. Not synchronised.
#pragma once

#include "store/chunk_area.hpp"
#include "store/chunk_coordinate.hpp"

#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace hugehist::store {

class overlay {
 public:
  using planes = std::array<std::optional<chunk_area::location>, max_planes>;

  const chunk_area::location* find(const chunk_coordinate& coordinate, std::size_t plane) const {
    const auto found = chunks_.find(key_of(coordinate));
    if (found == chunks_.end() || !found->second[plane]) return nullptr;
    return &*found->second[plane];
  }

  /// The slot of a chunk's plane, made where there is none. It stays where it is until clear().
  std::optional<chunk_area::location>& slot(const chunk_coordinate& coordinate, std::size_t plane) {
    return chunks_[key_of(coordinate)][plane];
  }

  void clear() noexcept { chunks_.clear(); }

  struct entry {
    chunk_coordinate coordinate;
    planes locations;
  };
  /// All chunks in file order.
  std::vector<entry> sorted() const;

  template <class F>
  void for_each_location(F&& f) const {
    for (const auto& [key, locations] : chunks_)
      for (const auto& location : locations)
        if (location) f(*location);
  }

 private:
  static std::string key_of(const chunk_coordinate& coordinate) {
    std::string key;
    key.reserve(coordinate.rank * 4);
    for (auto index : coordinate.indices())
      for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(index >> shift));
    return key;
  }

  std::unordered_map<std::string, planes> chunks_;
};

}  // namespace hugehist::store
