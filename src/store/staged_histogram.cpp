#include "store/staged_histogram.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/checked.hpp"

namespace hugehist::store {

std::vector<std::size_t> label_counts(const model::schema& schema) {
  std::vector<std::size_t> result;
  for (const auto& axis : schema.axes) result.push_back(axis.is_category() ? axis.size() : 0);
  return result;
}

void check_chunk_shape(const std::vector<std::size_t>& shape, const model::schema& schema) {
  constexpr std::size_t max_chunk_bytes = std::size_t{1} << 31;  // of HDF5: below 4 GiB
  if (shape.size() != schema.axes.size())
    throw std::invalid_argument{"a chunk shape needs one length for each of the " + std::to_string(schema.axes.size()) +
                                " axes"};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto& axis = schema.axes[i];
    if (shape[i] == 0) throw std::invalid_argument{"a chunk shape cannot have a length of 0"};
    if (!axis.is_growing() && shape[i] > std::max<std::size_t>(axis.extent(), 1))
      throw std::invalid_argument{"a chunk is longer than " + axis::to_string(axis) + ", which does not grow"};
  }
  if (base::checked_multiply(base::checked_product(shape, "a chunk"), element_size, "a chunk") > max_chunk_bytes)
    throw std::invalid_argument{"a chunk of more than 2 GiB cannot be kept: ask for smaller chunks"};
}

}  // namespace hugehist::store
