// A delta: what one merge adds to a histogram.
//
// A delta carries labels, not indices, so whoever made it need not know the order or the number of the
// target's categories. It is a value behind a shared handle: copies share the content, which never
// changes after construction, so any thread may read it.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/export.hpp>
#include <hugehist/selector.hpp>
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

  /// The content by shards: of each block what shard_of its labels at these category axes says, in the order given. All
  /// of them together are the delta. A part has the labels that its blocks use, and the first those that none does.
  /// Dense cells are shared, not copied. Throws key_error for an axis that is not there, std::invalid_argument for one
  /// without labels, none or one twice, and for 0 parts.
  std::vector<delta> split(std::span<const axis_reference> axes, std::size_t parts) const;

  /// The same blocks in their order, in deltas that take at most so many bytes once they were read from their compact
  /// form, each; a larger block is one by itself. Labels as for split. Nothing is copied; one piece where all fits.
  std::vector<delta> pieces(std::size_t max_bytes) const;

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

/// The shard, of so many, where delta::split puts blocks under these labels (integers in decimal, an overflow bin as
/// the empty text): XXH64 of the labels joined by U+001F, modulo `shards`. It stays the same in all versions. Throws
/// std::invalid_argument for 0 shards.
HUGEHIST_EXPORT std::size_t shard_of(std::span<const std::string> labels, std::size_t shards);

/// Reads deltas one after another, each in the memory of the one before where that is gone: fresh memory takes longer
/// than what is decoded into it. It holds as much as the last one took. One thread at a time.
class HUGEHIST_EXPORT delta_reader {
 public:
  delta_reader();
  ~delta_reader();
  delta_reader(const delta_reader&) = delete;
  delta_reader& operator=(const delta_reader&) = delete;

  /// As delta::from_bytes.
  delta read(std::span<const std::byte> bytes, std::size_t max_memory = delta::default_max_memory);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace hugehist
