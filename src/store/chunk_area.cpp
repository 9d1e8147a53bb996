#include "store/chunk_area.hpp"

#include <limits>
#include <stdexcept>

namespace hugehist::store {

std::uint32_t checked_size(const codec::encoded_view& chunk) {
  if (chunk.bytes.size() > std::numeric_limits<std::uint32_t>::max())
    throw std::invalid_argument{"a chunk of 4 GiB or more cannot be kept: ask for smaller chunks"};
  return static_cast<std::uint32_t>(chunk.bytes.size());
}

std::optional<codec::encoded_chunk> content_of(found_chunk found, const chunk_area& area) {
  if (const auto* where = std::get_if<chunk_area::location>(&found)) return area.read(*where);
  if (auto* content = std::get_if<codec::encoded_chunk>(&found)) return std::move(*content);
  return std::nullopt;
}

std::optional<chunk_area::location> chunk_area::copy_before(std::uint64_t, const location&) { return {}; }

chunk_area::location memory_area::write(const codec::encoded_view& chunk) {
  const auto size = checked_size(chunk);
  std::vector<std::byte> bytes(chunk.bytes.begin(), chunk.bytes.end());
  const std::lock_guard lock{mutex_};
  chunks_.emplace(next_, std::move(bytes));
  return {next_++, size, chunk.filter_mask};
}

codec::encoded_chunk memory_area::read(const location& from) const {
  const std::lock_guard lock{mutex_};
  return {chunks_.at(from.offset), from.filter_mask};
}

void memory_area::forget(const location& which) noexcept {
  const std::lock_guard lock{mutex_};
  chunks_.erase(which.offset);
}

}  // namespace hugehist::store
