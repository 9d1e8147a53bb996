#include <hugehist/error.hpp>
#include <hugehist/selection.hpp>

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "base/thread_pool.hpp"
#include "catch.hpp"
#include "read/reduce.hpp"
#include "support_chunks.hpp"
#include "support_store.hpp"

using namespace hugehist;
using shape_t = std::vector<std::size_t>;

namespace {

/// A histogram in a store, and the same content in plain arrays. Some chunks do not exist, some are in the cache.
class stored_histogram {
 public:
  stored_histogram(std::mt19937& random, storage kind, shape_t extents, const shape_t& chunk_shape,
                   std::size_t chunks_in_cache = 3, std::unique_ptr<store::store> medium = store::make_memory_store())
      : random_{random},
        store_{std::move(medium)},
        kind_{kind},
        extents_{std::move(extents)},
        layout_{support::make_histogram(store_, "h", kind, extents_, chunk_shape)},
        cache_{store_, chunks_in_cache * layout_.chunk_bytes()} {
    const auto cells = std::accumulate(extents_.begin(), extents_.end(), std::size_t{1}, std::multiplies<>{});
    content_.assign(layout_.planes, std::vector<double>(cells));
    fill();
  }

  dense_planes read(std::span<const axis_map> maps, unsigned threads,
                    const std::function<void(std::size_t, std::size_t)>& progress = {}) {
    base::thread_pool workers{threads};
    return read::read({cache_, workers, layout_, kind_, extents_}, maps, progress);
  }

  std::vector<dense_planes> read_many(std::span<const std::vector<axis_map>> selections, unsigned threads) {
    base::thread_pool workers{threads};
    const std::vector<read::axis_maps> all(selections.begin(), selections.end());
    return read::read_many({cache_, workers, layout_, kind_, extents_}, all, {});
  }

  /// Bin by bin; `scale` of each bin's Σ|x| comes along, for the tolerance.
  std::vector<double> expected(std::span<const axis_map> maps, std::size_t plane, bool absolute) const {
    std::size_t cells = 1;
    for (const auto& map : maps) cells *= map.extent;
    std::vector<double> result(cells);
    shape_t bin(extents_.size(), 0);
    for (const auto value : content_[plane]) {
      std::size_t target = 0;
      double factor = 1;
      bool kept = true;
      for (std::size_t i = 0; i < maps.size(); ++i) {
        kept = kept && maps[i].target[bin[i]] != axis_map::dropped;
        if (!kept) break;
        target = target * maps[i].extent + static_cast<std::size_t>(maps[i].target[bin[i]]);
        if (!maps[i].factor.empty()) factor *= maps[i].factor[bin[i]];
      }
      if (kept) {
        const auto term = value * (plane == 1 ? factor * factor : factor);
        result[target] += absolute ? std::abs(term) : term;
      }
      for (auto i = bin.size(); i-- > 0; bin[i] = 0)
        if (++bin[i] < extents_[i]) break;
    }
    return result;
  }

  support::watched_store& store() { return store_; }
  chunk::chunk_cache& cache() { return cache_; }
  const chunk::layout& layout() const { return layout_; }
  const shape_t& extents() const { return extents_; }
  base::thread_pool pool{1};

 private:
  void fill() {
    shape_t chunk(extents_.size(), 0);
    const auto chunks = [&](std::size_t i) { return (extents_[i] + length(i) - 1) / length(i); };
    for (bool more = std::all_of(extents_.begin(), extents_.end(), [](auto e) { return e > 0; }); more;) {
      if (random_() % 4 != 0) fill_chunk(chunk);
      more = false;
      for (auto i = chunk.size(); i-- > 0; chunk[i] = 0)
        if (++chunk[i] < chunks(i)) {
          more = true;
          break;
        }
    }
  }
  std::size_t length(std::size_t i) const { return layout_.grid.shape()[i]; }

  void fill_chunk(const shape_t& chunk) {
    auto pin = cache_.acquire(layout_, support::at({chunk.begin(), chunk.end()}));
    pin.mark_dirty();
    for (std::size_t cell = 0; cell < layout_.grid.cells(); ++cell) {
      std::size_t where = 0;
      bool inside = true;
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        const auto bin = chunk[i] * length(i) + cell / layout_.grid.strides()[i] % length(i);
        inside = inside && bin < extents_[i];
        where = where * extents_[i] + bin;
      }
      // Beyond the end there is rubbish, which no read may use.
      for (std::size_t plane = 0; plane < layout_.planes; ++plane) {
        const auto value = static_cast<std::int64_t>(random_() % 2001) - 1000;
        const auto real = static_cast<double>(value) * (1 + 1e-9 * static_cast<double>(random_() % 1000));
        auto* target = pin.plane(plane) + cell * 8;
        if (kind_ == storage::int_)
          std::memcpy(target, &value, 8);
        else
          std::memcpy(target, &real, 8);
        if (inside) content_[plane][where] = kind_ == storage::int_ ? static_cast<double>(value) : real;
      }
    }
  }

