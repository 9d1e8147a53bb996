// Memory for decoded chunks: one mapping for all of them, on huge pages where the system has them.
//
// A chunk that is loaded takes memory that another one left: fresh pages cost more than decoding into them, and small
// ones more than huge ones. Not synchronised.
#pragma once

#include "base/free_extents.hpp"

#include <cstddef>

namespace hugehist::chunk {

class chunk_memory {
 public:
  /// For chunks of `budget` bytes together. Nothing is taken from the system yet.
  explicit chunk_memory(std::size_t budget) : budget_{budget} {}
  chunk_memory(const chunk_memory&) = delete;
  chunk_memory& operator=(const chunk_memory&) = delete;
  ~chunk_memory();

  /// Uninitialised, aligned to cache lines; from outside of the mapping when that is too fragmented. Throws
  /// std::bad_alloc.
  std::byte* take(std::size_t bytes);
  void give_back(std::byte* data, std::size_t bytes) noexcept;
  /// Returns to the system what nobody has taken.
  void release() noexcept;

 private:
  void map() noexcept;

  const std::size_t budget_;
  bool is_mapped_ = false;  // or was tried in vain
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  base::free_extents free_;  // of the mapping
};

}  // namespace hugehist::chunk
