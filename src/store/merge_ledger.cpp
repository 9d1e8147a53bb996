#include "store/merge_ledger.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace hugehist::store {

bool merge_ledger::has(const merge_id& id) const {
  if (const auto* text = id.text()) return texts_.contains(*text);
  const auto there = present(*id.interval());
  return there.size() == 1 && there.front() == *id.interval();
}

std::vector<interval> merge_ledger::present(const interval& entries) const {
  std::vector<interval> result;
  const auto found = sources_.find(entries.source);
  if (found == sources_.end()) return result;
  auto run = found->second.upper_bound(entries.start);
  if (run != found->second.begin()) --run;
  for (; run != found->second.end() && run->first < entries.stop; ++run)
    if (run->second > entries.start)
      result.push_back({entries.source, std::max(run->first, entries.start), std::min(run->second, entries.stop)});
  return result;
}

std::vector<interval> merge_ledger::missing(const interval& entries) const {
  std::vector<interval> result;
  auto start = entries.start;
  for (const auto& there : present(entries)) {
    if (there.start > start) result.push_back({entries.source, start, there.start});
    start = there.stop;
  }
  if (start < entries.stop) result.push_back({entries.source, start, entries.stop});
  return result;
}

std::vector<merge_id> merge_ledger::entries() const {
  std::vector<merge_id> result;
  for (const auto* text : order_) result.emplace_back(*text);
  for (const auto& [source, joined] : sources_)
    for (const auto& [start, stop] : joined) result.emplace_back(interval{source, start, stop});
  return result;
}

std::vector<merge_id> merge_ledger::pending_entries() const {
  merge_ledger added;
  const auto texts = std::ranges::count(pending_, nullptr, &step::source);
  for (auto text = order_.end() - texts; text != order_.end(); ++text) added.add(**text);
  for (const auto& one : pending_)
    if (one.source != nullptr) added.add(interval{one.source->first, one.start, one.stop});
  return added.entries();
}

void merge_ledger::add(const merge_id& id) {
  auto& one = pending_.emplace_back();
  try {
    if (const auto* text = id.text()) {
      if (order_.size() == order_.capacity()) order_.reserve(2 * order_.size() + 8);
      const auto [place, is_new] = texts_.insert(*text);
      assert(is_new);
      order_.push_back(&*place);  // cannot throw: there is room
      return;
    }
    const auto& entries = *id.interval();
    one.start = entries.start;
    one.stop = entries.stop;
    one.source = &*sources_.try_emplace(entries.source).first;
    join(one.source->second, one);
  } catch (...) {
    if (one.source != nullptr && one.source->second.empty()) sources_.erase(sources_.find(one.source->first));
    pending_.pop_back();
    throw;
  }
}

void merge_ledger::join(runs& to, step& one) {
  const auto after = to.lower_bound(one.start);
  assert(after == to.end() || after->first >= one.stop);
  const bool joins_after = after != to.end() && after->first == one.stop;
  const auto before = after == to.begin() ? to.end() : std::prev(after);
  assert(before == to.end() || before->second <= one.start);
  if (before != to.end() && before->second == one.start) {
    before->second = joins_after ? after->second : one.stop;
    if (joins_after) one.spare = to.extract(after);
  } else if (joins_after) {
    auto moved = to.extract(after);
    moved.key() = one.start;
    to.insert(std::move(moved));
  } else {
    to.emplace(one.start, one.stop);
  }
}

void merge_ledger::undo() noexcept {
  assert(!pending_.empty());
  auto& one = pending_.back();
  if (one.source == nullptr) {
    texts_.erase(texts_.find(*order_.back()));
    order_.pop_back();
  } else {
    auto& joined = one.source->second;
    part(joined, one);
    if (joined.empty()) sources_.erase(sources_.find(one.source->first));
  }
  pending_.pop_back();
}

void merge_ledger::part(runs& from, step& one) noexcept {
  const auto run = std::prev(from.upper_bound(one.start));
  const auto stop = run->second;
  if (run->first < one.start) {
    run->second = one.start;
    if (stop == one.stop) return;
    one.spare.key() = one.stop;
    one.spare.mapped() = stop;
    from.insert(std::move(one.spare));
  } else if (stop > one.stop) {
    auto moved = from.extract(run);
    moved.key() = one.stop;
    from.insert(std::move(moved));
  } else {
    from.erase(run);
  }
}

}  // namespace hugehist::store
