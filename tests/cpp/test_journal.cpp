// A journal by itself: a file that begins with a superblock, and commits of arbitrary bytes.
#include "catch.hpp"
#include "support_io.hpp"
#include "support_store.hpp"

#include "store/hdf5/file_locks.hpp"
#include "store/hdf5/journal.hpp"
#include "store/hdf5/journal_group.hpp"
#include "store/hdf5/superblock.hpp"

#include <hugehist/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <span>
#include <system_error>
#include <vector>

using namespace hugehist;
using namespace hugehist::store::hdf5;
using store_support::temporary_directory;
using bytes = std::vector<std::byte>;

namespace {

bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random{seed};
  bytes result(size);
  for (auto& byte : result) byte = static_cast<std::byte>(random());
  return result;
}

class descriptor {
 public:
  explicit descriptor(const std::filesystem::path& path) : fd_{::open(path.c_str(), O_RDWR | O_CREAT, 0600)} {
    REQUIRE(fd_ >= 0);
  }
  ~descriptor() { ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

constexpr std::uint64_t superblock_bytes = 48, stamp_at = superblock_bytes;

/// A file that a journal knows by its first bytes and by its stamp.
class journaled_file {
 public:
  explicit journaled_file(const temporary_directory& directory) : path_{directory / "f.h5"}, file_{path_} {
    constexpr std::array<unsigned char, 12> begin{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 2, 8, 8, 0};
    REQUIRE(::pwrite(file_.get(), begin.data(), begin.size(), 0) == static_cast<ssize_t>(begin.size()));
    write(superblock_bytes - 1, bytes(1));
  }

  void write(std::uint64_t offset, const bytes& content) {
    REQUIRE(::pwrite(file_.get(), content.data(), content.size(), static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(content.size()));
  }
  void commit(std::uint64_t offset, const bytes& content, std::uint64_t end) {
    held_writes changes;
    changes.write(offset, content);
    journal_.commit(changes, overlay_, stamp_at, {{journal_.number() + 1, end, {}}});
  }
  /// As another opening has it, and the number of the last commit.
  std::pair<held_writes, std::uint64_t> open() const {
    journal other{file_.get(), path_.string(), locks_};
    auto found = other.open(false);
    return {std::move(found.overlay), other.number()};
  }
  bytes read(std::uint64_t offset, std::size_t size) const {
    bytes result(size);
    open().first.patch(offset, result);
    return result;
  }
  bool is_dead() const { return journal_.is_dead(); }
  std::filesystem::path journal_path() const { return path_.string() + ".journal"; }

 private:
  std::filesystem::path path_;
  descriptor file_;
  mutable file_locks locks_{file_.get(), path_.string()};
  journal journal_{file_.get(), path_.string(), locks_};
  held_writes overlay_;
};

journal_group group_of(std::uint64_t salt, std::uint64_t number, std::uint64_t first) {
  journal_group group;
  group.salt = salt;
  group.number = number;
  group.first = first;
  group.states = {{number, 1000, {}}};
  return group;
}

/// Numbers of the groups that count, of those that lie one after another in a file.
std::vector<std::uint64_t> numbers_in(const std::vector<bytes>& groups) {
  const temporary_directory directory;
  const descriptor file{directory / "journal"};
  off_t at = 0;
  for (const auto& group : groups) {
    REQUIRE(::pwrite(file.get(), group.data(), group.size(), at) == static_cast<ssize_t>(group.size()));
    at += static_cast<off_t>((group.size() + group_alignment - 1) / group_alignment * group_alignment);
  }
  std::vector<std::uint64_t> numbers;
  for (const auto& one : read_groups(file.get())) numbers.push_back(one.head.number);
  return numbers;
}

}  // namespace

TEST_CASE("groups count from the first that the last one needs, in any order, and of one journal only") {
  held_writes changes;
  changes.write(100, random_bytes(300, 1));
  const auto group = [&](std::uint64_t salt, std::uint64_t number, std::uint64_t first) {
    return encode_group(group_of(salt, number, first), changes);
  };
  using numbers = std::vector<std::uint64_t>;
  CHECK(numbers_in({}).empty());
  CHECK(numbers_in({group(1, 5, 5)}) == numbers{5});
  CHECK(numbers_in({group(1, 7, 6), group(1, 5, 5), group(1, 6, 5)}) == numbers{6, 7});
  CHECK_THROWS_AS(numbers_in({group(1, 7, 5), group(1, 5, 5)}), corruption_error);
  CHECK_THROWS_AS(numbers_in({group(1, 7, 6), group(2, 6, 5)}), corruption_error);  // what a disk had there before
  CHECK(numbers_in({group(1, 7, 7), group(2, 6, 5)}) == numbers{7});
}

TEST_CASE("a group with any byte changed is none") {
  held_writes changes;
  changes.write(100, random_bytes(200, 2));
  auto head = group_of(3, 4, 4);
  head.states = {{2, 900, {{10, 20}}}, {4, 1000, {{10, 20}, {400, 30}}}};
  head.stamp = {500, {random_bytes(16, 3), random_bytes(16, 4)}};
  const auto whole = encode_group(head, changes);
  REQUIRE(numbers_in({whole}).size() == 1);
  std::size_t counted = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const auto flipped : {std::byte{1}, std::byte{0x80}, std::byte{0xff}}) {
      auto damaged = whole;
      damaged[i] ^= flipped;
      try {
        counted += numbers_in({damaged}).size();
      } catch (const corruption_error&) {
        continue;  // it says that it needs others
      }
    }
  CHECK(counted == 0);
}

TEST_CASE("a commit that ends before something that HDF5 wrote meanwhile is found in the journal") {
  const temporary_directory directory;
  journaled_file file{directory};
  const auto content = random_bytes(2000, 1);
  file.commit(950, content, 1000);  // from 1000 on it let it go again
  const auto [overlay, number] = file.open();
  CHECK(number == 1);
  CHECK(overlay.end() == 1000);
  CHECK(std::ranges::equal(file.read(950, 50), std::span{content}.first(50)));
}

TEST_CASE("a journal is applied only to the file with its superblock and its stamp") {
  const temporary_directory directory;
  journaled_file file{directory};
  const auto before = random_bytes(16, 1), after = random_bytes(16, 2);
  file.write(stamp_at, before);
  file.commit(stamp_at, after, 1000);
  CHECK(file.read(stamp_at, 16) == after);
  file.write(stamp_at, after);  // it is applied
  CHECK(file.read(stamp_at, 16) == after);
  auto torn = before;
  std::copy_n(after.begin(), 8, torn.begin());
  file.write(stamp_at, torn);  // half of it
  CHECK(file.read(stamp_at, 16) == after);
  file.write(stamp_at, random_bytes(16, 3));
  CHECK_THROWS_AS(file.open(), format_error);
  file.write(stamp_at, before);
  file.write(20, random_bytes(4, 4));  // within the superblock
  CHECK_THROWS_AS(file.open(), format_error);
}

TEST_CASE("a file that is half way through a commit is refused once its journal is damaged") {
  const temporary_directory directory;
  journaled_file file{directory};
  std::ofstream{file.journal_path()} << std::string(5000, 'x');
  CHECK(file.open().second == 0);  // a first commit that never came to its end
  constexpr std::array<unsigned char, 12> begin{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 3, 8, 8, 0};
  bytes superblock(superblock_bytes);
  std::memcpy(superblock.data(), begin.data(), begin.size());
  REQUIRE(mark_superblock(superblock, true));
  file.write(0, superblock);
  CHECK_THROWS_WITH(file.open(), contains("half way through a commit"));
}

TEST_CASE("a journal that nobody applies stays short, and holds what every commit changed") {
  const temporary_directory directory;
  journaled_file file{directory};
  constexpr std::size_t size = std::size_t{1} << 20;
  const auto first = random_bytes(100, 100);
  file.commit(5000, first, 2 * size);
  for (unsigned i = 0; i < 60; ++i) {
    const auto content = random_bytes(size, i);
    file.commit(10000, content, 2 * size);
    if (i % 10 == 9) {
      REQUIRE(file.read(10000, size) == content);
      CHECK(file.read(5000, first.size()) == first);
    }
  }
  CHECK(file.open().second == 61);
  CHECK(std::filesystem::file_size(file.journal_path()) < 15 * size);
}

TEST_CASE("after a sync that failed nothing is committed any more, after a write that failed all is as before") {
  const auto first = random_bytes(500, 1), second = random_bytes(500, 2);
  const auto operations = [&] {
    const temporary_directory directory;
    journaled_file file{directory};
    io::begin(directory.path());
    file.commit(1000, first, 2000);
    return io::end();
  }();
  REQUIRE(operations.size() == 4);  // the file's sync; the group, its sync and the directory's
  for (std::size_t i = 0; i < operations.size(); ++i) {
    INFO("operation " << i);
    const temporary_directory directory;
    journaled_file file{directory};
    io::begin(directory.path());
    io::fail({i, EIO, false, false});
    CHECK_THROWS_AS(file.commit(1000, first, 2000), std::system_error);
    io::heal();
    io::end();
    if (operations[i].what == io::operation::kind::write) {
      file.commit(1000, second, 2000);
      CHECK(file.read(1000, 500) == second);
    } else {
      CHECK(file.is_dead());
      CHECK_THROWS_AS(file.commit(1000, second, 2000), std::system_error);
    }
  }
}
