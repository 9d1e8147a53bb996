#include "catch.hpp"
#include "support_memory.hpp"

#include "base/free_extents.hpp"

#include <cstdint>
#include <new>
#include <optional>
#include <utility>
#include <vector>

using hugehist::base::free_extents;

TEST_CASE("an extent that is given back tells what it joined") {
  using extent = std::pair<std::uint64_t, std::uint64_t>;
  free_extents free;
  CHECK(free.give(100, 50) == extent{100, 50});
  CHECK(free.give(200, 10) == extent{200, 10});
  CHECK(free.give(150, 50) == extent{100, 110});
  std::vector<std::uint64_t> visited;
  free.for_each([&](std::uint64_t offset, std::uint64_t size) { visited.insert(visited.end(), {offset, size}); });
  CHECK(visited == std::vector<std::uint64_t>{100, 110});
}

TEST_CASE("bytes are taken where they fit best, among the first extents and before an end") {
  free_extents free;
  for (const auto& [offset, size] : {std::pair{100, 50}, {200, 20}, {300, 10}, {400, 20}})
    free.give(static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size));
  CHECK(free.take_before(310, 10) == 300);
  CHECK_FALSE(free.take_before(110, 20));
  CHECK(free.take_before(219, 20) == 100);
  CHECK(free.take_before(220, 20) == 200);
  CHECK_FALSE(free.take_before(400, 31));
  CHECK(free.take_low(20) == 400);
  CHECK(free.take_low(30) == 120);
  CHECK_FALSE(free.take_low(1));
}

TEST_CASE("an extent that there is no memory for is forgotten as a whole") {
  if (!memory::is_counted) return;
  int failures = 0;
  for (bool has_failed = true; has_failed; ++failures) {
    free_extents free;
    has_failed = false;
    memory::fail_after(static_cast<std::size_t>(failures));
    try {
      free.give(100, 50);
    } catch (const std::bad_alloc&) {
      has_failed = true;
    }
    memory::stop_failing();
    std::vector<std::uint64_t> visited;
    free.for_each([&](std::uint64_t offset, std::uint64_t) { visited.push_back(offset); });
    CHECK(visited == (has_failed ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{100}));
    CHECK(free.bytes() == (has_failed ? 0 : 50));
    CHECK(free.take(50) == (has_failed ? std::optional<std::uint64_t>{} : 100));
  }
  CHECK(failures > 2);
}
