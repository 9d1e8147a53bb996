#include "catch.hpp"

#include "codec/codec.hpp"
#include "codec/shuffle.hpp"

#include <hugehist/error.hpp>

#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <random>
#include <vector>

using namespace hugehist;
using codec::method;
using codec::settings;
using bytes = std::vector<std::byte>;

namespace {

constexpr std::uint32_t no_shuffle = 1, no_compression = 2;

template <class T>
bytes as_bytes(const std::vector<T>& values) {
  bytes result(values.size() * sizeof(T));
  if (!result.empty()) std::memcpy(result.data(), values.data(), result.size());
  return result;
}

bytes counts(std::size_t elements, unsigned seed = 1) {
  std::mt19937 random{seed};
  std::poisson_distribution<int> poisson{3};
  std::vector<std::int64_t> values(elements);
  for (auto& value : values) value = poisson(random);
  return as_bytes(values);
}

bytes weights(std::size_t elements, unsigned seed = 1) {
  std::mt19937_64 random{seed};
  std::normal_distribution<double> normal{0, 1};
  std::vector<double> values(elements);
  for (auto& value : values) value = normal(random);
  return as_bytes(values);
}

bytes noise(std::size_t elements) {
  std::mt19937_64 random{7};
  std::vector<std::uint64_t> values(elements);
  for (auto& value : values) value = random();
  return as_bytes(values);
}

bytes decoded(codec::coder& coder, const codec::encoded_view& chunk, const settings& how, std::size_t size) {
  bytes result(size, std::byte{0xAA});
  coder.decode(chunk.bytes, chunk.filter_mask, how, result);
  return result;
}

}  // namespace

TEST_CASE("shuffle puts byte j of every element together, and back") {
  for (std::size_t elements : {0U, 1U, 2U, 15U, 16U, 17U, 31U, 32U, 100U, 1000U, 4096U}) {
    const auto from = noise(elements);
    bytes to(from.size()), back(from.size());
    codec::shuffle(from.data(), to.data(), elements);
    for (std::size_t i = 0; i < elements; ++i)
      for (std::size_t j = 0; j < 8; ++j) REQUIRE(to[j * elements + i] == from[i * 8 + j]);
    codec::unshuffle(to.data(), back.data(), elements);
    REQUIRE(back == from);
  }
}

TEST_CASE("what is encoded decodes to the same, by every method and level") {
  codec::coder coder;
  std::vector<settings> all{{method::none, 0}};
  for (int level : {-7, -1, 0, 1, 3, 19}) all.push_back({method::zstd, level});
  for (int level : {0, 1, 4, 9}) all.push_back({method::gzip, level});
  for (const auto& how : all)
    for (std::size_t elements : {1U, 7U, 400U, 20000U})
      for (const auto& plane : {bytes(elements * 8), counts(elements), weights(elements), noise(elements)}) {
        const codec::encoded_chunk chunk{coder.encode(plane, how)};
        REQUIRE(decoded(coder, chunk, how, plane.size()) == plane);
      }
}

TEST_CASE("a coder that met other planes before decodes the same") {
  codec::coder coder;
  const settings how;
  for (unsigned i = 0; i < 100; ++i) {
    const auto plane = i % 3 == 0 ? counts(500 + i, i) : i % 3 == 1 ? weights(300 + i, i) : noise(64 + i);
    REQUIRE(decoded(coder, coder.encode(plane, how), how, plane.size()) == plane);
  }
}

TEST_CASE("counts are shuffled, random weights are not, and no method sets no mask") {
  codec::coder coder;
  CHECK(coder.encode(counts(10000), {method::zstd, 1}).filter_mask == 0);
  CHECK(coder.encode(counts(10000), {method::gzip, 4}).filter_mask == 0);
  CHECK(coder.encode(noise(10000), {method::zstd, 1}).filter_mask == no_shuffle);
  CHECK(coder.encode(counts(100), {method::none, 0}).filter_mask == 0);
  // Counts kept as doubles gain by shuffling, which only a try of both can tell.
  std::vector<double> as_doubles(10000);
  std::mt19937 random{3};
  for (auto& value : as_doubles) value = std::poisson_distribution<int>{3}(random);
  CHECK(coder.encode(as_bytes(as_doubles), {method::zstd, 1}).filter_mask == 0);
}

