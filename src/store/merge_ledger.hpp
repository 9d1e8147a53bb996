// The ids of the merges that are in, and the way back from the latest.
//
// Intervals of a source are disjoint, and those that adjoin are kept as one run, so that a source that was processed in
// order takes one entry however many merges it came in. What was added since the last settle() is pending, and can be
// undone, newest first, without memory: where an interval joined two runs, the entry that fell away is kept for it.
// Not synchronised.
#pragma once

#include <hugehist/merge_id.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace hugehist::store {

class merge_ledger {
 public:
  merge_ledger() = default;
  merge_ledger(merge_ledger&&) = default;
  merge_ledger& operator=(merge_ledger&&) = default;

  /// Whether all of it is in.
  bool has(const merge_id& id) const;
  /// What of the interval is in, and what is not: ascending.
  std::vector<interval> present(const interval& entries) const;
  std::vector<interval> missing(const interval& entries) const;

  /// The texts in the order in which they came, then the intervals, joined, by source and start.
  std::vector<merge_id> entries() const;

  /// On an exception nothing was added. REQUIRES: nothing of the id is in
  void add(const merge_id& id);
  std::size_t pending() const noexcept { return pending_.size(); }
  /// What is pending, as entries() has it.
  std::vector<merge_id> pending_entries() const;
  /// Takes back what was added last. REQUIRES: something is pending
  void undo() noexcept;
  /// Nothing is pending any more.
  void settle() noexcept { pending_.clear(); }

 private:
  using runs = std::map<std::int64_t, std::int64_t>;  // start → stop
  using sources = std::map<std::string, runs, std::less<>>;
  struct step {
    sources::value_type* source = nullptr;  // null: the last text
    std::int64_t start = 0, stop = 0;
    runs::node_type spare = {};  // of the run that was joined to the one before
  };

  static void join(runs& to, step& one);
  static void part(runs& from, step& one) noexcept;

  std::unordered_set<std::string> texts_;
  std::vector<const std::string*> order_;  // of texts_, which never moves them
  sources sources_;
  std::vector<step> pending_;
};

}  // namespace hugehist::store
