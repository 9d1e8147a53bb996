// The space of a file: how far it grows beyond what lives in it, and whose space is whose.
#include "catch.hpp"
#include "support_store.hpp"

#include "store/hdf5/space_tail.hpp"
#include "store/hdf5/superblock.hpp"

#include <fstream>
#include <iterator>
#include <random>

using namespace store_support;

namespace {

std::unique_ptr<store::store> open(const std::filesystem::path& path, store::access mode) {
  return store::open_hdf5(path, mode, hdf5_cache);
}

codec::encoded_chunk noise(std::size_t bytes, std::mt19937_64& random) {
  codec::encoded_chunk chunk{std::vector<std::byte>(bytes), 3};
  for (auto& byte : chunk.bytes) byte = static_cast<std::byte>(random());
  return chunk;
}

/// Of chunks that hold 256 KiB at most, in all labels of the first axis.
store::histogram_id make_large(store::store& store, std::size_t count, const std::string& name = "h") {
  auto record = growing_record();
  record.schema.axes[2] = axis::any{axis::regular{32766, 0, 1}, std::string{"x"}};
  record.chunk_shape = {1, 1, 32768};
  const auto id = store.create(name, record);
  for (std::size_t i = 0; i < count; ++i) store.append_labels(id, 0, labels{"d" + std::to_string(i)});
  store.append_labels(id, 1, labels{"1"});
  return id;
}

/// Commits 20,000 bytes in each of these chunks of the first plane.
void commit_noise(store::store& store, store::histogram_id id, std::uint32_t first, std::uint32_t last,
                  std::mt19937_64& random) {
  for (auto i = first; i < last; ++i) store.write_chunk({id, coordinate({i, 0, 0})}, 0, noise(20000, random));
  store.commit();
}

}  // namespace

TEST_CASE("a file that is rewritten often in one session stays near its live size") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  std::mt19937_64 random{1};
  const auto store = open(path, store::access::create);
  const auto id = make_large(*store, 5);
  for (int commit = 0; commit < 20; ++commit) {
    for (std::uint32_t i = 0; i < 5; ++i)
      for (std::size_t plane = 0; plane < 2; ++plane)
        store->write_chunk({id, coordinate({i, 0, 0})}, plane, noise(200000 + random() % 60000, random));
    store->commit();
  }
  CHECK(static_cast<double>(std::filesystem::file_size(path)) < 2.5 * static_cast<double>(store->usage(id).bytes));
}

TEST_CASE("commits that change no size do not make a file longer") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  std::mt19937_64 random{9};
  const auto store = open(path, store::access::create);
  const auto id = make_large(*store, 2);
  const auto commit = [&](int number) {
    for (std::uint32_t i = 0; i < 2; ++i) store->write_chunk({id, coordinate({i, 0, 0})}, 0, noise(5000, random));
    store->set_counter({"events"}, number);
    store->set_attribute("merges", std::int64_t{number});
    store->commit();
  };
  for (int i = 0; i < 10; ++i) commit(i);
  const auto bytes = std::filesystem::file_size(path);
  for (int i = 0; i < 500; ++i) commit(i);
  CHECK(std::filesystem::file_size(path) <= bytes);
}

TEST_CASE("a file of which a tenth is rewritten, and that is opened again, 200 times, stays near its live size") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  constexpr std::uint32_t datasets = 100;
  constexpr std::size_t planes = 2;
  std::mt19937_64 random{GENERATE(1U, 2U, 3U)};
  const auto write = [&](store::store& store, std::uint32_t i, std::size_t plane) {
    store.write_chunk({store.find("h"), coordinate({i, 0, 0})}, plane, noise(20000 + random() % 6000, random));
  };
  {
    const auto store = open(path, store::access::create);
    make_large(*store, datasets);
    for (std::uint32_t i = 0; i < datasets; ++i)
      for (std::size_t plane = 0; plane < planes; ++plane) write(*store, i, plane);
    store->commit();
  }
  double most = 0;
  for (int round = 0; round < 200; ++round) {
    auto store = open(path, store::access::read_write);
    for (std::size_t i = 0; i < datasets * planes / 10; ++i)
      write(*store, static_cast<std::uint32_t>(random() % datasets), random() % planes);
    store->commit();
    const auto live = static_cast<double>(store->usage(store->find("h")).bytes);
    store.reset();
    CHECK_FALSE(std::filesystem::exists(path.string() + ".journal"));
    most = std::max(most, static_cast<double>(std::filesystem::file_size(path)) / live);
  }
  CHECK(most < 1.25);
  WARN("at most " << most << " times its live bytes");
}