  std::mt19937& random_;
  support::watched_store store_;
  storage kind_;
  shape_t extents_;
  chunk::layout layout_;
  chunk::chunk_cache cache_;
  std::vector<std::vector<double>> content_;
};

axis_map random_map(std::mt19937& random, std::size_t extent) {
  axis_map map;
  const auto which = random() % 8;
  if (which == 0) map = axis_map::sum(extent);
  if (which == 1) map = axis_map::all(extent);
  if (which == 2 && extent > 0) map = axis_map::pick(extent, random() % extent);
  if (which == 3) {  // a list in any order
    std::vector<std::size_t> bins(extent);
    std::iota(bins.begin(), bins.end(), std::size_t{0});
    std::shuffle(bins.begin(), bins.end(), random);
    bins.resize(random() % (extent + 1));
    map = axis_map::list(extent, bins);
  }
  if (which == 4) {  // rebinned, with the flow bins dropped
    const auto group = 1 + random() % 6;
    map.extent = (extent + group - 1) / group;
    for (std::size_t i = 0; i < extent; ++i)
      map.target.push_back(i == 0 || i + 1 == extent ? axis_map::dropped : static_cast<std::int32_t>(i / group));
  }
  if (which == 5) {  // a slice
    const auto begin = random() % (extent + 1);
    map.extent = extent - begin;
    for (std::size_t i = 0; i < extent; ++i)
      map.target.push_back(i < begin ? axis_map::dropped : static_cast<std::int32_t>(i - begin));
  }
  if (map.target.size() != extent || which >= 6) {  // anything
    map = {};
    map.extent = 1 + random() % (extent + 3);
    for (std::size_t i = 0; i < extent; ++i)
      map.target.push_back(static_cast<std::int32_t>(random() % (map.extent + 1)) - 1);
  }
  if (random() % 4 == 0)
    for (std::size_t i = 0; i < extent; ++i) map.factor.push_back(0.125 * static_cast<double>(random() % 33) - 2);
  return map;
}

std::vector<double> as_doubles(const dense_planes::plane& plane) {
  return std::visit([](const auto& values) { return std::vector<double>(values.begin(), values.end()); }, plane);
}

std::string bits(const dense_planes& answer) {
  std::string result;
  for (const auto& plane : answer.planes)
    std::visit(
        [&](const auto& values) {
          result.append(reinterpret_cast<const char*>(values.data()), values.size() * 8).push_back('|');
        },
        plane);
  return result;
}

/// Compares with the reference, and threads with each other; returns the number of mistakes.
int compare(stored_histogram& h, std::span<const axis_map> maps) {
  const auto one = h.read(maps, 1);
  int wrong = bits(h.read(maps, 2)) == bits(one) && bits(h.read(maps, 4)) == bits(one) ? 0 : 1;
  for (std::size_t i = 0; i < maps.size(); ++i) wrong += one.shape[i] != maps[i].extent;
  for (std::size_t plane = 0; plane < one.planes.size(); ++plane) {
    const auto got = as_doubles(one.planes[plane]);
    const auto expected = h.expected(maps, plane, false);
    const auto scale = h.expected(maps, plane, true);
    if (got.size() != expected.size()) return ++wrong;
    for (std::size_t i = 0; i < got.size(); ++i) wrong += !(std::abs(got[i] - expected[i]) <= 1e-12 * scale[i]);
  }
  return wrong;
}

}  // namespace

TEST_CASE("random selections agree with a sum bin by bin, for any number of threads") {
  std::mt19937 random{20240818};
  for (int round = 0; round < 400; ++round) {
    const auto rank = 1 + random() % 4;
    shape_t extents;
    shape_t chunk_shape;
    for (std::size_t i = 0; i < rank; ++i) {
      extents.push_back(1 + random() % (rank > 3 ? 9 : rank > 2 ? 14 : 60));
      chunk_shape.push_back(1 + random() % (extents.back() + (random() % 2)));
      chunk_shape.back() = std::min(chunk_shape.back(), extents.back());
    }
    const auto kind = std::array{storage::int_, storage::double_, storage::weighted}[random() % 3];
    stored_histogram h{random, kind, extents, chunk_shape};
    for (int selection = 0; selection < 12; ++selection) {
      std::vector<axis_map> maps;
      for (const auto extent : extents) maps.push_back(random_map(random, extent));
      CAPTURE(round, selection, extents, chunk_shape);
      REQUIRE(compare(h, maps) == 0);
    }
  }
}

