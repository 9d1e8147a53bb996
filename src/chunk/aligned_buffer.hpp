// Memory on its own, aligned to cache lines.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

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

}  // namespace hugehist::chunk
