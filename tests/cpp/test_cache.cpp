#include <hugehist/error.hpp>

#include <cstring>
#include <random>
#include <thread>

#include "base/thread_pool.hpp"
#include "catch.hpp"
#include "chunk/cache.hpp"
#include "chunk/chunk_io.hpp"
#include "support_chunks.hpp"
#include "support_store.hpp"

using namespace hugehist;
using chunk::chunk_cache;
using support::at;

namespace {

constexpr std::size_t cells = 256;
constexpr std::size_t chunk_bytes = cells * 2 * 8;

/// A weighted histogram of 64 chunks in a cache with room for some of them.
struct fixture {
  explicit fixture(std::size_t chunks_in_cache) : cache{store, chunks_in_cache * chunk_bytes} {}

  support::watched_store store{store::make_memory_store()};
  chunk::layout layout = support::make_histogram(store, "h", storage::weighted, {64, cells}, {1, cells});
  chunk_cache cache;
  base::thread_pool pool{2};

  double* values(const chunk::pinned_chunk& pin, std::size_t plane = 0) {
    return reinterpret_cast<double*>(pin.plane(plane));
  }
  void add(std::uint32_t chunk, double amount) {
    auto pin = cache.acquire(layout, at({chunk, 0}));
    pin.mark_dirty();
    for (std::size_t i = 0; i < cells; ++i) values(pin)[i] += amount;
    for (std::size_t i = 0; i < cells; ++i) values(pin, 1)[i] += amount * amount;
  }
  double first(std::uint32_t chunk) {
    const auto pin = cache.acquire(layout, at({chunk, 0}));
    return pin.is_blank() ? 0 : values(pin)[0];
  }
};

}  // namespace

TEST_CASE("a chunk that was never written is blank, and zero once it is to change") {
  fixture f{1};
  f.add(0, 3);  // memory that was used before
  auto pin = f.cache.acquire(f.layout, at({3, 0}));
  CHECK(pin.is_blank());
  CHECK(reinterpret_cast<std::uintptr_t>(pin.plane(0)) % 64 == 0);
  CHECK(f.values(pin, 1) == f.values(pin) + cells);
  f.cache.write_back(f.pool);
  CHECK(f.store.writes == 2);  // of the chunk that was evicted
  CHECK(f.cache.size_bytes() == chunk_bytes);
  pin.mark_dirty();
  CHECK_FALSE(pin.is_blank());
  CHECK(chunk::all_zero(pin.plane(0), chunk_bytes));
}

TEST_CASE("a blank chunk that is let go is forgotten") {
  fixture f{4};
  f.cache.acquire(f.layout, at({3, 0}));
  CHECK_FALSE(f.cache.find(f.layout, at({3, 0})));
  CHECK_FALSE(f.cache.exists(f.layout, at({3, 0})));
  CHECK_FALSE(f.cache.has_changes());
  CHECK(f.cache.size_bytes() == 0);
}

TEST_CASE("rows that others hold are written out for whoever looks, and encoded without that") {
  constexpr std::size_t rows = 5, elements = 16;
  auto store = store::make_memory_store();
  auto layout = support::make_histogram(*store, "h", storage::weighted, {4, rows, elements}, {1, rows, elements});
  layout.variations_axis = 1;
  base::thread_pool pool{2};
  chunk_cache cache{*store, layout.chunk_bytes()};
  const auto row = [&](const chunk::pinned_chunk& pin, std::size_t plane, std::size_t r) {
    return std::span{reinterpret_cast<double*>(pin.plane(plane)) + r * elements, elements};
  };
  const auto share = [&] {
    auto pin = cache.acquire(layout, at({0, 0, 0}));
    REQUIRE(pin.is_blank());
    pin.mark_dirty_as_it_is();
    for (std::size_t plane = 0; plane < 2; ++plane) {
      const auto holders = pin.row_sources(plane);
      REQUIRE(holders.size() == rows);
      for (std::uint32_t r = 0; r < rows; ++r) CHECK(holders[r] == r);
      for (std::uint32_t r = 0; r < rows; ++r) {
        holders[r] = r % 2;
        std::ranges::fill(row(pin, plane, r), r < 2 ? r + 1 + 10.0 * static_cast<double>(plane) : -77);
      }
    }
  };
  const auto check = [&](const chunk::pinned_chunk& pin) {
    for (std::size_t plane = 0; plane < 2; ++plane)
      for (std::size_t r = 0; r < rows; ++r)
        for (const auto value : row(pin, plane, r))
          REQUIRE(value == static_cast<double>(r % 2 + 1) + 10.0 * static_cast<double>(plane));
  };
  SECTION("to a reader") {
    share();
    check(cache.find(layout, at({0, 0, 0})));
  }
  SECTION("to a writer") {
    share();
    auto pin = cache.acquire(layout, at({0, 0, 0}));
    pin.mark_dirty();
    check(pin);
    for (std::uint32_t r = 0; r < rows; ++r) CHECK(pin.row_sources(1)[r] == r);
  }
  SECTION("to the store, at eviction or before") {
    share();
    if (GENERATE(true, false)) cache.write_back(pool);
    { const auto evicts = cache.acquire(layout, at({1, 0, 0})); }
    const auto pin = cache.acquire(layout, at({0, 0, 0}));
    check(pin);
  }
}

