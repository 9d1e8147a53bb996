#include "catch.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <set>

using namespace hugehist;
using namespace store_support;
using store::merge_ledger;

namespace {

/// The same, entry by entry.
class reference {
 public:
  void add(const interval& part) {
    for (auto i = part.start; i < part.stop; ++i) in_.insert({part.source, i});
    steps_.push_back(part);
  }
  void undo() {
    for (auto i = steps_.back().start; i < steps_.back().stop; ++i) in_.erase({steps_.back().source, i});
    steps_.pop_back();
  }
  void settle() { steps_.clear(); }
  std::size_t pending() const { return steps_.size(); }
  std::int64_t count(const interval& part) const {
    std::int64_t result = 0;
    for (auto i = part.start; i < part.stop; ++i) result += in_.contains({part.source, i}) ? 1 : 0;
    return result;
  }
  /// Runs of entries that are in.
  ids entries() const {
    std::vector<interval> runs;
    for (const auto& [source, entry] : in_) {
      if (runs.empty() || runs.back().source != source || runs.back().stop != entry)
        runs.push_back({source, entry, entry});
      ++runs.back().stop;
    }
    return {runs.begin(), runs.end()};
  }

 private:
  std::set<std::pair<std::string, std::int64_t>> in_;
  std::vector<interval> steps_;
};

std::int64_t length(const std::vector<interval>& parts) {
  std::int64_t result = 0;
  for (const auto& part : parts) result += part.stop - part.start;
  return result;
}

}  // namespace

TEST_CASE("ids have a text, or a source and entries") {
  CHECK_THROWS_AS(merge_id{""}, std::invalid_argument);
  CHECK_THROWS_AS((merge_id{interval{"", 0, 1}}), std::invalid_argument);
  CHECK_THROWS_AS((merge_id{interval{"f", -1, 1}}), std::invalid_argument);
  CHECK_THROWS_WITH((merge_id{interval{"f", 3, 3}}), contains("[3, 3) of 'f'"));
  CHECK(merge_id{"a"} != merge_id{interval{"a", 0, 1}});
}

TEST_CASE("a ledger of intervals is that of their entries, and goes back step by step") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random{seed};
    merge_ledger ledger;
    reference expected;
    for (int step = 0; step < 300; ++step) {
      const auto start = static_cast<std::int64_t>(random() % 60);
      const interval part{random() % 3 == 0 ? "b" : "a", start, start + 1 + static_cast<std::int64_t>(random() % 6)};
      const auto in = expected.count(part), size = part.stop - part.start;
      CHECK(ledger.has(part) == (in == size));
      CHECK(length(ledger.present(part)) == in);
      CHECK(length(ledger.missing(part)) == size - in);
      const auto way = random() % 8;
      if (way == 0) {
        ledger.settle();
        expected.settle();
      } else if (way < 4 && expected.pending() > 0) {
        ledger.undo();
        expected.undo();
      } else if (in == 0) {
        ledger.add(part);
        expected.add(part);
      }
      REQUIRE(ledger.pending() == expected.pending());
      REQUIRE(ledger.entries() == expected.entries());
    }
  }
}

TEST_CASE("what is pending comes joined") {
  merge_ledger ledger;
  ledger.add(interval{"f", 0, 10});
  ledger.settle();
  ledger.add("x");
  ledger.add(interval{"f", 20, 30});
  ledger.add(interval{"f", 10, 20});
  ledger.add("a");
  CHECK(ledger.pending_entries() == ids{"x", "a", interval{"f", 10, 30}});
  CHECK(ledger.entries() == ids{"x", "a", interval{"f", 0, 30}});
  ledger.undo();
  ledger.undo();
  CHECK(ledger.entries() == ids{"x", interval{"f", 0, 10}, interval{"f", 20, 30}});
}

TEST_CASE("intervals are kept by every store") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  (*store)->add_to_ledger(interval{"a", 0, 10});
  (*store)->add_to_ledger("text");
  (*store)->commit();
  (*store)->add_to_ledger(interval{"a", 10, 20});
  (*store)->add_to_ledger(interval{"\xff", 7, std::numeric_limits<std::int64_t>::max()});
  (*store)->commit();
  (*store)->add_to_ledger(interval{"a", 30, 40});
  store->reopen();
  CHECK((*store)->ledger().entries() ==
        ids{"text", interval{"a", 0, 20}, interval{"\xff", 7, std::numeric_limits<std::int64_t>::max()}});
  (*store)->add_to_ledger(interval{"a", 20, 21});
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK((*store)->ledger().has(interval{"a", 0, 21}));
  CHECK_FALSE((*store)->ledger().has(interval{"a", 0, 22}));
}

TEST_CASE("a million intervals are cheap") {
  constexpr std::int64_t count = 1'000'000;
  std::mt19937 random{1};
  std::vector<std::int64_t> order(count);
  for (std::int64_t i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = i;
  std::ranges::shuffle(order, random);
  file_under_test store;
  const auto begun = std::chrono::steady_clock::now();
  for (const auto i : order)
    store->add_to_ledger(interval{"file" + std::to_string(i % 1000), i / 1000 * 10, i / 1000 * 10 + 9});
  store->commit();
  const auto added = std::chrono::steady_clock::now();
  store.reopen(false);
  const auto opened = std::chrono::steady_clock::now();
  CHECK(store->ledger().entries().size() == count);
  CHECK(store->ledger().has(interval{"file7", 9980, 9989}));
  const std::chrono::duration<double> adding = added - begun, opening = opened - added;
  WARN("10^6 separate intervals of 1000 sources: " << adding.count() << " s to add and commit, " << opening.count()
                                                   << " s to open");
  CHECK(adding.count() + opening.count() < 60);
}
