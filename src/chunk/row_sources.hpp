// Which rows of a chunk are copies of earlier ones, and are not written out.
//
// Most variations leave a histogram as it is: their rows are the nominal's, and stay so through merge after merge. Such
// rows are kept once. An addition then touches the memory of the others alone, and so does encoding, which both are
// bound by memory. Rows are what lies along the variations axis, and they tile each plane.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

namespace hugehist::chunk {

/// Finds rows that are equal to the row before, or to the last one that was repeated: `is_equal(row, earlier row)`.
template <class IsEqual>
void find_holders(std::span<std::uint32_t> holders, const IsEqual& is_equal) {
  std::uint32_t before = 0, repeated = 0;
  for (std::uint32_t r = 0; r < holders.size(); ++r) {
    if (r > 0 && is_equal(r, before))
      holders[r] = repeated = before;
    else if (r > 0 && repeated != before && is_equal(r, repeated))
      holders[r] = repeated;
    else
      holders[r] = r;
    before = holders[r];
  }
}

class row_sources {
 public:
  row_sources() = default;
  /// Every row holds its own content. Without rows (0) there is nothing to share.
  row_sources(std::size_t planes, std::size_t rows) : rows_{rows}, sources_(planes * rows) { own_all(); }

  /// For each row of a plane the row that holds its content: itself, or an earlier one that holds its own.
  std::span<std::uint32_t> plane(std::size_t plane) noexcept {
    return std::span{sources_}.subspan(plane * rows_, rows_);
  }
  std::span<const std::uint32_t> plane(std::size_t plane) const noexcept {
    return std::span{sources_}.subspan(plane * rows_, rows_);
  }

  /// Writes out what is shared; `data` are the planes, one after another.
  void write_out(std::byte* data, std::size_t row_bytes) noexcept {
    for (std::size_t first = 0; first < sources_.size(); first += rows_)
      for (std::size_t r = 0; r < rows_; ++r)
        if (const auto source = sources_[first + r]; source != r)
          std::memcpy(data + (first + r) * row_bytes, data + (first + source) * row_bytes, row_bytes);
    own_all();
  }

  /// Finds out which rows are equal.
  void find(const std::byte* data, std::size_t row_bytes) noexcept {
    if (rows_ == 0) return;
    for (std::size_t p = 0; p * rows_ < sources_.size(); ++p) {
      const auto* rows = data + p * rows_ * row_bytes;
      find_holders(plane(p), [&](std::uint32_t a, std::uint32_t b) {
        return std::memcmp(rows + a * row_bytes, rows + b * row_bytes, row_bytes) == 0;
      });
    }
  }

  void own_all() noexcept {
    for (std::size_t first = 0; first < sources_.size(); first += rows_)
      std::iota(sources_.begin() + static_cast<std::ptrdiff_t>(first),
                sources_.begin() + static_cast<std::ptrdiff_t>(first + rows_), 0U);
  }

 private:
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> sources_;
};

}  // namespace hugehist::chunk
