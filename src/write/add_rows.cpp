#include "write/add_rows.hpp"

#include "chunk/row_sources.hpp"
#include "write/cell_kernels.hpp"

#include <cstring>

namespace hugehist::write {
namespace {

/// One plane of a chunk, and what is added to it.
class plane_of_rows {
 public:
  plane_of_rows(const whole_rows& rows, std::size_t plane, std::byte* target)
      : rows_{rows}, source_{rows.planes[plane]}, target_{target}, bytes_{rows.elements * element_size} {}

  void set(std::span<std::uint32_t> holders) const noexcept {
    chunk::find_holders(holders, [this](std::uint32_t a, std::uint32_t b) { return is_equal(a, b); });
    for (std::uint32_t r = 0; r < holders.size(); ++r)
      if (holders[r] == r) set_run(rows_.kind, target(r), source(r), rows_.elements);
  }

  /// Rows that were equal and get something else part first, from a holder that has not changed yet.
  void add(std::span<std::uint32_t> holders) const noexcept {
    for (std::uint32_t r = 0; r < holders.size(); ++r)
      if (holders[r] != r && !is_equal(r, holders[r])) {
        std::memcpy(target(r), target(holders[r]), bytes_);
        holders[r] = r;
      }
    for (std::uint32_t r = 0; r < holders.size(); ++r)
      if (holders[r] == r) add_run(rows_.kind, target(r), source(r), rows_.elements);
  }

  void add_all() const noexcept {
    for (std::uint32_t r = 0; r < rows_.rows.size(); ++r) add_run(rows_.kind, target(r), source(r), rows_.elements);
  }

 private:
  const std::byte* source(std::uint32_t r) const noexcept {
    const auto element = rows_.offset + static_cast<std::ptrdiff_t>(rows_.rows[r]) * rows_.row_stride;
    return source_ + element * static_cast<std::ptrdiff_t>(element_size);
  }
  std::byte* target(std::uint32_t r) const noexcept { return target_ + r * bytes_; }
  bool is_equal(std::uint32_t a, std::uint32_t b) const noexcept {
    return std::memcmp(source(a), source(b), bytes_) == 0;
  }

  const whole_rows& rows_;
  const std::byte* source_;
  std::byte* target_;
  std::size_t bytes_;
};

}  // namespace

void add_rows(const whole_rows& rows, chunk::pinned_chunk& pin) noexcept {
  const bool is_blank = pin.is_blank();
  if (pin.row_sources(0).empty())
    pin.mark_dirty();
  else
    pin.mark_dirty_as_it_is();
  for (std::size_t p = 0; p < planes(rows.kind).size(); ++p) {
    const plane_of_rows plane{rows, p, pin.plane(p)};
    const auto holders = pin.row_sources(p);
    if (holders.empty())
      plane.add_all();
    else if (is_blank)
      plane.set(holders);
    else
      plane.add(holders);
  }
}

}  // namespace hugehist::write
