// The blocks of a fill buffer, found by what they stand for. New blocks never move old ones.
#pragma once

#include "write/delta_data.hpp"
#include "write/dense_block.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace hugehist::write {

/// What a block stands for: codes on the category axes (0 at the span axis), its list of variations (0: none)
/// and whether each weight has its own bin.
struct block_key {
  std::vector<std::uint32_t> codes;
  std::uint32_t variations = 0;
  bool bin_per_weight = false;
  bool operator==(const block_key&) const = default;
};

struct block_key_hash {
  std::size_t operator()(const block_key& key) const noexcept {
    std::uint64_t hash = 0x9e3779b97f4a7c15ULL ^ (std::uint64_t{key.variations} << 1) ^ (key.bin_per_weight ? 1U : 0U);
    for (auto code : key.codes) {
      hash = (hash ^ code) * 0xff51afd7ed558ccdULL;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>(hash);
  }
};

/// One block: few events as rows, or cells.
struct buffer_block {
  block_key key;
  std::size_t rows = 1;
  event_rows few;
  std::shared_ptr<dense_block> dense;  ///< null: `few` holds the events; else `few` is empty
  std::size_t counted_bytes = 0;       ///< what the buffer's sum has of this block

  std::size_t event_count() const noexcept { return few.weights.size() / rows; }
  std::size_t size_bytes() const noexcept {
    constexpr std::size_t overhead = sizeof(buffer_block) + 96;  // of the maps' nodes
    const auto cells = dense ? dense->size_bytes() + sizeof(dense_block) : 0;
    return overhead + cells + few.bins.capacity() * sizeof(few.bins[0]) +
           (few.weights.capacity() + few.samples.capacity()) * sizeof(double);
  }
};

class block_map {
 public:
  std::size_t size() const noexcept { return blocks_.size(); }
  buffer_block& operator[](std::size_t index) noexcept { return *blocks_[index]; }
  const buffer_block& operator[](std::size_t index) const noexcept { return *blocks_[index]; }

  /// Position of the block, which is made where there is none.
  std::size_t find_or_add(block_key key, std::size_t rows) {
    if (const auto found = positions_.find(key); found != positions_.end()) return found->second;
    auto block = std::make_unique<buffer_block>();
    block->key = key;
    block->rows = rows;
    block->few.bin_per_weight = key.bin_per_weight;
    blocks_.push_back(std::move(block));
    try {
      positions_.emplace(std::move(key), blocks_.size() - 1);
    } catch (...) {
      blocks_.pop_back();
      throw;
    }
    return blocks_.size() - 1;
  }

  /// Forgets the blocks from position `size` on.
  void truncate(std::size_t size) noexcept {
    while (blocks_.size() > size) {
      positions_.erase(blocks_.back()->key);
      blocks_.pop_back();
    }
  }

 private:
  std::vector<std::unique_ptr<buffer_block>> blocks_;
  std::unordered_map<block_key, std::size_t, block_key_hash> positions_;
};

}  // namespace hugehist::write
