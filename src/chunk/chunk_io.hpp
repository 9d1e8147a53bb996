// Decoded chunks to and from a store: coding outside of the store lock, one caller in the store at a time.
//
// Any thread may call. Each call borrows a coder, so that there are as many as threads ever coded at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "chunk/row_sources.hpp"
#include "codec/codec.hpp"
#include "store/store.hpp"

namespace hugehist::chunk {

/// What is needed of a layout to code a chunk.
struct chunk_format {
  codec::settings codec;
  std::size_t planes = 1;
  std::size_t plane_bytes = 0;
  std::size_t row_bytes = 0;  ///< of the rows that may repeat each other, and tile a plane; 0: none
  std::size_t rows() const noexcept { return row_bytes == 0 ? 0 : plane_bytes / row_bytes; }
  std::size_t chunk_bytes() const noexcept { return planes * plane_bytes; }
};

class chunk_io {
 public:
  explicit chunk_io(store::store& store) : store_{store} {}
  chunk_io(const chunk_io&) = delete;
  chunk_io& operator=(const chunk_io&) = delete;

  /// Reads all planes into `data`, zeros for those that are not stored. False where none is, and then `data`
  /// is untouched. Throws corruption_error that names file, histogram, chunk and plane.
  bool read(const chunk_format& format, const store::chunk_key& key, std::byte* data);

  /// Writes all planes but those that are all zero and not stored: what never was stays absent. Throws what the
  /// store throws; some planes may have been written then.
  void write(const chunk_format& format, const store::chunk_key& key, const std::byte* data, const row_sources& rows);

  bool exists(const chunk_format& format, const store::chunk_key& key);

  std::uint64_t chunks_read() const noexcept { return chunks_read_; }
  std::uint64_t chunks_written() const noexcept { return chunks_written_; }
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }

 private:
  class borrowed_coder;
  std::optional<codec::encoded_chunk> fetch(const store::chunk_key& key, std::size_t plane);
  bool is_stored(const store::chunk_key& key, std::size_t plane);
  [[noreturn]] void throw_corrupt(const store::chunk_key& key, std::size_t plane, const char* reason);

  store::store& store_;
  std::mutex store_mutex_;  // held around every call of store_, never while coding

  std::mutex coders_mutex_;
  std::vector<std::unique_ptr<codec::coder>> idle_coders_;  // guarded by coders_mutex_

  std::atomic<std::uint64_t> chunks_read_{0}, chunks_written_{0}, bytes_read_{0}, bytes_written_{0};
};

/// Whether all bytes are 0.
bool all_zero(const std::byte* data, std::size_t bytes) noexcept;

}  // namespace hugehist::chunk
