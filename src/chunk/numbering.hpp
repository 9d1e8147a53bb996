// The chunks of a histogram as numbers, in C order: eight bytes where a coordinate takes 132.
//
// A plain value, for the extents that the histogram has as it is made.
#pragma once

#include "store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hugehist::chunk {

class numbering {
 public:
  /// REQUIRES: the chunk shape is fixed
  explicit numbering(const store::histogram_record& record) {
    const auto extents = model::extents(record.schema.axes);
    for (std::size_t i = 0; i < record.chunk_shape.size(); ++i) {
      const auto length = record.chunk_shape[i];
      counts_.push_back(extents[i] / length + (extents[i] % length == 0 ? 0 : 1));
    }
  }
  std::uint64_t number_of(const store::chunk_coordinate& where) const noexcept {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) number = number * counts_[i] + where.index[i];
    return number;
  }
  store::chunk_coordinate coordinate_of(std::uint64_t number) const noexcept {
    store::chunk_coordinate where;
    where.rank = static_cast<std::uint32_t>(counts_.size());
    for (auto i = counts_.size(); i-- > 0; number /= counts_[i])
      where.index[i] = static_cast<std::uint32_t>(number % counts_[i]);
    return where;
  }

 private:
  std::vector<std::size_t> counts_;  // of chunks, along each axis
};

}  // namespace hugehist::chunk
