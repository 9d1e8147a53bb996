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
