// Where encoded chunks wait for the commit: an unlinked file, or memory.
//
// Append only, so that reverting to a mark is going back to a position. The file is made at the first write,
// beside the histogram file, and the system forgets it when the process ends, however it ends. Not synchronised.
#pragma once

#include "base/encoding.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace hugehist::store {

class scratch {
 public:
  /// A chunk in the scratch. `offset` is a position in the file, or an index in memory.
  struct location {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t filter_mask = 0;
  };

  /// `directory` empty: in memory.
  explicit scratch(std::string directory) : directory_{std::move(directory)} {}
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  /// Throws std::system_error naming the directory, and then nothing was written.
  location write(codec::encoded_chunk chunk);
  codec::encoded_chunk read(const location& from) const;

  /// Gives back what a chunk holds that nobody will read again (in memory only).
  void forget(const location& which) noexcept;

  /// The end, for truncate().
  std::uint64_t position() const noexcept { return in_memory() ? chunks_.size() : end_; }
  /// Forgets what was written since `position`.
  void truncate(std::uint64_t position) noexcept;

  /// Bytes held.
  std::uint64_t size() const noexcept { return in_memory() ? memory_bytes_ : end_; }

 private:
  bool in_memory() const noexcept { return directory_.empty(); }
  void open();

  std::string directory_;
  int file_ = -1;
  std::uint64_t end_ = 0;
  std::deque<std::vector<std::byte>> chunks_;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace hugehist::store