TEST_CASE("the choice follows the data when that changes") {
  codec::coder coder;
  const settings how;
  std::vector<double> smooth(4096);
  for (std::size_t i = 0; i < smooth.size(); ++i) smooth[i] = 1.0 + 1e-9 * static_cast<double>(i * i % 1000);
  const auto random = noise(4096), regular = as_bytes(smooth);
  for (int i = 0; i < 40; ++i) coder.encode(random, how);
  unsigned shuffled = 0;
  for (int i = 0; i < 80; ++i) shuffled += coder.encode(regular, how).filter_mask == 0 ? 1 : 0;
  CHECK(shuffled > 40);
}

TEST_CASE("what does not compress costs a few bytes and keeps its checksum") {
  codec::coder coder;
  const auto plane = noise(16384);
  for (const settings& how : {settings{method::zstd, 1}, settings{method::gzip, 1}}) {
    codec::encoded_chunk chunk{coder.encode(plane, how)};
    CHECK(chunk.bytes.size() < plane.size() + 128);
    CHECK((chunk.filter_mask & no_compression) == 0);
    chunk.bytes[chunk.bytes.size() / 2] ^= std::byte{4};
    CHECK_THROWS_AS(decoded(coder, chunk, how, plane.size()), corruption_error);
  }
}

TEST_CASE("chunks without their checksum are refused: what other writers left raw or only shuffled") {
  codec::coder coder;
  const auto plane = counts(777);
  for (const settings& how : {settings{method::zstd, 1}, settings{method::gzip, 4}})
    for (const unsigned mask : {no_shuffle | no_compression, no_compression, 4U, codec::unfiltered})
      CHECK_THROWS_AS(decoded(coder, {plane, mask}, how, plane.size()), corruption_error);
  CHECK_THROWS_AS(decoded(coder, {plane, 1}, {method::none, 0}, plane.size()), corruption_error);
}

TEST_CASE("chunks of others are raw numbers") {
  codec::coder coder;
  const auto plane = counts(777);
  CHECK(decoded(coder, {plane, codec::unfiltered}, {method::none, 0}, plane.size()) == plane);
  CHECK_THROWS_AS(decoded(coder, {plane, codec::unfiltered}, {method::none, 0}, plane.size() + 8), corruption_error);
}

TEST_CASE("every single flipped bit in a frame is refused, or is one that no decoder looks at") {
  codec::coder coder;
  for (const settings& how : {settings{method::zstd, 1}, settings{method::zstd, 19}, settings{method::gzip, 4},
                              settings{method::gzip, 0}, settings{method::none, 0}})
    for (const auto& plane : {counts(60), weights(25), bytes(400), noise(20)}) {
      codec::encoded_chunk chunk{coder.encode(plane, how)};
      std::size_t refused = 0;
      for (std::size_t bit = 0; bit < chunk.bytes.size() * 8; ++bit) {
        chunk.bytes[bit / 8] ^= std::byte{1} << (bit % 8);
        bytes result(plane.size());
        try {
          coder.decode(chunk.bytes, chunk.filter_mask, how, result);
          // Both formats have a few spare bits; the checksum has shown that the numbers are the same.
          REQUIRE(result == plane);
        } catch (const corruption_error&) {
          ++refused;
        }
        chunk.bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      }
      CHECK(refused + 16 >= chunk.bytes.size() * 8);
    }
}

TEST_CASE("zeros that became ones are found, as on an erased page of flash") {
  codec::coder coder;
  auto plane = weights(1000);
  std::fill(plane.begin() + 2000, plane.begin() + 6000, std::byte{0});
  const settings how{method::none, 0};
  const codec::encoded_chunk chunk{coder.encode(plane, how)};
  for (const std::ptrdiff_t length : {1, 2, 8, 16, 512, 3000})
    for (std::ptrdiff_t at = 2100; at < 2130; ++at) {
      auto damaged = chunk;
      std::fill_n(damaged.bytes.begin() + at, length, std::byte{0xff});
      CHECK_THROWS_AS(decoded(coder, damaged, how, plane.size()), corruption_error);
    }
}

