#include "catch.hpp"

#include "base/checksum.hpp"
#include "codec/codec.hpp"
#include "codec/row_matches.hpp"
#include "codec/zstd_coder.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <vector>

using namespace hugehist;
using bytes = std::vector<std::byte>;

namespace {

using row = std::vector<double>;

/// Rows of an analysis: many repeat an earlier one, most others have its zeros, some have nothing in common.
std::vector<double> rows(std::size_t count, std::size_t length, unsigned seed) {
  std::mt19937_64 random{seed};
  std::vector<row> made;
  const auto fresh = [&] {
    row result(length);
    const auto density = random() % 11;
    for (auto& value : result)
      if (random() % 10 < density) value = std::normal_distribution<double>{0, 1}(random);
    return result;
  };
  for (std::size_t r = 0; r < count; ++r) {
    if (made.empty()) {
      made.push_back(fresh());
      continue;
    }
    auto next = random() % 2 == 0 ? made.back() : made[random() % made.size()];
    switch (random() % 6) {
      case 0:
        next = fresh();
        break;
      case 1:
        for (auto& value : next) value *= 1.25;
        break;
      case 2:
        next[random() % length] = static_cast<double>(random() % 3);
        break;
      case 3:
        next.assign(length, 0.0);
        break;
      default:
        break;
    }
    made.push_back(next);
  }
  std::vector<double> flat;
  for (const auto& one : made) flat.insert(flat.end(), one.begin(), one.end());
  return flat;
}

bytes as_bytes(const std::vector<double>& values) {
  bytes result(values.size() * sizeof(double));
  if (!result.empty()) std::memcpy(result.data(), values.data(), result.size());
  return result;
}

/// What the matches say, followed by whoever reads them.
bytes followed(const bytes& plane, std::span<const codec::match> matches) {
  bytes result;
  for (const auto& match : matches) {
    const auto literals = plane.begin() + static_cast<std::ptrdiff_t>(result.size());
    result.insert(result.end(), literals, literals + match.literals);
    REQUIRE(match.distance > 0);
    REQUIRE(match.distance <= result.size());
    REQUIRE(match.length >= 8);
    for (std::uint32_t i = 0; i < match.length; ++i) result.push_back(result[result.size() - match.distance]);
  }
  REQUIRE(result.size() <= plane.size());
  result.insert(result.end(), plane.begin() + static_cast<std::ptrdiff_t>(result.size()), plane.end());
  return result;
}

}  // namespace

TEST_CASE("matches of rows lead back to the plane") {
  codec::row_matches matches;
  for (unsigned seed = 0; seed < 600; ++seed) {
    const std::size_t length = 8 + seed % 150;
    auto plane = as_bytes(rows(2 + seed % 40, length, seed));
    if (seed % 5 == 0) plane.resize(plane.size() + 8 * (seed % 3), std::byte{1});  // rows need not fill a plane
    std::uint64_t checksum = 0;
    const auto found = matches.find(plane, {length * 8}, checksum);
    REQUIRE(followed(plane, found) == plane);
    REQUIRE(checksum == base::checksum(plane));
  }
}

TEST_CASE("what is repeated costs nothing") {
  codec::row_matches matches;
  std::uint64_t checksum = 0;
  auto content = rows(1, 100, 1);
  for (auto& value : content) value += 1;  // no zero
  std::vector<double> plane;
  for (int i = 0; i < 50; ++i) plane.insert(plane.end(), content.begin(), content.end());
  auto found = matches.find(as_bytes(plane), {800}, checksum);
  REQUIRE(found.size() == 1);
  CHECK(found[0].literals == 800);
  CHECK(found[0].length == 49 * 800);

  // a variation in between, then the nominal again
  for (std::size_t i = 0; i < 100; ++i) plane[700 + i] *= 1.5;
  found = matches.find(as_bytes(plane), {800}, checksum);
  REQUIRE(found.size() == 3);
  CHECK(found[1].literals == 800);
  CHECK(found[1].distance == 8 * 800);  // of the row that holds the content

  // zeros of the row before, where the rest differs
  plane.assign(200, 0.0);
  for (std::size_t i = 40; i < 60; ++i) plane[i] = 1.5, plane[100 + i] = 2.5;
  found = matches.find(as_bytes(plane), {800}, checksum);
  const auto literals = [&] {
    std::size_t sum = 0;
    for (const auto& match : found) sum += match.literals;
    return sum;
  }();
  CHECK(literals <= 8 + 20 * 8 + 8 + 20 * 8);
}

