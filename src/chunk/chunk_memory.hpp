// Memory for decoded chunks: one mapping for all of them, on huge pages where the system has them.
//
// A chunk that is loaded takes memory that another one left: fresh pages cost more than decoding into them, and small
// ones more than huge ones. Chunks of many sizes leave gaps that no chunk fits into. Then one gets pages of its own,
// and for as long as such a chunk is held, gaps go back to the system: the pages of both together stay within the
// budget. Not synchronised.
#pragma once

#include "base/free_extents.hpp"

#include <cstddef>
#include <memory>

namespace hugehist::chunk {

class chunk_memory {
 public:
  struct give_back {
    chunk_memory* memory = nullptr;
    std::size_t bytes = 0;
    void operator()(std::byte* data) const noexcept { memory->give(data, bytes); }
  };
  /// Memory of one chunk. REQUIRES: the chunk_memory outlives it
  using allocation = std::unique_ptr<std::byte[], give_back>;

  /// For chunks of `budget` bytes together. Nothing is taken from the system yet.
  explicit chunk_memory(std::size_t budget) : budget_{budget} {}
  chunk_memory(const chunk_memory&) = delete;
  chunk_memory& operator=(const chunk_memory&) = delete;
  ~chunk_memory();

  /// Uninitialised, aligned to cache lines. Throws std::bad_alloc.
  allocation take(std::size_t bytes);
  /// Returns to the system what nobody has taken.
  void release() noexcept;

 private:
  void map() noexcept;
  std::byte* take_outside(std::size_t size);
  void give(std::byte* data, std::size_t bytes) noexcept;
  void release(std::uint64_t offset, std::uint64_t size) noexcept;

  const std::size_t budget_;
  bool was_tried_ = false;     // to map
  std::byte* data_ = nullptr;  // the mapping; without one, chunks are allocated one by one
  std::size_t size_ = 0;
  base::free_extents free_;  // of the mapping
  std::size_t outside_ = 0;  // chunks that found no place in it
};

}  // namespace hugehist::chunk
