#include "catch.hpp"
#include "support_store.hpp"

#include "store/hdf5/file_locks.hpp"

#include <hugehist/error.hpp>

#include <sys/file.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <future>

using namespace hugehist;
using namespace std::chrono_literals;

namespace {

/// One opening of a file, and its locks.
class opening {
 public:
  explicit opening(const std::filesystem::path& path) : descriptor_{::open(path.c_str(), O_RDWR | O_CREAT, 0600)} {
    REQUIRE(descriptor_ >= 0);
  }
  ~opening() {
    locks.reset();
    ::close(descriptor_);
  }
  opening(const opening&) = delete;
  opening& operator=(const opening&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;

 public:
  std::unique_ptr<store::hdf5::file_locks> locks =
      std::make_unique<store::hdf5::file_locks>(descriptor_, std::string{"test"});
};

/// A writer in the closed entrance, which could not exclude a program that knows HDF5's lock only.
struct shared_with_another {
  store_support::temporary_directory directory;
  opening writer{directory / "f"}, other{directory / "f"};

  shared_with_another() {
    writer.locks->enter_as_writer();
    writer.locks->leave_entrance();
    REQUIRE(::flock(other.descriptor(), LOCK_SH) == 0);
    REQUIRE(writer.locks->close_entrance(0ms));
    CHECK_FALSE(writer.locks->exclude_plain_hdf5());
  }
};

}  // namespace

TEST_CASE("who opens a file waits while its writer changes it") {
  const store_support::temporary_directory directory;
  const opening writer{directory / "f"}, reader{directory / "f"};
  writer.locks->enter_as_writer();
  writer.locks->leave_entrance();
  REQUIRE(writer.locks->close_entrance(0ms));
  auto entered = std::async(std::launch::async, [&] { reader.locks->enter_as_reader(); });
  CHECK(entered.wait_for(200ms) == std::future_status::timeout);
  writer.locks->readmit();
  entered.get();
  CHECK_FALSE(writer.locks->close_entrance(0ms));  // it is still there
  reader.locks->leave_entrance();
  CHECK(writer.locks->close_entrance(0ms));
}

TEST_CASE("nothing is changed while a program that knows HDF5's lock only has the file open") {
  const shared_with_another test;
  const auto &writer = test.writer, &other = test.other;
  writer.locks->readmit();
  CHECK(::flock(other.descriptor(), LOCK_EX | LOCK_NB) != 0);
  REQUIRE(::flock(other.descriptor(), LOCK_UN) == 0);
  REQUIRE(writer.locks->close_entrance(0ms));
  CHECK(writer.locks->exclude_plain_hdf5());
  CHECK(::flock(other.descriptor(), LOCK_SH | LOCK_NB) != 0);
  writer.locks->readmit();
  CHECK(::flock(other.descriptor(), LOCK_SH | LOCK_NB) == 0);
}

TEST_CASE("a writer whose lock another program took meanwhile commits nothing more") {
  const shared_with_another test;  // when it was asked for all of the lock, the system let go of what it had
  const auto &writer = test.writer, &other = test.other;
  REQUIRE(::flock(other.descriptor(), LOCK_EX | LOCK_NB) == 0);
  CHECK_NOTHROW(writer.locks->check_alone());
  writer.locks->readmit();
  CHECK_THROWS_AS(writer.locks->check_alone(), locked_error);
}

TEST_CASE("a writer knows the snapshots that are read") {
  const store_support::temporary_directory directory;
  const opening writer{directory / "f"};
  writer.locks->enter_as_writer();
  writer.locks->leave_entrance();
  using numbers = std::vector<std::uint64_t>;
  CHECK(writer.locks->held_snapshots(9).empty());
  const auto read = [&](std::uint64_t number) {
    auto reader = std::make_unique<opening>(directory / "f");
    reader->locks->enter_as_reader();
    reader->locks->hold_snapshot(number);
    reader->locks->leave_entrance();
    return reader;
  };
  const auto seven = read(7);
  auto three = read(3), four = read(4), again = read(4), zero = read(0);
  CHECK(writer.locks->held_snapshots(9) == numbers{0, 3, 4, 7});
  CHECK(writer.locks->held_snapshots(7) == numbers{0, 3, 4});
  three.reset();
  again.reset();
  CHECK(writer.locks->held_snapshots(9) == numbers{0, 4, 7});
  four.reset();
  zero.reset();
  CHECK(writer.locks->held_snapshots(9) == numbers{7});
  CHECK(writer.locks->has_readers());
}
