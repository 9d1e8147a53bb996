// Where encoded chunks are: those that wait for the commit, and in files those that are committed too.
//
// Any thread may call, while others do.
#pragma once

#include "base/encoding.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

namespace hugehist::store {

class chunk_area {
 public:
  /// A chunk in the area. `offset` is a position in the file, or a number that names it.
  struct location {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t filter_mask = 0;
  };

  virtual ~chunk_area() = default;

  /// Throws std::system_error naming the file, and then nothing was written.
  virtual location write(const codec::encoded_view& chunk) = 0;
  /// A copy of a chunk that lies before `end` in its file; nothing where there is no room, or no file.
  virtual std::optional<location> copy_before(std::uint64_t end, const location& chunk);
  virtual codec::encoded_chunk read(const location& from) const = 0;
  /// Gives back what a chunk takes that was never committed, or that nobody will read again.
  virtual void forget(const location& which) noexcept = 0;
  /// Whether offsets are positions in one file, so that chunks may share bytes there.
  virtual bool is_file() const noexcept { return false; }
};

/// What a store knows of a chunk's plane: nothing, where it is, or its content where that cannot be told.
using found_chunk = std::variant<std::monostate, chunk_area::location, codec::encoded_chunk>;

/// The content, read from the area where need be; nothing where there is none.
std::optional<codec::encoded_chunk> content_of(found_chunk found, const chunk_area& area);

/// Chunks in memory, for media that have no file.
class memory_area final : public chunk_area {
 public:
  location write(const codec::encoded_view& chunk) override;
  codec::encoded_chunk read(const location& from) const override;
  void forget(const location& which) noexcept override;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::vector<std::byte>> chunks_;
  std::uint64_t next_ = 0;
};

/// Throws std::invalid_argument for a chunk of 4 GiB or more.
std::uint32_t checked_size(const codec::encoded_view& chunk);

}  // namespace hugehist::store
