// Which rows repeat earlier ones, found by comparing each with two.
#pragma once

#include <cstdint>
#include <span>

namespace hugehist::base {

/// Follows the rows of a plane, and finds those that are equal to the row before or to the last one that was repeated.
class repeat_finder {
 public:
  /// Which row holds the content of the next row: itself, or an earlier one for which is_equal(earlier row) is true.
  template <class IsEqual>
  std::uint32_t next(const IsEqual& is_equal) {
    auto holder = row_;
    if (row_ > 0 && is_equal(before_))
      holder = before_;
    else if (row_ > 0 && repeated_ != before_ && is_equal(repeated_))
      holder = repeated_;
    add(holder);
    return holder;
  }
  /// The next row, where its holder is known.
  void add(std::uint32_t holder) noexcept {
    if (holder != row_) repeated_ = holder;
    before_ = holder;
    ++row_;
  }
  /// The row that holds the content of the row before.
  std::uint32_t before() const noexcept { return before_; }

 private:
  std::uint32_t row_ = 0, before_ = 0, repeated_ = 0;
};

/// Whether some row is held by another one; for each row the one that holds its content.
inline bool has_repeats(std::span<const std::uint32_t> holders) noexcept {
  for (std::uint32_t row = 0; row < holders.size(); ++row)
    if (holders[row] != row) return true;
  return false;
}

}  // namespace hugehist::base
