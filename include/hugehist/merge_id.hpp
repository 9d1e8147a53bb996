// The id of a merge: what was merged, under a name that the next attempt gives again.
//
// A value. The ledger of a file has the ids of all merges that are in, so that what is merged again counts once.
#pragma once

#include <hugehist/export.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace hugehist {

/// Entries of a source (a file, a tree in a file) that were processed.
struct interval {
  std::string source;
  std::int64_t start = 0;  ///< the first
  std::int64_t stop = 0;   ///< the one after the last
  bool operator==(const interval&) const = default;
};

/// A text (any bytes), or an interval. Intervals tell what a text cannot: that the same entries come in other parts.
class HUGEHIST_EXPORT merge_id {
 public:
  /// Throw std::invalid_argument for an empty text or source, and for an interval without 0 <= start < stop.
  merge_id(std::string text);         // NOLINT(google-explicit-constructor): an id is a text
  merge_id(const char* text);         // NOLINT(google-explicit-constructor)
  merge_id(struct interval entries);  // NOLINT(google-explicit-constructor)
  const std::string* text() const noexcept { return std::get_if<std::string>(&what_); }              ///< or null
  const struct interval* interval() const noexcept { return std::get_if<struct interval>(&what_); }  ///< or null
  const std::string& name() const noexcept;  ///< the text, or the source of the interval
  bool operator==(const merge_id&) const = default;

 private:
  std::variant<std::string, struct interval> what_;
};

}  // namespace hugehist
