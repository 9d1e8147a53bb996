#include "write/add_rows.hpp"

#include "base/repeat_finder.hpp"
#include "write/cell_kernels.hpp"

#include <algorithm>
#include <cstring>

namespace hugehist::write {
namespace {

/// One plane of a chunk, and what is added to it. T: its elements.
template <class T>
class plane_of_rows {
 public:
  plane_of_rows(const whole_rows& rows, std::size_t plane, std::byte* target)
      : rows_{rows},
        source_{reinterpret_cast<const T*>(rows.planes[plane]) + rows.offset},
        target_{reinterpret_cast<T*>(target)} {}

  /// The first addition. Nothing is in the chunk yet.
  void set(std::span<std::uint32_t> holders) const noexcept {
    base::repeat_finder repeats;
    for (std::uint32_t r = 0; r < holders.size(); ++r) {
      holders[r] = repeats.next([&](std::uint32_t earlier) { return is_same(r, earlier, r + 1); });
      if (holders[r] == r) set_run(target(r), source(r), rows_.elements, source(r + 1));
    }
  }

  /// Rows that were equal and get something else part first, from a holder that has not changed yet.
  void add(std::span<std::uint32_t> holders) const noexcept {
    // Rows that were read from the store, or written out for somebody, may be equal all the same.
    if (!base::has_repeats(holders)) find_equal(holders);
    for_each(holders, false, [&](std::uint32_t r, std::uint32_t next) {
      if (is_same(r, holders[r], next)) return;
      std::memcpy(target(r), target(holders[r]), rows_.elements * sizeof(T));
      holders[r] = r;
    });
    for_each(holders, true,
             [&](std::uint32_t r, std::uint32_t next) { add_run(target(r), source(r), rows_.elements, source(next)); });
  }

  void add_all() const noexcept {
    for (std::uint32_t r = 0; r < rows_.rows.size(); ++r) add_run(target(r), source(r), rows_.elements, source(r + 1));
  }

 private:
  void find_equal(std::span<std::uint32_t> holders) const noexcept {
    base::repeat_finder repeats;
    for (std::uint32_t r = 0; r < holders.size(); ++r)
      holders[r] = repeats.next([&](std::uint32_t earlier) {
        return is_same_run(target(r), target(earlier), rows_.elements, target(r + 1));
      });
  }

  /// Calls use(row, next such row) for the rows that hold their content, or for those that do not.
  template <class Use>
  static void for_each(std::span<const std::uint32_t> holders, bool own, const Use& use) noexcept {
    const auto from = [&](std::uint32_t r) {
      while (r < holders.size() && (holders[r] == r) != own) ++r;
      return r;
    };
    for (auto r = from(0); r < holders.size();) {
      const auto next = from(r + 1);
      use(r, next);
      r = next;
    }
  }

  /// Behind the last row is nothing that could be read.
  const T* source(std::uint32_t r) const noexcept {
    const auto row = rows_.rows[std::min<std::size_t>(r, rows_.rows.size() - 1)];
    return source_ + static_cast<std::ptrdiff_t>(row) * rows_.row_stride;
  }
  T* target(std::uint32_t r) const noexcept { return target_ + r * rows_.elements; }
  bool is_same(std::uint32_t r, std::uint32_t earlier, std::uint32_t next) const noexcept {
    return is_same_run(source(r), source(earlier), rows_.elements, source(next));
  }

  const whole_rows& rows_;
  const T* source_;
  T* target_;
};

template <class T>
void add_planes(const whole_rows& rows, chunk::pinned_chunk& pin, bool is_blank) noexcept {
  for (std::size_t p = 0; p < planes(rows.kind).size(); ++p) {
    const plane_of_rows<T> plane{rows, p, pin.plane(p)};
    const auto holders = pin.row_sources(p);
    if (holders.empty())
      plane.add_all();
    else if (is_blank)
      plane.set(holders);
    else
      plane.add(holders);
  }
}

}  // namespace

void add_rows(const whole_rows& rows, chunk::pinned_chunk& pin) noexcept {
  const bool is_blank = pin.is_blank();
  if (pin.row_sources(0).empty())
    pin.mark_dirty();
  else
    pin.mark_dirty_as_it_is();
  if (rows.kind == storage::int_)
    add_planes<std::uint64_t>(rows, pin, is_blank);
  else
    add_planes<double>(rows, pin, is_blank);
}

}  // namespace hugehist::write
