#include "catch.hpp"
#include "support_store.hpp"

#include "base/free_extents.hpp"
#include "store/hdf5/driver.hpp"
#include "store/hdf5/file_locks.hpp"
#include "store/hdf5/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

using namespace hugehist;
using base::free_extents;
using store::chunk_area;
using store::hdf5::driven_file;

namespace {

/// A file that is gone when the test ends.
class unlinked_file {
 public:
  unlinked_file() {
    auto path = (std::filesystem::temp_directory_path() / "hugehist-driver-XXXXXX").string();
    descriptor_ = ::mkstemp(path.data());
    REQUIRE(descriptor_ >= 0);
    ::unlink(path.c_str());
  }
  ~unlinked_file() { ::close(descriptor_); }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// A file that is a superblock and a stamp, as an opening has it.
struct opened {
  store_support::temporary_directory directory;
  std::string path = (directory.path() / "f.h5").string();
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  store::hdf5::file_locks locks{descriptor, path};
  store::hdf5::journal journal{descriptor, path, locks};
  driven_file area{descriptor, path};

  static constexpr std::uint64_t superblock = 48, end = 64;

  opened() {
    REQUIRE(descriptor >= 0);
    constexpr std::array<unsigned char, 12> begin{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 2, 8, 8, 0};
    REQUIRE(::pwrite(descriptor, begin.data(), begin.size(), 0) == std::ssize(begin));
    REQUIRE(::ftruncate(descriptor, end) == 0);
    area.set_end(end);
    area.begin(journal, true);
  }
  ~opened() { ::close(descriptor); }
  opened(const opened&) = delete;
  opened& operator=(const opened&) = delete;
  void commit() { area.commit(journal, superblock); }
};

codec::encoded_chunk chunk_of(std::size_t size, unsigned seed) {
  std::mt19937 random{seed};
  codec::encoded_chunk chunk{std::vector<std::byte>(size), seed};
  for (auto& byte : chunk.bytes) byte = static_cast<std::byte>(random());
  return chunk;
}

}  // namespace

TEST_CASE("free space is taken where it fits best, and neighbours join") {
  free_extents free;
  CHECK_FALSE(free.take(1));
  free.give(100, 50);
  free.give(300, 20);
  free.give(500, 200);
  CHECK(free.take(20) == 300U);
  CHECK(free.take(30) == 100U);  // and 130 to 150 stay
  free.give(150, 10);
  CHECK(free.bytes() == 230);
  CHECK(free.take(30) == 130U);  // joined
  CHECK_FALSE(free.take(201));
  free.give(490, 10);
  free.give(480, 30);  // what is free already stays free once
  CHECK(free.bytes() == 220);
  CHECK(free.take(220) == 480U);
  CHECK(free.bytes() == 0);
}

TEST_CASE("free space is taken out by its place, as far as it is free") {
  free_extents free;
  free.give(10, 5);
  free.give(50, 50);
  free.remove(12, 48);
  CHECK(free.bytes() == 2 + 40);
  free.remove(70, 10);
  CHECK_FALSE(free.overlaps(70, 10));
  CHECK(free.take(21) == std::nullopt);
  CHECK(free.take(20) == 80U);
  CHECK(free.take(10) == 60U);
  free.remove(0, 1000);
  CHECK(free.bytes() == 0);
}

TEST_CASE("chunks that wait never overlap, nor what HDF5 has; from any thread") {
  opened test;
  auto& area = test.area;
  std::map<std::uint64_t, std::uint64_t> hdf5{{0, opened::end}};  // offset, end
  constexpr unsigned threads = 4;
  std::vector<std::map<std::uint64_t, std::pair<chunk_area::location, unsigned>>> held(threads);
  for (unsigned round = 0; round < 20; ++round) {
    std::vector<std::thread> workers;
    for (unsigned t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        std::mt19937 random{round * threads + t};
        for (int i = 0; i < 30; ++i) {
          if (random() % 3 == 0 && !held[t].empty()) {
            area.forget(held[t].begin()->second.first);
            held[t].erase(held[t].begin());
            continue;
          }
          const auto seed = static_cast<unsigned>(random());
          const auto where = area.write(chunk_of(1 + random() % 3000, seed));
          held[t].emplace(where.offset, std::pair{where, seed});
        }
      });
    for (auto& worker : workers) worker.join();

    // HDF5 asks for space of its own, at the end or wherever there is some.
    std::mt19937 random{round};
    const std::uint64_t size = 1 + random() % 5000;
    if (random() % 2 == 0) {
      const auto end = area.end();
      area.set_end(end + size);
      hdf5.emplace(end, end + size);
    } else {
      const auto offset = area.allocate(false, size);
      hdf5.emplace(offset, offset + size);
    }

    auto all = hdf5;
    for (const auto& mine : held)
      for (const auto& [offset, entry] : mine) {
        const auto& [where, seed] = entry;
        REQUIRE(all.emplace(offset, offset + where.size).second);
        const auto content = area.read(where);
        REQUIRE(content.bytes == chunk_of(where.size, seed).bytes);
        REQUIRE(content.filter_mask == seed);
      }
    std::uint64_t last = 0;
    for (const auto& [offset, end] : all) {
      REQUIRE(offset >= last);
      last = end;
    }
    REQUIRE(area.end() >= last);
  }
}

