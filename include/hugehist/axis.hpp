// Axes as values: what an axis is, without the means to fill it.
//
// The kinds, their options and the order of their bins are those of Boost.Histogram and of the Unified
// Histogram Interface (UHI). In storage an axis has `extent()` bins: the underflow bin first where there
// is one, then `size()` bins, then the overflow bin. Axes are plain values; any thread may use its own.
#pragma once

#include <hugehist/export.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace hugehist {

/// A metadata value, as the UHI serialization schema (version 1) allows it.
using scalar = std::variant<bool, std::int64_t, double, std::string>;

/// Metadata of an axis or a histogram: `name`, `label` and whatever else the user attached.
using metadata_map = std::map<std::string, scalar>;

namespace axis {

/// Transforms of a regular axis; the bins are of equal width after the transform.
enum class transform { none, log, sqrt, pow };

/// Bins of equal width in [lower, upper). `power` is used by transform::pow only.
struct regular {
  std::int64_t bins;
  double lower;
  double upper;
  bool underflow = true;
  bool overflow = true;
  bool circular = false;
  axis::transform transform = axis::transform::none;
  double power = 1.0;
  bool operator==(const regular&) const = default;
};

/// Bins between strictly ascending edges; n edges make n - 1 bins.
struct variable {
  std::vector<double> edges;
  bool underflow = true;
  bool overflow = true;
  bool circular = false;
  bool operator==(const variable&) const = default;
};

/// One bin for each integer in [lower, upper).
struct integer {
  std::int64_t lower;
  std::int64_t upper;
  bool underflow = true;
  bool overflow = true;
  bool circular = false;
  bool operator==(const integer&) const = default;
};

/// Two bins, false and true; no flow bins.
struct boolean {
  bool operator==(const boolean&) const = default;
};

/// One bin for each label. A growing axis adds labels as they come and has no overflow bin.
struct str_category {
  std::vector<std::string> labels = {};
  bool growth = true;
  bool overflow = false;
  bool operator==(const str_category&) const = default;
};

/// As str_category, with integers for labels.
struct int_category {
  std::vector<std::int64_t> labels = {};
  bool growth = true;
  bool overflow = false;
  bool operator==(const int_category&) const = default;
};

using kind = std::variant<regular, variable, integer, boolean, str_category, int_category>;

/// An axis of any kind with its metadata. Construction checks the values.
class HUGEHIST_EXPORT any {
 public:
  /// Throws std::invalid_argument, naming the axis, when the values make no axis: no bins, edges that do
  /// not ascend or are NaN, a range that is not finite or that the transform cannot take, labels that repeat, a
  /// growing axis with an overflow bin, a circular axis with an underflow bin or (but for an integer one, which
  /// has no flow bins) without an overflow bin.
  any(axis::kind value, metadata_map metadata = {});  // NOLINT(google-explicit-constructor)

  /// As above, with `metadata = {{"name", name}}`.
  any(axis::kind value, std::string name);

  const axis::kind& kind() const noexcept { return kind_; }
  const metadata_map& metadata() const noexcept { return metadata_; }

  /// metadata["name"], or "" where there is none.
  std::string name() const;

  /// Number of bins without flow bins.
  std::size_t size() const noexcept;

  /// Number of bins with flow bins: the length of this axis in storage.
  std::size_t extent() const noexcept { return size() + (underflow() ? 1 : 0) + (overflow() ? 1 : 0); }

  bool underflow() const noexcept;
  bool overflow() const noexcept;
  bool is_category() const noexcept;
  bool is_growing() const noexcept;

  /// Labels of a category axis in bin order; integers in decimal. REQUIRES: is_category()
  std::vector<std::string> labels() const;

  /// Edges of the bins, size() + 1 of them. REQUIRES: !is_category()
  std::vector<double> edges() const;

  /// The same axis with other labels. REQUIRES: is_category(); decimal integers for an int_category
  any with_labels(const std::vector<std::string>& labels) const;

  /// Appends labels in place. REQUIRES: is_category(), none of them is there, decimal for an int_category
  void append_labels(std::span<const std::string> labels);
  /// Forgets the labels from bin `size` on: undoes append_labels. REQUIRES: is_category()
  void truncate_labels(std::size_t size) noexcept {
    const auto cut = [size](auto& list) { list.resize(size < list.size() ? size : list.size()); };
    if (auto* strings = std::get_if<str_category>(&kind_)) cut(strings->labels);
    if (auto* integers = std::get_if<int_category>(&kind_)) cut(integers->labels);
  }

  bool operator==(const any&) const = default;

 private:
  axis::kind kind_;
  metadata_map metadata_;
};

/// "regular(400, 0, 1, name='score')": for messages and repr.
HUGEHIST_EXPORT std::string to_string(const any& axis);

/// Why a histogram over `b` cannot be added to one over `a`, or "" when it can: same kind, same bins, same
/// flow. Labels of category axes may differ, names must agree where both have one.
HUGEHIST_EXPORT std::string incompatibility(const any& a, const any& b);

/// True where `text` is a decimal integer as int_category writes its labels ("-3", "17").
HUGEHIST_EXPORT bool is_integer_label(const std::string& text) noexcept;

}  // namespace axis
}  // namespace hugehist
