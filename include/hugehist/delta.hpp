// A delta: what one merge adds to a histogram.
//
// A delta carries labels, not indices, so whoever made it need not know the order or the number of the
// target's categories. It is a value behind a shared handle: copies share the content, which never
// changes after construction, so any thread may read it.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/export.hpp>
#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist {

namespace write {
struct delta_data;
}

/// Dense cells of somebody else's histogram: a strided array for each plane, over all axes with flow bins.
struct dense_view {
  std::array<const void*, max_planes> planes = {};  ///< first element of each plane; 8-byte aligned
  std::vector<std::ptrdiff_t> strides;              ///< in elements of eight bytes, one for each axis
  std::shared_ptr<const void> owner = nullptr;      ///< keeps the memory alive as long as the delta lives
};

class HUGEHIST_EXPORT delta {
 public:
  /// A delta of a whole histogram in memory, whatever its axes' labels. Nothing is copied: `cells.owner`
  /// must keep the memory alive and unchanged. Throws std::invalid_argument when axes and strides disagree.
  static delta from_dense(std::vector<axis::any> axes, storage kind, dense_view cells, bool variance_known = true);

  /// The compact form that to_bytes wrote (docs/format-delta.md). Throws format_error or corruption_error for other
  /// bytes, and error, before the memory is taken, where reading them would take more than `max_memory` bytes.
  static delta from_bytes(std::span<const std::byte> bytes, std::size_t max_memory = default_max_memory);
  static constexpr std::size_t default_max_memory = std::size_t{2} << 30;

  /// The compact form: zstd-compressed blocks under a checksum.
  std::vector<std::byte> to_bytes() const;

  /// Axes with the labels that this delta carries.
  std::vector<axis::any> axes() const;
  storage kind() const noexcept;

  /// Memory held by the content, in bytes.
  std::size_t size_bytes() const noexcept;
  /// True where there is nothing to add (labels may still be added).
  bool empty() const noexcept;

  explicit delta(std::shared_ptr<const write::delta_data> data) noexcept;
  const write::delta_data& data() const noexcept { return *data_; }

 private:
  std::shared_ptr<const write::delta_data> data_;
};

}  // namespace hugehist