TEST_CASE("a file stays near its live size beside readers that follow one another") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  constexpr std::uint32_t datasets = 50;
  std::mt19937_64 random{4};
  const auto store = open(path, store::access::create);
  const auto id = make_large(*store, datasets);
  for (std::uint32_t i = 0; i < datasets; ++i)
    store->write_chunk({id, coordinate({i, 0, 0})}, 0, noise(20000 + random() % 6000, random));
  store->commit();
  auto reader = open(path, store::access::read);
  for (std::uint32_t i = 0; i < 300; ++i) {
    store->write_chunk({id, coordinate({i % datasets, 0, 0})}, 0, noise(20000 + random() % 6000, random));
    store->commit();
    auto next = open(path, store::access::read);
    reader = std::move(next);  // there is always one
  }
  CHECK(static_cast<double>(std::filesystem::file_size(path)) < 1.5 * static_cast<double>(store->usage(id).bytes));
}

TEST_CASE("readers that stay keep their commits, and no more, over many openings") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  std::mt19937_64 random{3};
  constexpr std::uint32_t datasets = 20;
  const auto rewrite = [&](store::store& store, store::histogram_id id) {
    for (std::uint32_t i = 0; i < datasets; ++i)
      for (std::size_t plane = 0; plane < 2; ++plane)
        store.write_chunk({id, coordinate({i, 0, 0})}, plane, noise(20000 + random() % 6000, random));
    store.commit();
  };
  {
    const auto store = open(path, store::access::create);
    rewrite(*store, make_large(*store, datasets));
  }
  const auto content = [&](store::store& store) {
    std::vector<std::vector<std::byte>> chunks;
    for (std::uint32_t i = 0; i < datasets; ++i)
      for (std::size_t plane = 0; plane < 2; ++plane)
        chunks.push_back(store.read_chunk({store.find("h"), coordinate({i, 0, 0})}, plane)->bytes);
    return chunks;
  };
  const auto size_over_live = [&] {
    const auto store = open(path, store::access::read);
    return static_cast<double>(std::filesystem::file_size(path)) /
           static_cast<double>(store->usage(store->find("h")).bytes);
  };
  auto reader = open(path, store::access::read);
  const auto seen = content(*reader);
  std::vector<std::vector<std::byte>> last;
  const auto rewrite_all = [&] {
    const auto store = open(path, store::access::read_write);
    for (int commit = 0; commit < 3; ++commit) rewrite(*store, store->find("h"));
    last = content(*store);
  };
  rewrite_all();
  auto later_reader = open(path, store::access::read);  // of a commit that the file itself never has meanwhile
  const auto seen_later = last;
  for (int opening = 0; opening < 10; ++opening) rewrite_all();
  CHECK((content(*reader) == seen));
  CHECK((content(*later_reader) == seen_later));
  CHECK((content(*open(path, store::access::read)) == last));
  CHECK(size_over_live() < 5.5);  // the readers' commits, the last, the one before it, and the one that was made

  // Once nobody reads older ones, chunks at the end move to the free space before them.
  reader.reset();
  later_reader.reset();
  rewrite_all();
  CHECK((content(*open(path, store::access::read)) == last));
  CHECK(size_over_live() < 1.25);
}

TEST_CASE("closing a file moves chunks also past free space near its end") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  constexpr std::uint32_t datasets = 40;
  std::mt19937_64 random{5};
  std::uint64_t live = 0;
  {
    const auto store = open(path, store::access::create);
    const auto id = make_large(*store, datasets);
    commit_noise(*store, id, 0, datasets, random);
    commit_noise(*store, id, 0, datasets, random);
    commit_noise(*store, id, datasets - 10, datasets - 1, random);
    live = store->usage(id).bytes;
    CHECK(std::filesystem::file_size(path) > 2 * live);
  }
  CHECK(static_cast<double>(std::filesystem::file_size(path)) < 1.1 * static_cast<double>(live));
}