TEST_CASE("frames made of rows are plain zstd frames with size and checksum") {
  codec::zstd_coder coder;
  bytes frame;
  for (unsigned seed = 0; seed < 300; ++seed) {
    // up to some MB: frames of one block and of many
    const std::size_t length = 8 + (seed * 37) % 700, count = seed % 20 == 0 ? 700 : 2 + seed % 90;
    const auto plane = as_bytes(rows(count, length, 1000 + seed));
    const auto size = coder.encode_rows(plane, {length * 8}, frame).value();
    REQUIRE(ZSTD_getFrameContentSize(frame.data(), size) == plane.size());
    REQUIRE(ZSTD_findFrameCompressedSize(frame.data(), size) == size);
    bytes back(plane.size());
    REQUIRE(ZSTD_decompress(back.data(), back.size(), frame.data(), size) == plane.size());
    REQUIRE(back == plane);
    if (seed % 3 == 0) {  // the same coder, by zstd's own search
      const auto other = coder.encode(plane, seed % 2 == 0 ? -1 : 3, frame);
      REQUIRE(ZSTD_decompress(back.data(), back.size(), frame.data(), other) == plane.size());
      REQUIRE(back == plane);
    }
    frame[size / 2] ^= std::byte{16};
    const auto damaged = ZSTD_decompress(back.data(), back.size(), frame.data(), size);
    REQUIRE((ZSTD_isError(damaged) != 0U || back == plane));
  }
}

TEST_CASE("the memory of rows that another one holds may be anything") {
  codec::coder coder;
  bytes back;
  std::mt19937_64 random{17};
  for (unsigned seed = 0; seed < 400; ++seed) {
    const std::size_t length = 8 + (seed * 53) % 900, count = seed % 10 == 0 ? 400 : 2 + seed % 60;
    auto plane = rows(count, length, 5000 + seed);
    // Blocks that do not compress, and blocks of one byte, come from planes that are all noise or all zero.
    if (seed % 4 == 1) std::ranges::generate(plane, [&] { return std::bit_cast<double>(random() >> 2); });
    if (seed % 4 == 2) std::ranges::fill(plane, 0.0);
    const auto row = [&](std::size_t r) { return plane.begin() + static_cast<std::ptrdiff_t>(r * length); };
    const auto stride = static_cast<std::ptrdiff_t>(length);
    for (std::size_t r = 1; r < count; ++r)
      if (random() % 8 < seed % 9) std::copy(row(r - 1), row(r - 1) + stride, row(r));

    std::vector<std::uint32_t> sources(count);
    auto memory = plane;
    for (std::size_t r = 0; r < count; ++r) {
      sources[r] = static_cast<std::uint32_t>(r);
      if (r == 0 || !std::equal(row(r), row(r) + stride, row(sources[r - 1]))) continue;
      sources[r] = sources[r - 1];
      const auto at = memory.begin() + static_cast<std::ptrdiff_t>(r * length);
      const auto stale = seed % 3 == 0 ? 0.0 : seed % 3 == 1 ? 1.5 : std::bit_cast<double>(random());
      std::fill(at, at + stride, stale);
    }
    for (const auto& how : {codec::settings{}, codec::settings{codec::method::zstd, 3},
                            codec::settings{codec::method::gzip, 1}, codec::settings{codec::method::none, 0}}) {
      const auto content = as_bytes(plane), as_held = as_bytes(memory);
      const auto chunk = coder.encode(as_held, how, {length * 8, sources});
      back.assign(content.size(), std::byte{1});
      coder.decode(chunk.bytes, chunk.filter_mask, how, back);
      REQUIRE(back == content);
    }
  }
}

TEST_CASE("a coder uses rows where they are as small, and only there") {
  codec::coder coder;
  const codec::settings how;
  const auto analysis = as_bytes(rows(152, 402, 5));
  const auto by_rows = coder.encode(analysis, how, {402 * 8});
  CHECK(by_rows.bytes.size() < coder.encode(analysis, how).bytes.size() * 106 / 100);

  // What repeats at other distances only zstd's own search finds.
  std::vector<double> shifted(152 * 402);
  std::mt19937_64 random{3};
  for (std::size_t i = 0; i < shifted.size(); ++i)
    shifted[i] = i < 37 ? std::normal_distribution<double>{0, 1}(random) : shifted[i - 37];
  const auto plane = as_bytes(shifted);
  for (int i = 0; i < 3; ++i) CHECK(codec::coder{}.encode(plane, how, {402 * 8}).bytes.size() < plane.size() / 50);
}

TEST_CASE("lengths that are no rows are left alone") {
  using codec::row_matches;
  CHECK(row_matches::is_worth_a_look(1000 * 8, 100 * 8));
  CHECK_FALSE(row_matches::is_worth_a_look(1000 * 8, 0));
  CHECK_FALSE(row_matches::is_worth_a_look(1000 * 8, 8));
  CHECK_FALSE(row_matches::is_worth_a_look(1000 * 8, 1000 * 8));
  CHECK_FALSE(row_matches::is_worth_a_look(std::size_t{1} << 28, 800));
  codec::coder coder;
  const codec::settings how;
  const auto plane = as_bytes(rows(10, 100, 9));
  for (const std::size_t row_bytes : {0U, 8U, 64U, 72U, 4000U, 8000U, 80000U}) {
    bytes back(plane.size());
    const auto chunk = coder.encode(plane, how, {row_bytes});
    coder.decode(chunk.bytes, chunk.filter_mask, how, back);
    CHECK(back == plane);
  }
}