TEST_CASE("every truncation and every trailing byte is refused") {
  codec::coder coder;
  for (const settings& how : {settings{method::zstd, 1}, settings{method::gzip, 4}, settings{method::none, 0}}) {
    const auto plane = weights(100);
    const codec::encoded_chunk chunk{coder.encode(plane, how)};
    for (std::size_t length = 0; length < chunk.bytes.size(); ++length) {
      const bytes cut(chunk.bytes.begin(), chunk.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK_THROWS_AS(decoded(coder, {cut, chunk.filter_mask}, how, plane.size()), corruption_error);
    }
    auto longer = chunk.bytes;
    longer.push_back(std::byte{0});
    CHECK_THROWS_AS(decoded(coder, {longer, chunk.filter_mask}, how, plane.size()), corruption_error);
  }
}

TEST_CASE("a frame of another size than the plane is refused before it is decoded") {
  codec::coder coder;
  const auto plane = counts(1000);
  for (const settings& how : {settings{method::zstd, 1}, settings{method::gzip, 4}}) {
    const codec::encoded_chunk chunk{coder.encode(plane, how)};
    CHECK_THROWS_AS(decoded(coder, chunk, how, plane.size() - 8), corruption_error);
    CHECK_THROWS_AS(decoded(coder, chunk, how, plane.size() + 8), corruption_error);
    CHECK_THROWS_AS(decoded(coder, chunk, how, 0), corruption_error);
  }
}

TEST_CASE("random bytes are refused, never crash") {
  codec::coder coder;
  std::mt19937 random{11};
  for (int i = 0; i < 3000; ++i) {
    bytes data(random() % 200);
    for (auto& byte : data) byte = static_cast<std::byte>(random());
    if (i % 2 == 0 && data.size() >= 4) {
      const std::uint32_t magic = ZSTD_MAGICNUMBER;
      std::memcpy(data.data(), &magic, 4);
    }
    CHECK_THROWS_AS(decoded(coder, {data, 0}, {method::zstd, 1}, 256), corruption_error);
    CHECK_THROWS_AS(decoded(coder, {data, 0}, {method::gzip, 1}, 256), corruption_error);
  }
}

TEST_CASE("zstd frames carry size and checksum, so that plain decoders can check them") {
  codec::coder coder;
  const auto plane = weights(5000);
  const codec::encoded_chunk chunk{coder.encode(plane, {method::zstd, 1})};
  CHECK(ZSTD_getFrameContentSize(chunk.bytes.data(), chunk.bytes.size()) == plane.size());
  CHECK((chunk.bytes[4] & std::byte{4}) != std::byte{0});
  CHECK(ZSTD_findFrameCompressedSize(chunk.bytes.data(), chunk.bytes.size()) == chunk.bytes.size());
}

TEST_CASE("gzip chunks are what zlib itself writes and reads") {
  codec::coder coder;
  const auto plane = noise(300);
  codec::encoded_chunk chunk{coder.encode(plane, {method::gzip, 4})};
  REQUIRE(chunk.filter_mask == no_shuffle);
  bytes result(plane.size());
  uLongf length = result.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(result.data()), &length, reinterpret_cast<Bytef*>(chunk.bytes.data()),
                     chunk.bytes.size()) == Z_OK);
  CHECK(result == plane);
}

TEST_CASE("levels that a method does not have are refused by name") {
  for (int level : {-7, 0, 1, 19}) CHECK_NOTHROW(codec::validate({method::zstd, level}));
  for (int level : {0, 9}) CHECK_NOTHROW(codec::validate({method::gzip, level}));
  CHECK_THROWS_AS(codec::validate({method::zstd, 20}), std::invalid_argument);
  CHECK_THROWS_AS(codec::validate({method::zstd, -8}), std::invalid_argument);
  CHECK_THROWS_AS(codec::validate({method::gzip, 10}), std::invalid_argument);
  CHECK_THROWS_AS(codec::validate({method::gzip, -1}), std::invalid_argument);
}