TEST_CASE("more chunks than fit come back as they were left") {
  fixture f{3};
  for (int round = 1; round <= 3; ++round)
    for (std::uint32_t i = 0; i < 20; ++i) {
      f.add(i, i + 1.0);
      REQUIRE(f.cache.size_bytes() <= f.cache.budget());
    }
  for (std::uint32_t i = 0; i < 20; ++i) CHECK(f.first(i) == 3 * (i + 1.0));
  const auto stats = f.cache.stats();
  CHECK(stats.misses == 80);
  CHECK(stats.hits == 0);
  CHECK(stats.chunks_read == 60);
  CHECK(stats.bytes_written > 0);
  CHECK(stats.chunks_written == 60);
}

TEST_CASE("chunks survive the commit of an HDF5 file") {
  const store_support::temporary_directory directory;
  auto file = store::open_hdf5(directory / "h.h5", store::access::create, store_support::hdf5_cache);
  const auto layout = support::make_histogram(*file, "h", storage::int_, {30, cells}, {1, cells});
  base::thread_pool pool{2};
  {
    chunk_cache cache{*file, 2 * layout.chunk_bytes()};
    for (std::uint32_t i = 0; i < 30; i += 2) {
      auto pin = cache.acquire(layout, at({i, 0}));
      pin.mark_dirty();
      reinterpret_cast<std::int64_t*>(pin.plane(0))[cells - 1] = i + 1;
    }
    cache.write_back(pool);
  }
  file->commit();
  file.reset();
  file = store::open_hdf5(directory / "h.h5", store::access::read, store_support::hdf5_cache);
  chunk_cache cache{*file, 2 * layout.chunk_bytes()};
  auto reopened = layout;
  reopened.id = file->find("h");
  for (std::uint32_t i = 0; i < 30; ++i) {
    CHECK(cache.exists(reopened, at({i, 0})) == (i % 2 == 0));
    const auto pin = cache.acquire(reopened, at({i, 0}));
    CHECK(pin.is_blank() == (i % 2 != 0));
    if (!pin.is_blank()) CHECK(reinterpret_cast<const std::int64_t*>(pin.plane(0))[cells - 1] == i + 1);
  }
}

TEST_CASE("the least recently used chunk goes first") {
  fixture f{2};
  f.add(0, 1);
  f.add(1, 1);
  f.add(0, 1);
  f.add(2, 1);
  CHECK(f.cache.find(f.layout, at({0, 0})));
  CHECK_FALSE(f.cache.find(f.layout, at({1, 0})));
  CHECK(f.cache.find(f.layout, at({2, 0})));
}

TEST_CASE("pinned chunks stay, and leave no room when they fill the budget") {
  fixture f{2};
  auto a = f.cache.acquire(f.layout, at({0, 0}));
  {
    const auto b = f.cache.acquire(f.layout, at({1, 0}));
    CHECK_THROWS_WITH(f.cache.acquire(f.layout, at({2, 0})), contains("memory=") && contains("in use"));
  }
  CHECK_NOTHROW(f.cache.acquire(f.layout, at({2, 0})));
  CHECK(f.cache.find(f.layout, at({0, 0})).plane(0) == a.plane(0));
}

TEST_CASE("a chunk larger than the budget is refused with the memory that would do") {
  support::watched_store store{store::make_memory_store()};
  const auto layout = support::make_histogram(store, "h", storage::double_, {1 << 20}, {1 << 20});
  chunk_cache told{store, std::size_t{4} << 20, std::size_t{16} << 20};
  CHECK_THROWS_AS(told.acquire(layout, at({0})), std::invalid_argument);
  CHECK_THROWS_WITH(told.acquire(layout, at({0})), contains("8 MiB") && contains("at least 33 MiB"));
  chunk_cache untold{store, std::size_t{4} << 20};
  CHECK_THROWS_WITH(untold.acquire(layout, at({0})), contains("at least 3 times"));
  CHECK(told.size_bytes() == 0);
}

