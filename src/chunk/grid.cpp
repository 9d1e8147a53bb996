#include "chunk/grid.hpp"

#include <cassert>
#include <utility>

#include "base/checked.hpp"
#include "store/chunk_coordinate.hpp"

namespace hugehist::chunk {

grid::grid(std::vector<std::size_t> chunk_shape) : shape_{std::move(chunk_shape)} {
  assert(shape_.size() <= store::max_rank);
  strides_.resize(shape_.size());
  for (auto axis = shape_.size(); axis-- > 0;) {
    assert(shape_[axis] > 0);
    strides_[axis] = cells_;
    cells_ = base::checked_multiply(cells_, shape_[axis], "the size of a chunk");
  }
}

}  // namespace hugehist::chunk
