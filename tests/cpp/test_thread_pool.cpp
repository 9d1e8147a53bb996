#include "catch.hpp"

#include "base/thread_pool.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

using hugehist::base::thread_pool;

TEST_CASE("each item runs once, whatever the number of threads") {
  for (unsigned threads : {1u, 2u, 5u}) {
    thread_pool pool{threads};
    REQUIRE(pool.size() == threads);
    for (std::size_t items : {0u, 1u, 3u, 1000u}) {
      std::vector<std::atomic<int>> runs(items);
      std::atomic<bool> worker_out_of_range = false;
      pool.parallel_for(items, [&](std::size_t item, unsigned worker) {
        ++runs[item];
        if (worker >= threads) worker_out_of_range = true;
      });
      for (auto& count : runs) CHECK(count == 1);
      CHECK_FALSE(worker_out_of_range);
    }
  }
}

TEST_CASE("an exception stops the loop, reaches the caller, and leaves the pool usable") {
  thread_pool pool{3};
  std::atomic<int> runs = 0;
  const auto failing = [&](std::size_t item, unsigned) {
    ++runs;
    if (item == 5) throw std::runtime_error{"item 5"};
  };
  CHECK_THROWS_WITH(pool.parallel_for(100000, failing), "item 5");
  CHECK(runs < 100000);
  runs = 0;
  pool.parallel_for(10, [&](std::size_t, unsigned) { ++runs; });
  CHECK(runs == 10);
}