TEST_CASE("many selections at once are what each is alone, to the last bit, for any number of threads") {
  std::mt19937 random{20261121};
  for (int round = 0; round < 100; ++round) {
    shape_t extents;
    shape_t chunk_shape;
    for (std::size_t i = 0; i < 1 + static_cast<std::size_t>(round % 4); ++i) {
      extents.push_back(1 + random() % 14);
      chunk_shape.push_back(1 + random() % extents.back());
    }
    constexpr std::array kinds{storage::int_, storage::double_, storage::weighted, storage::mean,
                               storage::weighted_mean};
    stored_histogram h{random, kinds[random() % kinds.size()], extents, chunk_shape};
    std::vector<std::vector<axis_map>> selections(1 + random() % 5);
    for (auto& maps : selections)
      for (const auto extent : extents)
        maps.push_back(random() % 3 == 0 ? axis_map::sum(extent) : random_map(random, extent));
    for (const unsigned threads : {1, 2, 4}) {
      const auto together = h.read_many(selections, threads);
      REQUIRE(together.size() == selections.size());
      for (std::size_t i = 0; i < selections.size(); ++i) {
        CAPTURE(round, threads, i, extents, chunk_shape);
        REQUIRE(bits(together[i]) == bits(h.read(selections[i], 1)));
      }
    }
  }
}

TEST_CASE("a chunk that several selections need is read once, one that none needs never") {
  std::mt19937 random{4};
  stored_histogram h{random, storage::weighted, {6, 8, 30}, {1, 2, 30}};
  h.cache().write_back(h.pool);
  h.cache().drop_all();
  const auto sum = [](std::size_t extent) { return axis_map::sum(extent); };
  const std::vector<std::vector<axis_map>> selections{{axis_map::pick(6, 1), sum(8), axis_map::all(30)},
                                                      {axis_map::pick(6, 1), axis_map::all(8), sum(30)},
                                                      {axis_map::pick(6, 4), axis_map::pick(8, 5), sum(30)}};
  const auto before = h.cache().stats().chunks_read;
  const auto both = h.read_many(std::span{selections}.first(2), 2);
  const auto shared = h.cache().stats().chunks_read - before;
  CHECK(shared > 0);
  h.read(selections[0], 1);
  CHECK(h.cache().stats().chunks_read - before == 2 * shared);
  h.read_many(selections, 2);
  CHECK(h.cache().stats().chunks_read - before <= 3 * shared + 1);
}

TEST_CASE("the same from an HDF5 file, committed and not") {
  std::mt19937 random{11};
  for (int round = 0; round < 20; ++round) {
    const store_support::temporary_directory directory;
    auto file = store::open_hdf5(directory / "h.h5", store::access::create, store_support::hdf5_cache);
    const shape_t extents{1 + random() % 6, 1 + random() % 20, 1 + random() % 50};
    const shape_t chunk_shape{1, 1 + random() % extents[1], 1 + random() % extents[2]};
    const auto kind = round % 2 == 0 ? storage::int_ : storage::weighted;
    stored_histogram h{random, kind, extents, chunk_shape, 3, std::move(file)};
    for (int selection = 0; selection < 10; ++selection) {
      if (selection == 5) {
        h.cache().write_back(h.pool);
        h.store().commit();
        h.cache().drop_all();
      }
      std::vector<axis_map> maps;
      for (const auto extent : extents) maps.push_back(random_map(random, extent));
      CAPTURE(round, selection, extents, chunk_shape);
      REQUIRE(compare(h, maps) == 0);
    }
  }
}

TEST_CASE("long axes take the fast paths and the parallel additions") {
  std::mt19937 random{7};
  stored_histogram h{random, storage::weighted, {6, 40, 521}, {1, 40, 300}, 2};
  stored_histogram counts{random, storage::int_, {5, 70, 400}, {2, 33, 400}, 100};
  for (int selection = 0; selection < 60; ++selection)
    for (auto* one : {&h, &counts}) {
      std::vector<axis_map> maps;
      for (const auto extent : one->extents()) {
        auto map = random() % 3 == 0 ? random_map(random, extent)
                                     : (random() % 2 == 0 ? axis_map::sum(extent) : axis_map::all(extent));
        if (random() % 3 == 0) map.factor.assign(extent, 0.3);
        maps.push_back(std::move(map));
      }
      CAPTURE(selection);
      REQUIRE(compare(*one, maps) == 0);
    }
}

