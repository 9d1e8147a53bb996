// What to take along one axis: the index expressions of the Unified Histogram Interface (UHI), spelled in C++.
//
//     h.select({{"dataset", "ttbar"}, {"category", sum}, {"score", slice{loc{0.2}, loc{0.8}, rebin{2}}}})
//
// Everything here is a plain value.
#pragma once

#include <hugehist/export.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hugehist {

/// The bin in which a value falls, or that of a label; `offset` bins further on.
struct loc {
  explicit loc(double x, std::int64_t bins = 0) : value{x}, offset{bins} {}
  template <std::integral Integer>
  explicit loc(Integer x, std::int64_t bins = 0) : value{static_cast<std::int64_t>(x)}, offset{bins} {}
  explicit loc(std::string label, std::int64_t bins = 0) : value{std::move(label)}, offset{bins} {}
  explicit loc(const char* label, std::int64_t bins = 0) : value{std::string{label}}, offset{bins} {}

  std::variant<double, std::int64_t, std::string> value;
  std::int64_t offset;
};

enum class place {
  underflow,  ///< the bin below the first
  overflow,   ///< the bin above the last
  len,        ///< the number of bins: as the end of a slice, all but the overflow bin
};
inline constexpr place underflow = place::underflow;
inline constexpr place overflow = place::overflow;
inline constexpr place len = place::len;

/// A bin: its number (negative ones count from the end), or what finds it.
using bin_reference = std::variant<std::int64_t, loc, place>;

/// All bins to one: with flow bins where a slice is open, as `::sum`.
struct sum_t {
  bool operator==(const sum_t&) const = default;
};
inline constexpr sum_t sum{};

/// Joins bins: every `factor` of them, groups of given lengths, or those between edges that the axis has.
struct rebin {
  template <std::integral Integer>
  explicit rebin(Integer factor) : how{static_cast<std::int64_t>(factor)} {}
  explicit rebin(std::vector<std::int64_t> groups) : how{std::move(groups)} {}
  explicit rebin(std::vector<double> edges) : how{std::move(edges)} {}

  std::variant<std::int64_t, std::vector<std::int64_t>, std::vector<double>> how;
};

/// Bins from `begin` up to, not including, `end`; an open end takes the flow bin in. What is cut off goes to the flow
/// bins that are left, as in boost-histogram.
struct slice {
  std::optional<bin_reference> begin = {};
  std::optional<bin_reference> end = {};
  std::variant<std::monostate, sum_t, rebin> step = {};
};

/// What to take along one axis. A bin or a label picks it, and the axis goes; a label with '*' or '?' is a pattern for
/// any number of labels; a list of labels keeps them, in that order.
class selector {
 public:
  using variant = std::variant<bin_reference, slice, std::vector<bin_reference>, std::string>;

  // NOLINTBEGIN(google-explicit-constructor): selectors are written as what they are
  template <std::integral Integer>
  selector(Integer bin) : what_{bin_reference{static_cast<std::int64_t>(bin)}} {}
  selector(loc where) : what_{bin_reference{std::move(where)}} {}
  selector(place where) : what_{bin_reference{where}} {}
  selector(std::string label) : what_{std::move(label)} {}
  selector(const char* label) : what_{std::string{label}} {}
  selector(sum_t) : what_{slice{.step = sum}} {}
  selector(rebin bins) : what_{slice{.step = std::move(bins)}} {}
  selector(slice part) : what_{std::move(part)} {}
  selector(std::vector<bin_reference> bins) : what_{std::move(bins)} {}
  selector(const std::vector<std::string>& labels) : what_{located(labels)} {}
  // NOLINTEND(google-explicit-constructor)

  const variant& what() const noexcept { return what_; }

 private:
  static std::vector<bin_reference> located(const std::vector<std::string>& labels) {
    std::vector<bin_reference> result;
    result.reserve(labels.size());
    for (const auto& label : labels) result.emplace_back(loc{label});
    return result;
  }

  variant what_;
};

/// An axis by its name, or by its number (negative ones count from the end).
class axis_reference {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  axis_reference(std::string name) : which_{std::move(name)} {}
  axis_reference(const char* name) : which_{std::string{name}} {}
  template <std::integral Integer>
  axis_reference(Integer number) : which_{static_cast<std::int64_t>(number)} {}
  // NOLINTEND(google-explicit-constructor)

  const std::variant<std::string, std::int64_t>& which() const noexcept { return which_; }

 private:
  std::variant<std::string, std::int64_t> which_;
};

/// What to take along which axis.
struct axis_selector {
  axis_reference axis;
  selector take;
};

}  // namespace hugehist
