#include "write/fill_jobs.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace hugehist::write {
namespace {

using column_kind = category_column::kind;

/// Numbers pairs (a, b) in the order of their first appearance: by a table while that is no larger than the
/// events themselves, else by hash.
class pair_numbers {
 public:
  pair_numbers(std::size_t size_a, std::size_t size_b, std::size_t events) : size_b_{size_b} {
    std::size_t pairs = 0;
    if (!__builtin_mul_overflow(size_a, size_b, &pairs) && pairs <= 4 * events + 4096) table_.resize(pairs, unseen);
  }

  /// The pair's number, and whether it is new.
  std::pair<std::uint32_t, bool> number(std::uint32_t a, std::uint32_t b) {
    const auto pair = std::uint64_t{a} * size_b_ + b;  // a < 2^32 events, b < 2^31 labels
    auto& entry = table_.empty() ? hashed_.try_emplace(pair, unseen).first->second : table_[pair];
    const bool is_new = entry == unseen;
    if (is_new) entry = next_++;
    return {entry, is_new};
  }

 private:
  static constexpr std::uint32_t unseen = 0xffffffff;
  std::size_t size_b_;
  std::vector<std::uint32_t> table_;
  std::unordered_map<std::uint64_t, std::uint32_t> hashed_;
  std::uint32_t next_ = 0;
};

class divider {
 public:
  divider(const fill_call& call, std::vector<label_table>& tables) : call_{call}, tables_{tables} {}

  fill_jobs run() {
    codes_.resize(call_.categories.size(), 0);
    name_labels();
    for (std::size_t c = 0; c < call_.categories.size(); ++c)
      if (call_.categories[c].use == column_kind::codes) group_by(c);
    if (call_.events > 0) apply_masks(0, nullptr, call_.events);
    return std::move(result_);
  }

 private:
  /// Labels that are named exist from now on, whether or not an event has them.
  void name_labels() {
    mask_codes_.resize(call_.categories.size());
    for (std::size_t c = 0; c < call_.categories.size(); ++c) {
      const auto& column = call_.categories[c];
      if (column.use == column_kind::codes) continue;
      std::vector<std::uint32_t> codes;
      for (const auto& label : column.labels) codes.push_back(tables_[c].resolve(label));
      if (column.use == column_kind::one_label)
        codes_[c] = codes.front();
      else if (column.use == column_kind::variations)
        result_.row_codes = std::move(codes);
      else
        mask_codes_[c] = std::move(codes);
    }
  }

  /// Divides the groups further by the codes of axis c. Only labels that events have come into being.
  void group_by(std::size_t c) {
    const auto& column = call_.categories[c];
    const auto labels = column.labels.size();
    const bool first = group_of_.empty();
    if (first) {
      group_of_.resize(call_.events, 0);
      groups_ = {{}};
    }
    pair_numbers numbers{groups_.size(), labels, call_.events};
    std::vector<std::vector<std::uint32_t>> divided;
    for (std::size_t e = 0; e < call_.events; ++e) {
      const auto code = column.codes(e, 0);
      if (code < 0 || static_cast<std::size_t>(code) >= labels)
        throw std::invalid_argument{"axis '" + tables_[c].axis_name() + "': the code " + std::to_string(code) +
                                    " of event " + std::to_string(e) + " is outside of its " + std::to_string(labels) +
                                    " labels"};
      auto& group = group_of_[e];
      const auto [number, is_new] = numbers.number(group, static_cast<std::uint32_t>(code));
      if (is_new) {
        divided.push_back(groups_[group]);
        divided.back().push_back(tables_[c].resolve(column.labels[static_cast<std::size_t>(code)]));
      }
      group = number;
    }
    groups_ = std::move(divided);
    coded_axes_.push_back(c);
  }

  /// For each combination of mask labels, from axis c on, the events that are in it.
  void apply_masks(std::size_t c, const std::uint32_t* events, std::size_t count) {
    while (c < call_.categories.size() && call_.categories[c].use != column_kind::masks) ++c;
    if (c == call_.categories.size()) return make_jobs(events, count);
    const auto& column = call_.categories[c];
    for (std::size_t m = 0; m < column.masks.size(); ++m) {
      const auto& mask = column.masks[m];
      std::vector<std::uint32_t> chosen(count);
      std::size_t n = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const auto event = events ? events[i] : static_cast<std::uint32_t>(i);
        bool in = mask(event, 0);
        for (std::size_t j = 1; j < mask.columns; ++j) in |= mask(event, j);
        chosen[n] = event;
        n += in ? 1 : 0;
      }
      if (n == 0) continue;
      chosen.resize(n);
      if (n < count / 2) chosen.shrink_to_fit();
      result_.lists.push_back(std::move(chosen));
      codes_[c] = mask_codes_[c][m];
      if (mask.columns > 1) row_masks_.push_back(&mask);
      apply_masks(c + 1, result_.lists.back().data(), n);
      if (mask.columns > 1) row_masks_.pop_back();
    }
  }

  /// Divides events by group, each group's in ascending order (a counting sort).
  void make_jobs(const std::uint32_t* events, std::size_t count) {
    if (groups_.size() <= 1) {
      add_job(groups_.empty() ? nullptr : &groups_.front(), events, count);
      return;
    }
    std::vector<std::size_t> begin(groups_.size() + 1, 0);
    for (std::size_t i = 0; i < count; ++i) ++begin[group_of_[events ? events[i] : i] + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    auto& order = result_.lists.emplace_back(count);
    auto next = begin;
    for (std::size_t i = 0; i < count; ++i) {
      const auto event = events ? events[i] : static_cast<std::uint32_t>(i);
      order[next[group_of_[event]]++] = event;
    }
    for (std::size_t g = 0; g < groups_.size(); ++g)
      if (begin[g + 1] > begin[g]) add_job(&groups_[g], order.data() + begin[g], begin[g + 1] - begin[g]);
  }

  void add_job(const std::vector<std::uint32_t>* group, const std::uint32_t* events, std::size_t count) {
    auto codes = codes_;
    for (std::size_t i = 0; group != nullptr && i < coded_axes_.size(); ++i) codes[coded_axes_[i]] = (*group)[i];
    if (call_.span != no_span) codes[call_.span] = 0;
    result_.jobs.push_back({std::move(codes), events, count, row_masks_});
  }

  const fill_call& call_;
  std::vector<label_table>& tables_;
  fill_jobs result_;
  std::vector<std::uint32_t> codes_;                    // of labels that are the same for all events, or of masks
  std::vector<std::vector<std::uint32_t>> mask_codes_;  // for each category axis
  std::vector<std::uint32_t> group_of_;                 // for each event
  std::vector<std::vector<std::uint32_t>> groups_;      // codes on coded_axes_
  std::vector<std::size_t> coded_axes_;
  std::vector<const array_view<bool>*> row_masks_;
};

}  // namespace

fill_jobs divide_events(const fill_call& call, std::vector<label_table>& tables) { return divider{call, tables}.run(); }

}  // namespace hugehist::write