TEST_CASE("what a commit replaces is free after it, and not before") {
  opened test;
  auto& area = test.area;
  const auto take = [&](const chunk_area::location& placed, const std::optional<chunk_area::location>& replaced) {
    area.expect(placed);
    CHECK(area.allocate(true, placed.size) == placed.offset);
    CHECK(area.write_bytes(true, placed.offset, placed.size, nullptr));  // the content is there
    area.adopt(placed, replaced);
  };
  const auto first = area.write(chunk_of(500, 1));
  take(first, {});
  test.commit();
  const auto second = area.write(chunk_of(500, 2));
  CHECK(second.offset != first.offset);
  take(second, first);
  const auto third = area.write(chunk_of(500, 3));
  CHECK(third.offset != first.offset);
  test.commit();
  CHECK(area.write(chunk_of(500, 4)).offset == first.offset);
  CHECK(area.read(second).bytes == chunk_of(500, 2).bytes);

  // HDF5 keeps to the old place: the content is copied there, and the new place is free.
  area.expect(third);
  CHECK(area.write_bytes(true, second.offset, second.size, nullptr));
  area.adopt(third, second);
  CHECK(area.read(second).bytes == chunk_of(500, 3).bytes);  // from memory, until it is in the file
  area.write_through(test.journal);
  test.commit();
  CHECK(area.read(second).bytes == chunk_of(500, 3).bytes);
  CHECK(area.write(chunk_of(500, 5)).offset == third.offset);
}

TEST_CASE("a place that a failed commit gave to HDF5 is nobody else's, until a later commit replaced it") {
  opened test;
  auto& area = test.area;
  const auto first = area.write(chunk_of(500, 1));
  area.expect(first);
  REQUIRE(area.allocate(true, first.size) == first.offset);
  area.adopt(first, {});
  // The commit fails here, and the chunk changes before the next.
  area.forget(first);
  const auto second = area.write(chunk_of(500, 2));
  CHECK(second.offset != first.offset);
  area.expect(second);
  REQUIRE(area.allocate(true, second.size) == second.offset);
  area.adopt(second, first);
  test.commit();
  CHECK(area.write(chunk_of(500, 3)).offset == first.offset);
  CHECK(area.read(second).bytes == chunk_of(500, 2).bytes);
}

TEST_CASE("no chunk is placed where a commit has bytes that are still to be written to the file") {
  opened test;
  auto& area = test.area;
  const int other = ::open(test.path.c_str(), O_RDWR);
  REQUIRE(other >= 0);
  auto reader = std::make_unique<store::hdf5::file_locks>(other, test.path);
  reader->enter_as_reader();
  reader->hold_snapshot(0);
  reader->leave_entrance();

  const auto metadata = chunk_of(500, 1).bytes;
  const auto offset = area.allocate(false, metadata.size());
  CHECK(area.write_bytes(false, offset, metadata.size(), metadata.data()));
  area.allocate(false, 100);
  test.commit();
  area.retire(offset, metadata.size());
  test.commit();
  test.commit();  // nobody sees a commit that uses it
  CHECK(area.write(chunk_of(500, 2)).offset != offset);
  reader.reset();
  test.commit();  // now they are in the file
  CHECK(area.write(chunk_of(500, 3)).offset == offset);
  ::close(other);
}

TEST_CASE("what HDF5 writes after a chunk that it did not take is written") {
  opened test;
  auto& area = test.area;
  const auto chunk = area.write(chunk_of(500, 1));
  area.expect(chunk);
  area.expect_nothing();
  const auto list = chunk_of(500, 2);
  const auto offset = area.allocate(true, 500);
  CHECK(offset != chunk.offset);
  CHECK(area.write_bytes(true, offset, 500, list.bytes.data()));
  CHECK(area.read({offset, 500, 0}).bytes == list.bytes);
}

TEST_CASE("chunks that no commit took are cut off at the end") {
  const store_support::temporary_directory directory;
  const auto path = directory.path() / "f.h5";
  const auto made = [&] {
    auto store = store::open_hdf5(path, store::access::create, std::size_t{1} << 20);
    const auto id = store->create("h", store_support::growing_record());
    store->append_labels(id, 0, std::vector<std::string>{"ttbar", "wjets"});
    store->append_labels(id, 1, std::vector<std::string>{"7", "-3", "11"});
    store->set_chunk_shape(id, store_support::growing_shape());
    store->write_chunk({id, store_support::coordinate({0, 0, 0})}, 0, store_support::some_chunk(1));
    store->commit();
    return std::filesystem::file_size(path);
  }();
  {
    auto store = store::open_hdf5(path, store::access::read_write, std::size_t{1} << 20);
    const auto id = store->find("h");
    for (std::uint32_t i = 0; i < 200; ++i)
      store->write_chunk({id, store_support::coordinate({i % 2, i % 3, 0})}, 1, {std::vector<std::byte>(50000), 0});
    CHECK(std::filesystem::file_size(path) > made + 5 * 50000);
    CHECK(std::filesystem::file_size(path) < made + 20 * 50000);  // what was written again took the place of the old
    store->rollback();
  }
  CHECK(std::filesystem::file_size(path) <= made + 4096);
  const auto store = store::open_hdf5(path, store::access::read, std::size_t{1} << 20);
  CHECK(store->read_chunk({store->find("h"), store_support::coordinate({0, 0, 0})}, 0)->bytes ==
        store_support::some_chunk(1).bytes);
}

TEST_CASE("what HDF5 keeps open after its file was let go reaches nothing") {
  const unlinked_file file;
  driven_file area{file.descriptor(), "test"};
  std::array<std::byte, 100> bytes{};
  REQUIRE(area.write_bytes(false, 0, bytes.size(), bytes.data()));
  area.detach();
  CHECK(area.write_bytes(false, 500, bytes.size(), bytes.data()));
  CHECK_FALSE(area.read_bytes(false, 0, bytes.size(), bytes.data()));
  struct stat info {};
  REQUIRE(::fstat(file.descriptor(), &info) == 0);
  CHECK(info.st_size == 0);
}
