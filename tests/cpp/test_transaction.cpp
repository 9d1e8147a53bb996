#include "catch.hpp"

#include <hugehist/hugehist.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace hugehist;

namespace {

std::vector<axis::any> axes() { return {{axis::str_category{}, "c"}, {axis::regular{2, 0, 1}, "x"}}; }

void fill(histogram h, const std::string& label) {
  const std::vector<double> x{0.25};
  h.fill({.columns = {label, numbers{array_view<double>{x}}}});
}

thread_local bool is_impatient = false;

double total(const histogram& h) { return std::get<std::vector<double>>(h.project({}).read().planes.at(0)).at(0); }

}  // namespace

TEST_CASE("a transaction is all or nothing") {
  auto file = file::in_memory();
  auto a = file.create("a", axes(), storage::double_);
  fill(a, "before");
  {
    transaction lost{file};
    fill(a, "lost");
    fill(file.create("b", axes(), storage::double_), "lost");
    file.add_to_counter({"n"}, 1);
    CHECK_THROWS_AS((transaction{file}), error);
    CHECK_THROWS_AS(file.commit(), error);
    CHECK_THROWS_AS(file.discard(), error);
    CHECK_THROWS_AS(file.close(), error);
  }
  CHECK(total(a) == 1);
  CHECK(a.axes()[0].labels() == std::vector<std::string>{"before"});
  CHECK_FALSE(file.contains("b"));
  CHECK(file.counters().empty());

  transaction kept{file, interval{"f", 0, 10}};
  transaction moved{std::move(kept)};
  CHECK_FALSE(moved.already());
  fill(a, "kept");
  moved.commit();
  CHECK_THROWS_WITH(moved.commit(), contains("over"));
  moved.roll_back();
  file.discard();
  CHECK(total(a) == 2);
  CHECK(file.merged(interval{"f", 3, 10}));

  transaction again{file, interval{"f", 0, 5}};
  CHECK(again.already());
  fill(a, "again");
  again.commit();
  CHECK(total(a) == 2);
  CHECK_THROWS_AS((transaction{file, interval{"f", 5, 15}}), overlap_error);
  CHECK(file.missing(interval{"f", 0, 12}) == std::vector<interval>{{"f", 10, 12}});
  CHECK_THROWS_AS(file.missing("text"), type_error);
  file.commit();  // no transaction is left
}

TEST_CASE("an id is put into the ledger by itself, with what else changed") {
  auto file = file::in_memory();
  auto h = file.create("h", axes(), storage::double_);
  CHECK(file.add_to_ledger("text"));
  CHECK(file.has_changes());
  CHECK_FALSE(file.add_to_ledger("text"));
  CHECK(file.add_to_ledger(interval{"f", 0, 10}));
  CHECK_FALSE(file.add_to_ledger(interval{"f", 2, 10}));
  CHECK_THROWS_AS(file.add_to_ledger(interval{"f", 5, 15}), overlap_error);
  const auto addend = h.buffer().take();
  CHECK_FALSE(h.merge(addend, interval{"f", 0, 10}));
  file.commit();
  CHECK(file.add_to_ledger(interval{"f", 10, 15}));
  file.discard();
  CHECK(file.missing(interval{"f", 0, 15}) == std::vector<interval>{{"f", 10, 15}});
  {
    transaction lost{file};
    CHECK(file.add_to_ledger(interval{"f", 10, 15}));
  }
  CHECK_FALSE(file.merged(interval{"f", 10, 15}));
  transaction kept{file, "job"};
  CHECK(file.add_to_ledger(interval{"f", 10, 15}));
  CHECK(file.add_to_ledger("job"));
  kept.commit();
  file.discard();
  CHECK(file.merge_ids() == std::vector<merge_id>{"text", "job", interval{"f", 0, 15}});
}

TEST_CASE("a transaction of a file that was given up says so") {
  auto file = file::in_memory();
  transaction running{file};
  file.abandon();
  CHECK_THROWS_WITH(running.commit(), contains("closed within"));
}

TEST_CASE("other threads wait for a transaction, and a callback can end the waiting") {
  auto file = file::in_memory();
  auto h = file.create("h", axes(), storage::double_);
  std::atomic<bool> done = false;
  std::thread other;
  {
    transaction lost{file};
    fill(h, "lost");
    other = std::thread{[&] {
      fill(h, "other");
      done = true;
    }};
    std::thread helper{[&, me = std::this_thread::get_id()] {
      const on_behalf_of caller{me};
      fill(h, "helper");
    }};
    helper.join();
    CHECK(total(h) == 2);
    std::thread impatient{[&] {
      is_impatient = true;
      set_wait_callback([] {
        if (is_impatient) throw std::runtime_error{"no more"};
      });
      CHECK_THROWS_WITH(total(h), contains("no more"));
      set_wait_callback(nullptr);
    }};
    impatient.join();
    CHECK_FALSE(done);
  }
  other.join();
  CHECK(total(h) == 1);
  CHECK(h.axes()[0].labels() == std::vector<std::string>{"other"});
}

TEST_CASE("commits come by time, but not within a transaction") {
  auto file = file::in_memory({.commit_bytes = 0, .commit_seconds = 1e-9});
  auto h = file.create("h", axes(), storage::double_);
  fill(h, "a");
  const auto before = file.stats();
  CHECK(before.automatic_commits == 1);
  CHECK(before.commits == 1);
  {
    transaction lost{file};
    for (int i = 0; i < 10; ++i) fill(h, "b");
    CHECK(file.stats().automatic_commits == 1);
  }
  CHECK(total(h) == 1);
  CHECK_THROWS_AS(file::in_memory({.commit_seconds = -1}), std::invalid_argument);
}
