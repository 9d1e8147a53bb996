#include "read/select_axis.hpp"

#include "base/overloaded.hpp"
#include "model/boost_axes.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <unordered_set>

namespace hugehist::read {
namespace {

using base::overloaded;

/// Whether `pattern` with its '*' and '?' stands for `text`.
bool matches(std::string_view pattern, std::string_view text) {
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, star = none, after = 0;  // the last star takes text up to `after`
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != none) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == none;
}

bool is_pattern(const std::string& label) { return label.find_first_of("*?") != std::string::npos; }

bool is_circular(const axis::any& axis) {
  return std::visit(
      [](const auto& kind) {
        if constexpr (requires { kind.circular; }) return kind.circular;
        return false;
      },
      axis.kind());
}

class axis_selection {
 public:
  explicit axis_selection(const axis::any& axis) : axis_{axis}, size_{static_cast<std::int64_t>(axis.size())} {}

  selected_axis take(const selector& what) const {
    return std::visit(overloaded{
                          [&](const bin_reference& where) { return pick(bin_of(where)); },
                          [&](const slice& part) { return cut(part); },
                          [&](const std::vector<bin_reference>& bins) { return list(bins); },
                          [&](const std::string& label) {
                            return is_pattern(label) ? list(labels_like(label))
                                                     : pick(bin_of(bin_reference{loc{label}}));
                          },
                      },
                      what.what());
  }

 private:
  std::string owner() const { return axis::to_string(axis_); }
  [[noreturn]] void refuse(const std::string& why) const { throw std::invalid_argument{owner() + ": " + why}; }
  [[noreturn]] void no_bin(std::int64_t bin) const {
    throw std::out_of_range{owner() + " has " + std::to_string(size_) + " bins, there is none at " +
                            std::to_string(bin)};
  }

  // ---- positions: bins from 0, -1 for the underflow and size_ for the overflow bin

  std::int64_t find(const loc& where) const {
    return std::visit(overloaded{
                          [&](double x) { return index_of(x); },
                          [&](std::int64_t x) {
                            return std::holds_alternative<axis::int_category>(axis_.kind())
                                       ? label_of(std::to_string(x))
                                       : index_of(static_cast<double>(x));
                          },
                          [&](const std::string& label) { return label_of(label); },
                      },
                      where.value) +
           where.offset;
  }

  std::int64_t label_of(const std::string& label) const {
    if (!axis_.is_category()) refuse("has no labels, and so no '" + label + "'");
    const auto labels = axis_.labels();
    const auto found = std::ranges::find(labels, label);
    if (found == labels.end()) throw key_error{owner() + " has no label '" + label + "'"};
    return found - labels.begin();
  }

  std::int64_t index_of(double x) const {
    if (axis_.is_category()) refuse("has labels: give one of them to loc");
    const bool whole = std::holds_alternative<axis::integer>(axis_.kind()) || is_boolean();
    if (whole && (std::floor(x) != x || std::abs(x) > 2147483647.0)) refuse("holds integers: loc takes one");
    return model::to_boost_axis(axis_).index(x);
  }

  bool is_boolean() const { return std::holds_alternative<axis::boolean>(axis_.kind()); }

  std::int64_t bin_of(const bin_reference& where) const {
    return std::visit(overloaded{
                          [&](std::int64_t bin) {
                            if (bin < -size_ || bin >= size_) no_bin(bin);
                            return bin < 0 ? bin + size_ : bin;
                          },
                          [&](const loc& value) { return find(value); },
                          [&](place at) { return at == underflow ? -1 : size_; },
                      },
                      where);
  }

  /// Numbers are cut to the axis as in Python; what loc finds may be a flow bin.
  std::int64_t bound_of(const bin_reference& where) const {
    if (const auto* bin = std::get_if<std::int64_t>(&where))
      return std::clamp<std::int64_t>(*bin < 0 ? *bin + size_ : *bin, 0, size_);
    return bin_of(where);
  }

  std::vector<bin_reference> labels_like(const std::string& pattern) const {
    if (!std::holds_alternative<axis::str_category>(axis_.kind())) refuse("has no labels for the pattern " + pattern);
    std::vector<bin_reference> result;
    const auto labels = axis_.labels();
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (matches(pattern, labels[i])) result.emplace_back(static_cast<std::int64_t>(i));
    if (result.empty()) refuse("no label matches '" + pattern + "'");
    return result;
  }

  // ---- selections

  std::int64_t shift() const { return axis_.underflow() ? 1 : 0; }

  /// Storage bins [begin, end) to one bin, the others dropped.
  selected_axis joined(std::int64_t begin, std::int64_t end) const {
    auto map = axis_map::sum(axis_.extent());
    for (std::int64_t bin = 0; bin < static_cast<std::int64_t>(axis_.extent()); ++bin)
      if (bin < begin || bin >= end) map.target[static_cast<std::size_t>(bin)] = axis_map::dropped;
    return {std::move(map), {}};
  }

