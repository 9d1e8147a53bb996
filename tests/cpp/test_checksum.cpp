#include "catch.hpp"

#include "base/checksum.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

using hugehist::base::checksum;

namespace {

std::vector<std::byte> bytes(const std::string& text) {
  std::vector<std::byte> result(text.size());
  if (!text.empty()) std::memcpy(result.data(), text.data(), text.size());
  return result;
}

/// The input of xxHash's own sanity check: bytes of a multiplicative generator.
std::vector<std::byte> generated(std::size_t length) {
  std::vector<std::byte> result(length);
  std::uint64_t state = 2654435761U;
  for (auto& byte : result) {
    byte = static_cast<std::byte>(state >> 56);
    state *= 11400714785074694797ULL;
  }
  return result;
}

}  // namespace

TEST_CASE("XXH64 gives the published values") {
  CHECK(checksum(bytes("")) == 0xEF46DB3751D8E999ULL);
  CHECK(checksum(bytes("a")) == 0xD24EC4F1A98C6E5BULL);
  CHECK(checksum(bytes("abc")) == 0x44BC2CF5AD770999ULL);
  CHECK(checksum(bytes("Nobody inspects the spammish repetition")) == 0xFBCEA83C8A378BF1ULL);
}

TEST_CASE("XXH64 agrees with xxHash's own sanity check") {
  constexpr std::uint64_t seed = 2654435761U;
  CHECK(checksum(generated(0), seed) == 0xAC75FDA2929B17EFULL);
  CHECK(checksum(generated(1)) == 0xE934A84ADB052768ULL);
  CHECK(checksum(generated(1), seed) == 0x5014607643A9B4C3ULL);
  CHECK(checksum(generated(4)) == 0x9136A0DCA57457EEULL);
  CHECK(checksum(generated(14)) == 0x8282DCC4994E35C8ULL);
  CHECK(checksum(generated(14), seed) == 0xC3BD6BF63DEB6DF0ULL);
  CHECK(checksum(generated(222)) == 0xB641AE8CB691C174ULL);
  CHECK(checksum(generated(222), seed) == 0x20CB8AB7AE10C14AULL);
}

TEST_CASE("every single flipped bit changes the checksum") {
  for (std::size_t length : {1U, 4U, 8U, 31U, 32U, 33U, 100U}) {
    auto data = generated(length);
    const auto whole = checksum(data);
    for (std::size_t bit = 0; bit < length * 8; ++bit) {
      data[bit / 8] ^= std::byte{1} << (bit % 8);
      CHECK(checksum(data) != whole);
      data[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST_CASE("bytes in parts give the checksum of the whole") {
  for (std::size_t length : {0U, 1U, 31U, 32U, 33U, 64U, 200U, 1000U}) {
    const auto data = generated(length);
    for (std::size_t part : {1U, 3U, 8U, 31U, 32U, 33U, 100U, 333U}) {
      hugehist::base::checksum_stream stream{7};
      for (std::size_t at = 0; at < length; at += part)
        stream.add(std::span{data}.subspan(at, std::min(part, length - at)));
      CHECK(stream.value() == checksum(data, 7));
    }
  }
}
