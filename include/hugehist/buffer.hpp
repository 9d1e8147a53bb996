// A fill buffer: histograms in memory that become a delta.
//
// The buffer holds one Boost.Histogram over the dense axes for each tuple of category labels it meets, so a
// new category never moves what is there. Blocks with few events stay lists of rows. One thread at a time;
// `threads` divides the events of a call.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/columns.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/export.hpp>
#include <hugehist/storage.hpp>

#include <memory>
#include <string>
#include <vector>

namespace hugehist {

class HUGEHIST_EXPORT fill_buffer {
 public:
  /// A buffer for histograms over `axes`; labels of category axes there are the known ones.
  fill_buffer(std::vector<axis::any> axes, storage kind);
  ~fill_buffer();
  fill_buffer(fill_buffer&&) noexcept;
  fill_buffer& operator=(fill_buffer&&) noexcept;

  /// Adds events. Everything is checked before anything changes: on an exception the buffer is as it was.
  /// Throws std::invalid_argument (shapes, lengths, NaN weights, weights that are not whole numbers for
  /// int storage, weights and samples of means that are not finite, labels that repeat), type_error (kinds, a sample
  /// that is missing or that the storage does not take), key_error (a label that a fixed axis lacks and
  /// that has no overflow bin).
  void fill(const fill_arguments& arguments, unsigned threads = 1);

  const std::vector<axis::any>& axes() const noexcept;
  storage kind() const noexcept;
  /// The labels that were filled on a growing category axis, in the order they came. REQUIRES: `axis` is one
  std::vector<std::string> labels(std::size_t axis) const;

  /// Memory held, in bytes.
  std::size_t size_bytes() const noexcept;
  bool empty() const noexcept;

  /// All that was filled so far; the buffer is empty afterwards and can be filled again.
  delta take();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace hugehist