  selected_axis pick(std::int64_t bin) const {
    if (bin < -1 || bin > size_) no_bin(bin);
    if (bin == -1 && !axis_.underflow()) throw std::out_of_range{owner() + " has no underflow bin"};
    if (bin == size_ && !axis_.overflow()) throw std::out_of_range{owner() + " has no overflow bin"};
    return joined(bin + shift(), bin + shift() + 1);
  }

  selected_axis list(const std::vector<bin_reference>& wanted) const {
    if (!axis_.is_category()) refuse("is no category axis: only those take a list of bins");
    const auto labels = axis_.labels();
    std::vector<std::size_t> bins;
    std::vector<std::string> kept;
    std::unordered_set<std::size_t> seen;
    for (const auto& where : wanted) {
      const auto bin = bin_of(where);
      if (bin < 0 || bin >= size_) no_bin(bin);
      bins.push_back(static_cast<std::size_t>(bin));
      if (!seen.insert(bins.back()).second) refuse("the label '" + labels[bins.back()] + "' is listed twice");
      kept.push_back(labels[bins.back()]);
    }
    if (axis_.overflow()) bins.push_back(axis_.extent() - 1);
    return {axis_map::list(axis_.extent(), bins), axis_.with_labels(kept)};
  }

  selected_axis cut(const slice& part) const {
    const bool open = !part.begin && !part.end;
    const bool sums = std::holds_alternative<sum_t>(part.step);
    const auto* join = std::get_if<rebin>(&part.step);
    if (open && sums) return joined(0, static_cast<std::int64_t>(axis_.extent()));
    if (open && join == nullptr) return {axis_map::all(axis_.extent()), axis_};

    const auto begin = part.begin ? bound_of(*part.begin) : -shift();
    const auto end = part.end ? bound_of(*part.end) : size_ + (axis_.overflow() && !axis_.is_category() ? 1 : 0);
    const auto first = std::max<std::int64_t>(begin, 0), last = std::min(end, size_);
    if (sums ? begin >= end : first >= last)
      throw std::out_of_range{owner() + ": the slice from " + std::to_string(begin) + " to " + std::to_string(end) +
                              " selects no bins, and an axis has at least one"};
    if (is_circular(axis_) && (first > 0 || last < size_)) refuse("is circular and cannot be cut");
    if (sums)
      return joined(std::max<std::int64_t>(begin + shift(), 0),
                    std::min(end + shift(), static_cast<std::int64_t>(axis_.extent())));
    if (join == nullptr) return merged(first, last, 1);
    if (const auto* factor = std::get_if<std::int64_t>(&join->how)) {
      if (*factor < 1 || *factor > last - first)
        refuse("rebin takes a factor from 1 to the " + std::to_string(last - first) + " bins there are, not " +
               std::to_string(*factor));
      return merged(first, last, *factor);
    }
    return grouped(begin, end, groups_of(*join, first, last));
  }

  /// Every `factor` bins of [first, last) to one; what is cut off goes to the flow bins that are left.
  selected_axis merged(std::int64_t first, std::int64_t last, std::int64_t factor) const {
    const auto count = (last - first) / factor;
    last = first + count * factor;
    if (is_circular(axis_) && last < size_) refuse("is circular: rebin by a factor of its number of bins");
    auto left = part_of_axis(first, last, factor);
    axis_map map{std::vector<std::int32_t>(axis_.extent(), axis_map::dropped), left.extent(), {}};
    const auto low = left.underflow() ? 0 : axis_map::dropped;
    const auto high = left.overflow() ? static_cast<std::int32_t>(left.extent()) - 1 : axis_map::dropped;
    for (std::int64_t bin = -shift(); bin < static_cast<std::int64_t>(axis_.extent()) - shift(); ++bin) {
      auto& target = map.target[static_cast<std::size_t>(bin + shift())];
      if (bin >= last)
        target = high;
      else if (bin < first)
        target = axis_.is_category() ? high : low;
      else
        target = static_cast<std::int32_t>((bin - first) / factor + (left.underflow() ? 1 : 0));
    }
    return {std::move(map), std::move(left)};
  }

