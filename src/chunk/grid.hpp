// The chunk grid of one histogram: which bins lie in which chunk, and where in it.
//
// All lengths count storage bins, flow bins included. The grid has no upper end along growing axes, so it
// stays the same while the histogram grows. A plain value.
#pragma once

#include "store/chunk_coordinate.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hugehist::chunk {

class grid {
 public:
  grid() = default;
  /// REQUIRES: shape.size() <= 32, every length > 0, the product in bytes fits 31 bits (checked by policy)
  explicit grid(std::vector<std::size_t> chunk_shape);

  std::size_t rank() const noexcept { return shape_.size(); }
  const std::vector<std::size_t>& shape() const noexcept { return shape_; }
  /// Distance in elements between neighbours along each axis within a chunk (C order).
  const std::vector<std::size_t>& strides() const noexcept { return strides_; }
  /// Cells in a chunk.
  std::size_t cells() const noexcept { return cells_; }

 private:
  std::vector<std::size_t> shape_;
  std::vector<std::size_t> strides_;
  std::size_t cells_ = 1;
};

}  // namespace hugehist::chunk
