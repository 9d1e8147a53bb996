// Memory for decoded chunks, used again instead of returned: fresh pages cost more than the decoding.
//
// `aligned_buffer` owns 64-byte aligned memory. `buffer_pool` keeps buffers that were given back, and counts
// them, so that its user can hold a budget. Neither is synchronised.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <map>
#include <new>
#include <utility>
#include <vector>

namespace hugehist::chunk {

inline constexpr std::size_t buffer_alignment = 64;

/// Uninitialised memory. Move only; empty after a move.
class aligned_buffer {
 public:
  aligned_buffer() = default;
  /// Throws std::bad_alloc.
  explicit aligned_buffer(std::size_t bytes) : bytes_{bytes} {
    const auto rounded = (bytes + buffer_alignment - 1) / buffer_alignment * buffer_alignment;
    data_ = static_cast<std::byte*>(std::aligned_alloc(buffer_alignment, rounded));
    if (data_ == nullptr) throw std::bad_alloc{};
  }
  aligned_buffer(aligned_buffer&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)}, bytes_{std::exchange(other.bytes_, 0)} {}
  aligned_buffer& operator=(aligned_buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~aligned_buffer() { std::free(data_); }

  explicit operator bool() const noexcept { return data_ != nullptr; }
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

class buffer_pool {
 public:
  /// Bytes of the buffers that wait here.
  std::size_t size_bytes() const noexcept { return bytes_; }

  /// A buffer of exactly so many bytes that was given back, or an empty one.
  aligned_buffer take(std::size_t bytes) noexcept {
    const auto found = free_.find(bytes);
    if (found == free_.end() || found->second.empty()) return {};
    auto buffer = std::move(found->second.back());
    found->second.pop_back();
    bytes_ -= bytes;
    return buffer;
  }

  void give_back(aligned_buffer buffer) noexcept {
    const auto bytes = buffer.size();
    if (bytes == 0) return;
    try {
      free_[bytes].push_back(std::move(buffer));
      bytes_ += bytes;
    } catch (const std::bad_alloc&) {
      // No memory to remember it by: it is freed instead.
    }
  }

  /// Frees buffers until at most `limit` bytes wait.
  void trim(std::size_t limit) noexcept {
    while (bytes_ > limit) {
      const auto first = free_.begin();
      if (first->second.empty()) {
        free_.erase(first);
        continue;
      }
      bytes_ -= first->first;
      first->second.pop_back();
    }
  }

 private:
  std::map<std::size_t, std::vector<aligned_buffer>> free_;  // by size; a file has few chunk sizes
  std::size_t bytes_ = 0;
};

}  // namespace hugehist::chunk
