#include "catch.hpp"

#include "chunk/survey.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

using namespace hugehist;
using namespace store_support;

namespace {

struct seen_chunks {
  using entry = std::tuple<store::chunk_coordinate, std::size_t, std::string>;
  std::vector<entry> damaged;
  std::vector<std::pair<store::chunk_coordinate, std::size_t>> sound;
  std::size_t reports = 0, pauses = 0;
  std::mutex mutex;

  chunk::survey_listener listener() {
    return {[this](const auto& key, std::size_t plane, const auto& reason) {
              damaged.emplace_back(key.coordinate, plane, reason);
            },
            [this](const auto& key, std::size_t plane, const codec::encoded_view&) {
              const std::lock_guard lock{mutex};
              sound.emplace_back(key.coordinate, plane);
            },
            [this](std::size_t, std::size_t) { ++reports; }, [this] { ++pauses; }};
  }
};

/// `across` by `along` chunks of both planes.
store::histogram_id fill(store::store& store, const std::string& name, std::uint32_t across, std::uint32_t along) {
  auto record = growing_record();
  record.chunk_shape = growing_shape();
  const auto id = store.create(name, record);
  for (std::uint32_t i = 0; i < across; ++i) store.append_labels(id, 0, labels{"dataset " + std::to_string(i)});
  for (std::uint32_t i = 0; i < 2 * along; ++i) store.append_labels(id, 1, labels{std::to_string(i)});
  for (std::uint32_t i = 0; i < across; ++i)
    for (std::uint32_t j = 0; j < along; ++j)
      for (std::size_t plane = 0; plane < 2; ++plane)
        store.write_chunk({id, coordinate({i, j, 0})}, plane, some_chunk(i * 100 + j));
  return id;
}

}  // namespace

TEST_CASE("a survey finds every chunk once, committed or not") {
  auto store = make_store(GENERATE(0, 1, 2));
  // Few of many places, and all of them: HDF5 is asked in either way.
  const auto dense = fill(**store, "dense", 6, 7);
  const auto sparse = fill(**store, "sparse", 1, 1);
  for (int i = 0; i < 300; ++i) (*store)->append_labels(sparse, 0, labels{"more " + std::to_string(i)});
  (*store)->write_chunk({sparse, coordinate({250, 0, 0})}, 1, some_chunk(1));
  (*store)->commit();
  (*store)->write_chunk({dense, coordinate({0, 0, 0})}, 0, some_chunk(5));
  (*store)->write_chunk({sparse, coordinate({251, 0, 0})}, 0, some_chunk(5));

  for (const unsigned threads : {1U, 3U})
    for (const std::size_t memory : {std::size_t{1} << 24, std::size_t{1}}) {
      seen_chunks seen;
      base::thread_pool pool{threads};
      chunk::survey survey{**store, pool, memory, seen.listener()};
      survey.run(std::vector{dense, sparse});
      CHECK(seen.damaged.empty());
      CHECK(seen.sound.size() == 84 + 2 + 1 + 1);
      CHECK(survey.chunks() == seen.sound.size());
      std::ranges::sort(seen.sound);
      const auto twice = std::ranges::adjacent_find(seen.sound);
      CHECK((twice == seen.sound.end() || twice->first == coordinate({0, 0, 0})));  // of either histogram
      CHECK(seen.reports >= 1);
      CHECK(seen.pauses == 1);
    }
}

TEST_CASE("a survey tells damage and goes on") {
  auto store = make_store(0);
  const auto id = fill(**store, "h", 3, 1);
  auto broken = some_chunk(9);
  broken.bytes[broken.bytes.size() / 2] ^= std::byte{1};
  (*store)->write_chunk({id, coordinate({1, 0, 0})}, 1, broken);
  (*store)->write_chunk({id, coordinate({2, 0, 0})}, 0, some_chunk(1, growing_cells + 1));
  seen_chunks seen;
  base::thread_pool pool{2};
  chunk::survey{**store, pool, std::size_t{1} << 24, seen.listener()}.run(std::vector{id});
  CHECK(seen.sound.size() == 4);
  REQUIRE(seen.damaged.size() == 2);
  std::ranges::sort(seen.damaged);
  CHECK(std::get<0>(seen.damaged[0]) == coordinate({1, 0, 0}));
  CHECK(std::get<1>(seen.damaged[0]) == 1);
  CHECK(std::get<0>(seen.damaged[1]) == coordinate({2, 0, 0}));
  CHECK(std::get<2>(seen.damaged[1]).find("bytes") != std::string::npos);
}

TEST_CASE("chunks that share bytes are all damaged, though each could be decoded") {
  auto store = make_store(1);
  const auto id = fill(**store, "h", 4, 1);
  const auto first = std::get<store::chunk_area::location>((*store)->find_chunk({id, coordinate({0, 0, 0})}, 0));
  (*store)->set_chunk({id, coordinate({2, 0, 0})}, 1, first);
  seen_chunks seen;
  base::thread_pool pool{2};
  chunk::survey{**store, pool, std::size_t{1} << 24, seen.listener()}.run(std::vector{id});
  REQUIRE(seen.damaged.size() == 2);
  std::ranges::sort(seen.damaged);
  CHECK(std::get<0>(seen.damaged[0]) == coordinate({0, 0, 0}));
  CHECK(std::get<0>(seen.damaged[1]) == coordinate({2, 0, 0}));
  CHECK(std::get<1>(seen.damaged[1]) == 1);
  CHECK(std::get<2>(seen.damaged[1]).find("shares bytes") != std::string::npos);
  CHECK(seen.sound.size() == 6);
}

TEST_CASE("what progress throws ends a survey") {
  auto store = make_store(0);
  const auto id = fill(**store, "h", 40, 2);
  base::thread_pool pool{2};
  seen_chunks seen;
  auto listener = seen.listener();
  listener.sound = {};
  listener.progress = [](std::size_t, std::size_t) { throw std::runtime_error{"enough"}; };
  CHECK_THROWS_AS((chunk::survey{**store, pool, std::size_t{1} << 24, listener}.run(std::vector{id})),
                  std::runtime_error);
}

TEST_CASE("what the listener cannot do with a sound chunk ends a survey, and is no damage") {
  auto store = make_store(0);
  const auto id = fill(**store, "h", 4, 2);
  base::thread_pool pool{2};
  seen_chunks seen;
  auto listener = seen.listener();
  listener.sound = [](const auto&, std::size_t, const auto&) {
    throw std::system_error{ENOSPC, std::generic_category(), "no room"};
  };
  CHECK_THROWS_AS((chunk::survey{**store, pool, std::size_t{1} << 24, listener}.run(std::vector{id})),
                  std::system_error);
  CHECK(seen.damaged.empty());
}

TEST_CASE("chunks that nobody wants are not read") {
  auto store = make_store(0);
  const auto id = fill(**store, "h", 4, 2);
  auto broken = some_chunk(9);
  broken.bytes[broken.bytes.size() / 2] ^= std::byte{1};
  (*store)->write_chunk({id, coordinate({1, 0, 0})}, 1, broken);
  base::thread_pool pool{2};
  seen_chunks seen;
  auto listener = seen.listener();
  listener.wanted = [](const auto& key) { return key.coordinate.index[0] == 2; };
  chunk::survey survey{**store, pool, std::size_t{1} << 24, listener};
  survey.run(std::vector{id});
  CHECK(seen.damaged.empty());
  CHECK(seen.sound.size() == 4);
  CHECK(survey.chunks() == 4);
}
