#include "store/compaction.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace hugehist::store {
namespace {

struct moving_chunk {
  chunk_key key;
  std::size_t plane;
  chunk_area::location where;
};

/// Those that end behind `end`, the last ones first.
std::vector<moving_chunk> find_chunks_behind(backend& medium, std::uint64_t end,
                                             const std::vector<std::pair<histogram_id, storage>>& histograms) {
  std::vector<moving_chunk> result;
  for (const auto& [id, kind] : histograms)
    for (std::size_t plane = 0; plane < planes(kind).size(); ++plane) {
      const auto look = [&, id = id](const chunk_coordinate& coordinate) {
        const auto found = medium.find_chunk({id, coordinate}, plane);
        const auto* const where = std::get_if<chunk_area::location>(&found);
        if (where != nullptr && where->offset + where->size > end) result.push_back({{id, coordinate}, plane, *where});
      };
      medium.visit_chunks(id, plane, {look, [](const auto&, const auto&) {}, steps_in_seconds});
    }
  std::ranges::sort(result, std::greater{}, [](const moving_chunk& one) { return one.where.offset; });
  return result;
}

}  // namespace

void compact(backend& medium, const std::vector<std::pair<histogram_id, storage>>& histograms) {
  const auto end = medium.compact_end();
  if (!end) return;
  auto chunks = find_chunks_behind(medium, *end, histograms);
  auto& area = medium.area();
  change_set moves;
  std::erase_if(chunks, [&](moving_chunk& one) {
    auto moved = area.copy_before(*end, one.where);
    if (!moved) moved = area.copy_before(one.where.offset, one.where);
    if (!moved) return true;
    one.where = *moved;
    moves.chunk_bytes += moved->size;
    return false;
  });
  if (chunks.empty()) return;
  std::ranges::sort(chunks, {}, [](const moving_chunk& one) { return std::pair{one.key, one.plane}; });
  moves.for_each_chunk = [&](const auto& visit) {
    for (const auto& one : chunks) visit(one.key, one.plane, one.where);
  };
  medium.apply(moves);
}

}  // namespace hugehist::store