TEST_CASE("integers stay integers, exactly, until a factor scales them") {
  std::mt19937 random{1};
  stored_histogram h{random, storage::int_, {4, 10}, {1, 10}};
  const auto big = (std::int64_t{1} << 60) + 1;
  {
    auto pin = h.cache().acquire(h.layout(), support::at({0, 0}));
    pin.mark_dirty();
    std::memset(pin.plane(0), 0, 80);
    std::memcpy(pin.plane(0) + 24, &big, 8);
  }
  std::vector maps{axis_map::pick(4, 0), axis_map::sum(10)};
  const auto sum = h.read(maps, 1);
  REQUIRE(std::holds_alternative<std::vector<std::int64_t>>(sum.planes[0]));
  CHECK(std::get<std::vector<std::int64_t>>(sum.planes[0])[0] == big);
  maps[0].factor.assign(4, 0.5);
  const auto half = h.read(maps, 1);
  REQUIRE(std::holds_alternative<std::vector<double>>(half.planes[0]));
  CHECK(std::get<std::vector<double>>(half.planes[0])[0] == std::ldexp(1.0, 59));
}

TEST_CASE("a slice reads its own chunks and no other") {
  std::mt19937 random{2};
  stored_histogram h{random, storage::weighted, {8, 6, 20}, {1, 1, 20}, 100};
  for (std::uint32_t i = 0; i < 8; ++i)
    for (std::uint32_t j = 0; j < 6; ++j) {
      auto pin = h.cache().acquire(h.layout(), support::at({i, j, 0}));
      pin.mark_dirty();
      *reinterpret_cast<double*>(pin.plane(0)) = 1;
      *reinterpret_cast<double*>(pin.plane(1)) = 1;
    }
  h.cache().write_back(h.pool);
  h.cache().drop_all();
  h.store().reads = 0;
  const std::vector maps{axis_map::pick(8, 5), axis_map::pick(6, 2), axis_map::all(20)};
  std::vector<std::pair<std::size_t, std::size_t>> reports;
  h.read(maps, 2, [&](std::size_t done, std::size_t all) { reports.emplace_back(done, all); });
  CHECK(h.store().reads == 2);  // planes
  CHECK(reports == std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}});
  CHECK(h.cache().size_bytes() == 0);
}

TEST_CASE("progress comes from the calling thread, ends complete, and can stop the read") {
  std::mt19937 random{3};
  stored_histogram h{random, storage::double_, {300, 50}, {1, 50}};
  const std::vector maps{axis_map::sum(300), axis_map::all(50)};
  const auto here = std::this_thread::get_id();
  std::size_t last = 0;
  h.read(maps, 2, [&](std::size_t done, std::size_t all) {
    CHECK(std::this_thread::get_id() == here);
    CHECK(done > last);
    CHECK(all == 300);
    last = done;
  });
  CHECK(last == 300);
  struct stop {};
  CHECK_THROWS_AS(h.read(maps, 2, [](std::size_t, std::size_t) { throw stop{}; }), stop);
  CHECK(compare(h, maps) == 0);
}

TEST_CASE("an infinity that is dropped touches nothing, one that is summed stays") {
  std::mt19937 random{4};
  stored_histogram h{random, storage::double_, {1, 40}, {1, 40}};
  {
    auto pin = h.cache().acquire(h.layout(), support::at({0, 0}));
    pin.mark_dirty();
    for (std::size_t i = 0; i < 40; ++i) reinterpret_cast<double*>(pin.plane(0))[i] = 1;
    reinterpret_cast<double*>(pin.plane(0))[39] = INFINITY;
  }
  std::vector maps{axis_map::all(1), axis_map::sum(40)};
  CHECK(as_doubles(h.read(maps, 1).planes[0])[0] == INFINITY);
  maps[1].target[39] = axis_map::dropped;
  maps[1].factor.assign(40, 1);
  maps[1].factor[39] = 0;
  CHECK(as_doubles(h.read(maps, 1).planes[0])[0] == 39);
}

TEST_CASE("nothing merged yet reads as zeros") {
  std::mt19937 random{5};
  stored_histogram h{random, storage::weighted, {3, 4}, {1, 4}};
  const chunk::layout empty;
  const std::vector maps{axis_map::all(3), axis_map::sum(4)};
  const auto answer = read::read({h.cache(), h.pool, empty, storage::weighted, {3, 4}}, maps, {});
  CHECK(answer.shape == shape_t{3, 1});
  CHECK(answer.planes.size() == 2);
  CHECK(as_doubles(answer.planes[1]) == std::vector<double>(3));
}