TEST_CASE("the space of a removed histogram is used again") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  std::mt19937_64 random{8};
  const auto store = open(path, store::access::create);
  const auto make = [&](const char* name, std::uint32_t datasets) {
    const auto id = make_large(*store, datasets, name);
    commit_noise(*store, id, 0, datasets, random);
    return id;
  };
  auto id = make("a", 20);
  make("b", 2);  // behind it, so that the file cannot end before
  const auto bytes = std::filesystem::file_size(path);
  for (int i = 0; i < 5; ++i) {
    store->remove(id);
    store->commit();
    id = make("a", 20);
  }
  CHECK(static_cast<double>(std::filesystem::file_size(path)) < 1.2 * static_cast<double>(bytes));
}

TEST_CASE("commits after a reader's are not applied with the earlier ones") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  std::mt19937_64 random{6};
  const auto store = open(path, store::access::create);
  const std::array ids{make_large(*store, 5, "a"), make_large(*store, 5, "b")};
  const auto content = [](store::store& from) {
    std::vector<std::vector<std::byte>> chunks;
    for (const auto* name : {"a", "b"})
      for (std::uint32_t i = 0; i < 5; ++i) {
        const auto chunk = from.read_chunk({from.find(name), coordinate({i, 0, 0})}, 0);
        chunks.push_back(chunk ? chunk->bytes : std::vector<std::byte>{});
      }
    return chunks;
  };
  const auto rewrite = [&](std::size_t which) {
    for (std::uint32_t i = 0; i < 5; ++i)
      store->write_chunk({ids[which], coordinate({i, 0, 0})}, 0, noise(20000 + random() % 6000, random));
    store->commit();
  };
  rewrite(0);
  rewrite(1);
  for (int i = 0; i < 5; ++i) {
    auto first = open(path, store::access::read);
    rewrite(0);  // which waits for the reader
    const auto expected = content(*store);
    const auto second = open(path, store::access::read);
    first.reset();
    rewrite(1);  // with this one the one before is applied, of which nothing tells where the chunks of "b" are
    CHECK((content(*second) == expected));
  }
}

TEST_CASE("a chunk that waits for its commit stays when another commit is applied") {
  const temporary_directory directory;
  std::mt19937_64 random{2};
  const auto store = open(directory / "f.h5", store::access::create);
  const auto id = make_large(*store, 2);
  store->commit();
  const auto chunk = noise(200000, random);
  const auto waiting = store->area().write(chunk);
  store->set_counter({"events"}, 1);
  store->commit();
  CHECK(store->area().read(waiting).bytes == chunk.bytes);
  store->set_chunk({id, coordinate({1, 0, 0})}, 0, waiting);
  store->commit();
  CHECK(store->read_chunk({id, coordinate({1, 0, 0})}, 0)->bytes == chunk.bytes);
}

TEST_CASE("space that is said to be free is not used once a chunk is found there") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  constexpr std::uint32_t datasets = 20;
  std::mt19937_64 random{3};
  std::vector<codec::encoded_chunk> chunks;
  {
    const auto store = open(path, store::access::create);
    const auto id = make_large(*store, 2 * datasets);
    for (std::uint32_t i = 0; i < datasets; ++i)
      store->write_chunk({id, coordinate({i, 0, 0})}, 0, chunks.emplace_back(noise(20000, random)));
    store->commit();
  }
  // A list that has its checksum, and is wrong.
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  std::vector<std::byte> superblock(96);
  std::memcpy(superblock.data(), text.data(), superblock.size());
  superblock.resize(store::hdf5::superblock_length(superblock));
  std::uint64_t end = 0;
  std::memcpy(&end, superblock.data() + 28, sizeof end);
  REQUIRE(end > datasets * 20000);
  REQUIRE(end <= text.size());
  const std::vector<store::hdf5::file_space::extent> wrong{{end / 4, end / 2}};
  const auto tail = store::hdf5::encode_tail(wrong, superblock);
  std::filesystem::resize_file(path, end);
  std::ofstream{path, std::ios::binary | std::ios::app}.write(reinterpret_cast<const char*>(tail.data()),
                                                              static_cast<std::streamsize>(tail.size()));
  const auto store = open(path, store::access::read_write);
  const auto id = store->find("h");
  const auto holds_all = [&] {
    for (std::uint32_t i = 0; i < datasets; ++i) {
      const auto chunk = store->read_chunk({id, coordinate({i, 0, 0})}, 0);
      if (!chunk || chunk->bytes != chunks[i].bytes) return false;
    }
    return true;
  };
  REQUIRE(holds_all());
  commit_noise(*store, id, datasets, 2 * datasets, random);
  CHECK(holds_all());
}
