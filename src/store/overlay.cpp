#include "store/overlay.hpp"

#include <algorithm>

namespace hugehist::store {
namespace {

chunk_coordinate coordinate_of(const std::string& key) {
  chunk_coordinate result;
  result.rank = static_cast<std::uint32_t>(key.size() / 4);
  for (std::size_t i = 0; i < key.size(); ++i)
    result.index[i / 4] = result.index[i / 4] << 8 | static_cast<unsigned char>(key[i]);
  return result;
}

}  // namespace

std::vector<overlay::entry> overlay::sorted() const {
  std::vector<entry> result;
  result.reserve(chunks_.size());
  for (const auto& [key, locations] : chunks_)
    if (std::ranges::any_of(locations, [](const auto& location) { return location.has_value(); }))
      result.push_back({coordinate_of(key), locations});
  std::ranges::sort(result, {}, &entry::coordinate);
  return result;
}

}  // namespace hugehist::store
