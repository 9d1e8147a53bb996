#include "catch.hpp"
#include "support_store.hpp"

#include "store/hdf5/space_tail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <vector>

using namespace hugehist::store::hdf5;
using bytes = std::vector<std::byte>;

namespace {

constexpr std::uint64_t end = 100'000;

/// What is read of a file that has these bytes behind its end.
space_tail read_behind(const bytes& tail, const bytes& superblock) {
  const store_support::temporary_directory directory;
  const int file = ::open((directory / "f").c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(file >= 0);
  REQUIRE(::pwrite(file, tail.data(), tail.size(), end) == static_cast<ssize_t>(tail.size()));
  auto result = read_tail(file, end, superblock);
  ::close(file);
  return result;
}

bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random{seed};
  bytes result(size);
  for (auto& byte : result) byte = static_cast<std::byte>(random());
  return result;
}

}  // namespace

TEST_CASE("free space behind the end of a file is believed whole and for its superblock, or not at all") {
  const std::vector<file_space::extent> free{{500, 100}, {1000, 4000}, {end - 10, 10}};
  const auto superblock = random_bytes(48, 1);
  const auto whole = encode_tail(free, superblock);
  const auto found = read_behind(whole, superblock);
  CHECK(found.free == free);
  CHECK(found.length == whole.size());
  CHECK(read_behind({}, superblock).free.empty());
  CHECK(read_behind(whole, random_bytes(48, 2)).free.empty());
  CHECK(encode_tail({}, superblock).empty());

  std::size_t believed = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    believed += read_behind({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i)}, superblock).free.size();
    for (const auto flipped : {std::byte{1}, std::byte{0x80}, std::byte{0xff}}) {
      auto damaged = whole;
      damaged[i] ^= flipped;
      believed += read_behind(damaged, superblock).free.size();
    }
  }
  CHECK(believed == 0);
}
