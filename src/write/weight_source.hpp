// The weights or the samples of one fill: their shape, their check, and a view without special cases.
#pragma once

#include "write/fill_kernels.hpp"
#include "write/number_checks.hpp"

#include <hugehist/columns.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace hugehist::write {

class weight_source {
 public:
  /// `what` the messages call them.
  explicit weight_source(const std::optional<weights>& weight, const char* what = "weight")
      : weight_{weight}, what_{what} {}

  bool given() const noexcept { return weight_.has_value(); }
  bool is_array() const noexcept { return given() && !std::holds_alternative<double>(*weight_); }
  /// REQUIRES: is_array()
  std::size_t events() const noexcept;
  std::size_t columns() const noexcept;
  const char* what() const noexcept { return what_; }

  /// Throws std::invalid_argument for a number that is not as required, naming the event. Checks events
  /// [first, last); a scalar at any.
  void check(requirement required, std::size_t first, std::size_t last) const;

  /// use(weight_view<double or float>); absent weights are 1.
  template <class Use>
  void visit(const Use& use) const {
    if (!given()) return use(weight_view<double>{&one, 0, 0});
    if (const auto* scalar = std::get_if<double>(&*weight_)) return use(weight_view<double>{scalar, 0, 0});
    if (const auto* doubles = std::get_if<array_view<double>>(&*weight_)) return use(view(*doubles));
    use(view(std::get<array_view<float>>(*weight_)));
  }

 private:
  template <class T>
  static weight_view<T> view(const array_view<T>& array) noexcept {
    return {array.data, array.event_stride, array.columns == 1 ? 0 : array.column_stride};
  }
  template <class T>
  void name_bad(const array_view<T>& array, requirement required, std::size_t first, std::size_t last) const;
  [[noreturn]] void refuse(double number, requirement required, const std::string& where) const;

  static constexpr double one = 1;
  const std::optional<weights>& weight_;
  const char* what_;
};

}  // namespace hugehist::write