  axis::any part_of_axis(std::int64_t first, std::int64_t last, std::int64_t factor) const {
    const auto labels = [&] {
      const auto all = axis_.labels();
      return axis_.with_labels({all.begin() + first, all.begin() + last});
    };
    const auto whole_bins = [&](const char* what) {
      if (factor != 1) refuse(std::string{"cannot merge bins of "} + what + " axis by a factor: rebin by groups");
    };
    return std::visit(overloaded{
                          [&](axis::regular part) -> axis::any {
                            if (first > 0 || last < size_) {
                              const auto edges = axis_.edges();
                              part.lower = edges[static_cast<std::size_t>(first)];
                              part.upper = edges[static_cast<std::size_t>(last)];
                            }
                            part.bins = (last - first) / factor;
                            return {part, axis_.metadata()};
                          },
                          [&](const axis::variable& whole) -> axis::any {
                            auto part = whole;
                            part.edges.clear();
                            for (auto i = first; i <= last; i += factor)
                              part.edges.push_back(whole.edges[static_cast<std::size_t>(i)]);
                            return {part, axis_.metadata()};
                          },
                          [&](axis::integer part) -> axis::any {
                            whole_bins("an integer");
                            part.upper = part.lower + last;
                            part.lower += first;
                            return {part, axis_.metadata()};
                          },
                          [&](const axis::boolean&) -> axis::any {
                            whole_bins("a boolean");
                            if (last - first == 2) return axis_;
                            return {axis::integer{first, last, false, false}, axis_.metadata()};
                          },
                          [&](const axis::str_category&) -> axis::any {
                            whole_bins("a category");
                            return labels();
                          },
                          [&](const axis::int_category&) -> axis::any {
                            whole_bins("a category");
                            return labels();
                          },
                      },
                      axis_.kind());
  }

  /// Numbers of bins that go together, over all of [first, last).
  std::vector<std::int64_t> groups_of(const rebin& join, std::int64_t first, std::int64_t last) const {
    if (axis_.is_category()) refuse("has labels: they are grouped by name, not by rebin");
    if (const auto* groups = std::get_if<std::vector<std::int64_t>>(&join.how)) {
      if (groups->empty() || std::ranges::any_of(*groups, [](auto n) { return n < 1; }))
        refuse("rebin takes groups of one bin or more");
      std::int64_t sum_of_groups = 0;
      for (const auto n : *groups) sum_of_groups = n > last - first ? last - first + 1 : sum_of_groups + n;
      if (sum_of_groups != last - first)
        refuse("the groups of rebin make up other than the " + std::to_string(last - first) + " bins there are");
      return *groups;
    }
    const auto& wanted = std::get<std::vector<double>>(join.how);
    const auto edges = axis_.edges();
    std::vector<std::int64_t> bounds;
    for (const auto x : wanted) {
      const auto found = std::find_if(edges.begin() + first, edges.begin() + last + 1, [x](double edge) {
        return std::abs(edge - x) <= 1e-8 + 1e-5 * std::abs(x);  // as numpy.isclose
      });
      if (found == edges.begin() + last + 1) refuse("has no edge " + std::to_string(x) + " to rebin at");
      bounds.push_back(found - edges.begin());
    }
    if (bounds.size() < 2 || bounds.front() != first || bounds.back() != last)
      refuse("the edges of rebin begin with the first and end with the last edge");
    std::vector<std::int64_t> groups;
    for (std::size_t i = 1; i < bounds.size(); ++i) {
      if (bounds[i] <= bounds[i - 1]) refuse("the edges of rebin must ascend");
      groups.push_back(bounds[i] - bounds[i - 1]);
    }
    return groups;
  }

  /// Groups of bins of [begin, end) to one each; all else is dropped, but for flow bins of an open end.
  selected_axis grouped(std::int64_t begin, std::int64_t end, const std::vector<std::int64_t>& groups) const {
    const auto edges = axis_.edges();
    auto bin = std::max<std::int64_t>(begin, 0);
    axis::variable made{{edges[static_cast<std::size_t>(bin)]}, axis_.underflow(), axis_.overflow(), false};
    axis_map map{std::vector<std::int32_t>(axis_.extent(), axis_map::dropped), 0, {}};
    auto target = static_cast<std::int32_t>(shift());
    for (const auto length : groups) {
      for (const auto last = bin + length; bin < last; ++bin)
        map.target[static_cast<std::size_t>(bin + shift())] = target;
      made.edges.push_back(edges[static_cast<std::size_t>(bin)]);
      ++target;
    }
    axis::any left{std::move(made), axis_.metadata()};
    map.extent = left.extent();
    if (axis_.underflow() && begin < 0) map.target.front() = 0;
    if (axis_.overflow() && end > size_) map.target.back() = static_cast<std::int32_t>(map.extent) - 1;
    return {std::move(map), std::move(left)};
  }

  const axis::any& axis_;
  std::int64_t size_;
};

}  // namespace

selected_axis select_axis(const axis::any& axis, const selector& take) { return axis_selection{axis}.take(take); }

axis_map compose(const axis_map& first, const axis_map& second) {
  axis_map result{std::vector<std::int32_t>(first.target.size(), axis_map::dropped), second.extent, first.factor};
  if (!second.factor.empty() && result.factor.empty()) result.factor.assign(first.target.size(), 1.0);
  for (std::size_t bin = 0; bin < first.target.size(); ++bin) {
    if (first.target[bin] == axis_map::dropped) continue;
    const auto middle = static_cast<std::size_t>(first.target[bin]);
    result.target[bin] = second.target[middle];
    if (!second.factor.empty()) result.factor[bin] *= second.factor[middle];
  }
  return result;
}

}  // namespace hugehist::read
