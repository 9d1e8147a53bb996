// Decoded chunks in memory, within a budget, written back when they must be.
//
// One cache serves all histograms of a file. A pinned chunk stays where it is; what is not pinned may be
// evicted, least recently used first, and is encoded and written to the store before it goes. acquire and
// release may be called from many threads; a chunk pinned for modification belongs to one thread at a time
// (the merge gives each chunk to one worker). The store is called under the cache's store lock, never while
// coding. Lock order: cache, then store.
#pragma once

#include "chunk/grid.hpp"
#include "codec/codec.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace hugehist::base {
class thread_pool;
}

namespace hugehist::chunk {

/// What the cache must know of a histogram to hold its chunks.
struct layout {
  store::histogram_id id = 0;
  chunk::grid grid;
  codec::settings codec;
  std::size_t planes = 1;
  std::optional<std::size_t> variations_axis = {};  ///< rows along it may repeat each other
  std::size_t chunk_bytes() const noexcept { return grid.cells() * planes * 8; }
};

struct cache_stats {
  std::uint64_t chunks_read = 0, chunks_written = 0, hits = 0, misses = 0;
  std::uint64_t bytes_read = 0, bytes_written = 0;
};

class chunk_cache;

/// A pinned, decoded chunk. Planes lie one after another, each grid.cells() elements of eight bytes, aligned to
/// 64 bytes.
class pinned_chunk {
 public:
  pinned_chunk() = default;
  pinned_chunk(pinned_chunk&&) noexcept;
  pinned_chunk& operator=(pinned_chunk&&) noexcept;
  ~pinned_chunk();

  explicit operator bool() const noexcept { return data_ != nullptr; }
  std::byte* plane(std::size_t index) const noexcept { return data_ + index * plane_bytes_; }
  /// Whether the chunk was never stored nor changed. Its memory then holds anything, until mark_dirty().
  bool is_blank() const noexcept;
  /// To be called before the first look at an acquired chunk's content, which is to change. Makes a blank chunk zero,
  /// and writes out rows that others hold.
  void mark_dirty() noexcept;

  /// For callers who know of blank chunks and of rows that others hold. REQUIRES: the chunk is changed accordingly
  void mark_dirty_as_it_is() noexcept;
  /// For each row of a plane the row that holds its content (row_sources.hpp); empty where the chunk has no rows.
  std::span<std::uint32_t> row_sources(std::size_t plane) const noexcept;

 private:
  friend class chunk_cache;
  chunk_cache* cache_ = nullptr;
  void* entry_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t plane_bytes_ = 0;
};

class chunk_cache {
 public:
  /// `budget` in bytes of decoded chunks, those being read included. `memory` is the user's memory= of which it is
  /// a share, for messages; 0: not known.
  chunk_cache(store::store& store, std::size_t budget, std::size_t memory = 0);
  ~chunk_cache();
  chunk_cache(const chunk_cache&) = delete;
  chunk_cache& operator=(const chunk_cache&) = delete;

  std::size_t budget() const noexcept;
  /// Bytes of decoded chunks held now.
  std::size_t size_bytes() const noexcept;
  cache_stats stats() const noexcept;

  /// The chunk for changing it: read where it is stored, blank where it is not. Throws corruption_error naming
  /// file, histogram, chunk and plane; std::invalid_argument when pinned chunks leave no room in the budget (it
  /// never waits for a pin, so n threads with one pin each need room for n chunks). What a write-back to make
  /// room throws comes through; the chunk that could not be written stays in memory.
  pinned_chunk acquire(const layout& layout, const store::chunk_coordinate& coordinate);

  /// The chunk if it is in memory, with all rows written out, else an empty pin. Never reads.
  pinned_chunk find(const layout& layout, const store::chunk_coordinate& coordinate);

  /// Reads a chunk past the cache into `planes` (layout.chunk_bytes() bytes, zeros for absent planes). False
  /// where no plane is stored, and then `planes` is untouched. REQUIRES: find() had nothing
  bool read_through(const layout& layout, const store::chunk_coordinate& coordinate, std::span<std::byte> planes);

  /// Whether the chunk exists, in memory or in the store.
  bool exists(const layout& layout, const store::chunk_coordinate& coordinate);

  /// Whether a chunk waits to be written back.
  bool has_changes() const noexcept;

  /// Writes back every dirty chunk, coding on the pool's threads. The chunks stay in memory, clean.
  void write_back(base::thread_pool& pool);
  /// The same for the chunks listed. Used before a merge that may have to be undone changes them.
  void write_back(base::thread_pool& pool, const layout& layout, std::span<const store::chunk_coordinate> coordinates);

  /// Drops chunks without writing them: those listed, those of a histogram, or all. REQUIRES: none is pinned
  void drop(const layout& layout, std::span<const store::chunk_coordinate> coordinates) noexcept;
  void drop(store::histogram_id id) noexcept;
  void drop_all() noexcept;

 private:
  friend class pinned_chunk;
  struct impl;
  pinned_chunk pin_of(void* entry) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace hugehist::chunk