TEST_CASE("write_back leaves chunks in memory, clean") {
  fixture f{8};
  for (std::uint32_t i = 0; i < 6; ++i) f.add(i, 1);
  const std::vector some{at({4, 0}), at({5, 0}), at({40, 0})};
  f.cache.write_back(f.pool, f.layout, some);
  CHECK(f.store.writes == 4);
  f.cache.write_back(f.pool);
  CHECK(f.store.writes == 12);
  f.cache.write_back(f.pool);
  CHECK(f.store.writes == 12);
  CHECK(f.cache.size_bytes() == 6 * chunk_bytes);
  f.cache.drop_all();
  CHECK(f.cache.size_bytes() == 0);
  CHECK(f.first(5) == 1);
}

TEST_CASE("planes of zeros are written only over what is stored") {
  fixture f{4};
  {
    auto pin = f.cache.acquire(f.layout, at({0, 0}));
    pin.mark_dirty();
    f.values(pin)[7] = 5;  // the variances stay zero
  }
  f.cache.write_back(f.pool);
  CHECK(f.store.writes == 1);
  CHECK_FALSE(f.store.has_chunk({f.layout.id, at({0, 0})}, 1));
  {
    auto pin = f.cache.acquire(f.layout, at({0, 0}));
    pin.mark_dirty();
    f.values(pin)[7] = 0;
  }
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  CHECK(f.first(0) == 0);
  CHECK(f.values(f.cache.acquire(f.layout, at({0, 0})))[7] == 0);
}

TEST_CASE("a plane that is absent beside a stored one reads as zeros, in used memory too") {
  fixture f{1};
  {
    auto pin = f.cache.acquire(f.layout, at({0, 0}));
    pin.mark_dirty();
    f.values(pin)[7] = 5;
  }
  f.add(1, 3);
  const auto pin = f.cache.acquire(f.layout, at({0, 0}));
  CHECK(f.values(pin)[7] == 5);
  CHECK(chunk::all_zero(pin.plane(1), cells * 8));
}

TEST_CASE("minus zero and NaN are no zeros") {
  alignas(64) std::array<double, 200> data{};
  const auto zero = [&] { return chunk::all_zero(reinterpret_cast<const std::byte*>(data.data()), sizeof data); };
  CHECK(zero());
  for (const std::size_t i : {0U, 63U, 64U, 127U, 128U, 199U}) {
    data[i] = -0.0;
    CHECK_FALSE(zero());
    data[i] = 0;
  }
}

TEST_CASE("a write-back that fails loses nothing and can be repeated") {
  fixture f{2};
  f.add(0, 1);
  f.add(1, 2);
  f.store.before_write = [](auto&&...) { support::throw_disk_full(); };
  CHECK_THROWS_AS(f.add(2, 3), std::system_error);
  CHECK_THROWS_AS(f.cache.write_back(f.pool), std::system_error);
  CHECK(f.cache.size_bytes() == 2 * chunk_bytes);
  CHECK(f.first(0) == 1);
  CHECK(f.first(1) == 2);
  f.store.before_write = [](auto&&...) {};
  f.add(2, 3);
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(f.first(i) == i + 1.0);
}

TEST_CASE("a write-back that fails at the second plane keeps the chunk dirty") {
  fixture f{2};
  f.add(0, 3);
  f.store.before_write = [](const auto&, std::size_t plane) {
    if (plane == 1) support::throw_disk_full();
  };
  CHECK_THROWS_AS(f.cache.write_back(f.pool), std::system_error);
  f.store.before_write = [](auto&&...) {};
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  CHECK(f.values(f.cache.acquire(f.layout, at({0, 0})), 1)[9] == 9);
}

TEST_CASE("a damaged chunk is named, and the others are readable") {
  fixture f{8};
  f.add(0, 1);
  f.add(1, 2);
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  int reads = 0;
  f.store.after_read = [&](codec::encoded_chunk& chunk) {
    if (++reads == 2) chunk.bytes[chunk.bytes.size() / 2] ^= std::byte{0x10};
  };
  CHECK_THROWS_AS(f.cache.acquire(f.layout, at({1, 0})), corruption_error);
  reads = 0;
  CHECK_THROWS_WITH(f.cache.acquire(f.layout, at({1, 0})), contains(f.store.name()) && contains("'h'") &&
                                                               contains("(1, 0)") && contains("'variances'") &&
                                                               contains("restore"));
  CHECK(f.cache.size_bytes() == 0);
  CHECK(f.first(0) == 1);
  reads = 0;
  alignas(64) std::array<std::byte, chunk_bytes> target{};
  CHECK_THROWS_AS(f.cache.read_through(f.layout, at({1, 0}), target), corruption_error);
  CHECK(f.cache.read_through(f.layout, at({1, 0}), target));
}