TEST_CASE("axes without bins, and maps that keep nothing") {
  std::mt19937 random{6};
  stored_histogram h{random, storage::double_, {3, 4}, {1, 4}};
  const std::vector none{axis_map::list(3, {}), axis_map::all(4)};
  const auto answer = h.read(none, 2);
  CHECK(answer.shape == shape_t{0, 4});
  CHECK(as_doubles(answer.planes[0]).empty());
  const axis_map dropped{{-1, -1, -1}, 2};
  CHECK(as_doubles(h.read(std::vector{dropped, axis_map::all(4)}, 2).planes[0]) == std::vector<double>(8));
  const auto zero_labels = read::read({h.cache(), h.pool, h.layout(), storage::double_, {0, 4}},
                                      std::vector{axis_map::sum(0), axis_map::all(4)}, {});
  CHECK(as_doubles(zero_labels.planes[0]) == std::vector<double>(4));
}

TEST_CASE("maps that do not fit are refused, with the axis") {
  std::mt19937 random{8};
  stored_histogram h{random, storage::double_, {3, 4}, {1, 4}};
  const auto refused = [&](axis_map second, const std::string& why) {
    const std::vector maps{axis_map::all(3), std::move(second)};
    CHECK_THROWS_AS(h.read(maps, 1), std::invalid_argument);
    CHECK_THROWS_WITH(h.read(maps, 1), contains("axis 1") && contains(why));
  };
  refused(axis_map::all(5), "5 bins");
  refused({{0, 1, 2, 4}, 4}, "to 4");
  refused({{0, 1, 2, -2}, 4}, "to -2");
  refused({{0, 1, 2, 3}, 4, {1, 2}}, "2 factors");
  CHECK_THROWS_WITH(h.read(std::vector{axis_map::all(3)}, 1), contains("one map for each axis"));
}

TEST_CASE("an answer larger than memory is refused before it is made") {
  std::mt19937 random{9};
  stored_histogram h{random, storage::weighted, {3, 4}, {1, 4}};
  axis_map wide{{0, 1, 2}, 0x7fffffff};
  axis_map high{{0, 1, 2, 3}, 0x7fffffff};
  try {
    h.read(std::vector{wide, high}, 1);
    FAIL("it was made");
  } catch (const std::invalid_argument& e) {
    CHECK_THAT(e.what(), contains("64 bits"));
  }
  high.extent = 1 << 20;
  try {
    h.read(std::vector{wide, high}, 1);
    FAIL("it was made");
  } catch (const memory_error& e) {
    CHECK_THAT(e.what(), contains("(2147483647, 1048576)") && contains("MiB") && contains("project or slice first"));
  }
}

TEST_CASE("damage stops a read, for any number of threads, and the next one works") {
  std::mt19937 random{10};
  stored_histogram h{random, storage::weighted, {40, 50}, {1, 50}};
  h.cache().write_back(h.pool);
  h.cache().drop_all();
  const std::vector maps{axis_map::sum(40), axis_map::all(50)};
  for (const unsigned threads : {1U, 3U}) {
    std::atomic<int> reads{0};
    h.store().after_read = [&](codec::encoded_chunk& chunk) {
      if (++reads == 15) chunk.bytes.resize(chunk.bytes.size() - 1);
    };
    CHECK_THROWS_AS(h.read(maps, threads), corruption_error);
    h.store().after_read = [](auto&&) {};
  }
  CHECK(compare(h, maps) == 0);
}

TEST_CASE("maps: all, sum, pick and list") {
  CHECK(axis_map::all(3) == axis_map{{0, 1, 2}, 3});
  CHECK(axis_map::sum(3) == axis_map{{0, 0, 0}, 1});
  CHECK(axis_map::pick(3, 1) == axis_map{{-1, 0, -1}, 1});
  CHECK(axis_map::list(4, std::array<std::size_t, 2>{3, 0}) == axis_map{{1, -1, -1, 0}, 2});
  CHECK(axis_map::sum(0) == axis_map{{}, 1});
  CHECK_THROWS_AS(axis_map::pick(3, 3), std::out_of_range);
  CHECK_THROWS_AS(axis_map::list(3, std::array<std::size_t, 2>{1, 1}), std::invalid_argument);
  CHECK_THROWS_AS(axis_map::all(std::size_t{1} << 31), std::invalid_argument);
}