TEST_CASE("find and read_through leave the cache as it is") {
  fixture f{8};
  alignas(64) std::array<std::byte, chunk_bytes> target{};
  std::memset(target.data(), 0x5a, target.size());
  CHECK_FALSE(f.cache.find(f.layout, at({0, 0})));
  CHECK_FALSE(f.cache.exists(f.layout, at({0, 0})));
  CHECK_FALSE(f.cache.read_through(f.layout, at({0, 0}), target));
  CHECK(target[0] == std::byte{0x5a});
  f.add(0, 1.5);
  CHECK(f.cache.exists(f.layout, at({0, 0})));
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  CHECK(f.cache.exists(f.layout, at({0, 0})));
  CHECK(f.cache.read_through(f.layout, at({0, 0}), target));
  CHECK(reinterpret_cast<const double*>(target.data())[0] == 1.5);
  CHECK(f.cache.size_bytes() == 0);
}

TEST_CASE("drop forgets what was not written") {
  fixture f{8};
  const auto other = support::make_histogram(f.store, "other", storage::weighted, {64, cells}, {1, cells});
  f.add(0, 1);
  f.cache.write_back(f.pool);
  f.add(0, 1);
  f.add(1, 1);
  { f.cache.acquire(other, at({0, 0})).mark_dirty(); }
  const std::vector dropped{at({0, 0}), at({9, 0})};
  f.cache.drop(f.layout, dropped);
  CHECK(f.first(0) == 1);
  f.cache.drop(f.layout.id);
  CHECK(f.first(1) == 0);
  CHECK(f.cache.find(other, at({0, 0})));
}

TEST_CASE("chunks of different sizes share the budget") {
  fixture f{4};
  const auto big = support::make_histogram(f.store, "big", storage::weighted, {64, cells}, {3, cells});
  for (std::uint32_t i = 0; i < 12; ++i) {
    f.add(i, 1);
    f.cache.acquire(big, at({i, 0})).mark_dirty();
    REQUIRE(f.cache.size_bytes() <= f.cache.budget());
  }
  for (std::uint32_t i = 0; i < 12; ++i) CHECK(f.first(i) == 1);
}

TEST_CASE("many threads on disjoint chunks, more than fit") {
  fixture f{6};
  constexpr unsigned threads = 4;
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t)
    workers.emplace_back([&f, t] {
      std::mt19937 random{t};
      for (int round = 0; round < 200; ++round) f.add(t + threads * (random() % 8), 1);
    });
  for (auto& worker : workers) worker.join();
  CHECK_FALSE(f.store.entered_twice);
  CHECK(f.cache.size_bytes() <= f.cache.budget());
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  double total = 0;
  for (std::uint32_t i = 0; i < 32; ++i) total += f.first(i);
  CHECK(total == 200 * threads);
}

TEST_CASE("many threads read the same chunks") {
  fixture f{4};
  for (std::uint32_t i = 0; i < 8; ++i) f.add(i, i + 1.0);
  std::atomic<int> wrong{0};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < 4; ++t)
    workers.emplace_back([&] {
      alignas(64) std::array<std::byte, chunk_bytes> scratch;
      for (std::uint32_t round = 0; round < 400; ++round) {
        const auto chunk = round % 8;
        const auto pin = f.cache.find(f.layout, at({chunk, 0}));
        if (!pin && !f.cache.read_through(f.layout, at({chunk, 0}), scratch)) ++wrong;
        const auto* values = reinterpret_cast<const double*>(pin ? pin.plane(0) : scratch.data());
        if (values[17] != chunk + 1.0) ++wrong;
      }
    });
  for (auto& worker : workers) worker.join();
  CHECK(wrong == 0);
}

TEST_CASE("threads that fail to write do not keep others from finding their chunks") {
  fixture f{6};
  std::atomic<int> count{0};
  f.store.before_write = [&](auto&&...) {
    if (++count % 7 == 0) support::throw_disk_full();
  };
  std::array<std::atomic<int>, 32> added{};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      std::mt19937 random{t};
      for (int round = 0; round < 200; ++round) {
        const auto chunk = t + 4 * (random() % 8);
        try {
          f.add(chunk, 1);
          ++added[chunk];
        } catch (const std::system_error&) {
        }
      }
    });
  for (auto& worker : workers) worker.join();
  f.store.before_write = [](auto&&...) {};
  f.cache.write_back(f.pool);
  f.cache.drop_all();
  CHECK(count > 7);
  for (std::uint32_t i = 0; i < 32; ++i) CHECK(f.first(i) == added[i]);
}
