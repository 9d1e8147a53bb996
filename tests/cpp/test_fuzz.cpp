#include "catch.hpp"

#include "../fuzz/target.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

namespace {

/// Bytes in their places, most often; else some are inserted or gone.
void mutate(fuzz::bytes& input, std::mt19937_64& random) {
  for (auto changes = 1 + random() % 4; changes > 0 && !input.empty(); --changes) {
    const auto at = static_cast<std::ptrdiff_t>(random() % input.size());
    const auto length = std::min<std::ptrdiff_t>(1 + static_cast<std::ptrdiff_t>(random() % 8),
                                                 static_cast<std::ptrdiff_t>(input.size()) - at);
    const auto place = input.begin() + at;
    switch (random() % 8) {
      case 0:
        input.erase(place, place + length);
        break;
      case 1:
        input.insert(place, static_cast<std::size_t>(length), std::byte{0});
        break;
      case 2:
        std::fill(place, place + length, random() % 2 == 0 ? std::byte{0xff} : std::byte{0});
        break;
      case 3:
        *place ^= std::byte{1} << random() % 8;
        break;
      default:
        std::generate(place, place + length, [&] { return static_cast<std::byte>(random()); });
    }
  }
}

/// `share`: of the inputs that the environment asks for, if any.
void check(const fuzz::target& target, std::size_t usual, double share) {
  const auto* const asked = std::getenv("HUGEHIST_FUZZ_INPUTS");  // NOLINT(concurrency-mt-unsafe)
  const auto runs = asked == nullptr ? usual : std::max(usual, static_cast<std::size_t>(share * std::atof(asked)));
  const auto seeds = target.seeds();
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    INFO(target.name << ", seed " << i);
    CHECK(target.run(seeds[i]));
  }
  std::mt19937_64 random{7};
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < runs; ++i) {
    INFO(target.name << ", input " << i);
    auto input = seeds[random() % seeds.size()];
    mutate(input, random);
    bool is_accepted = false;
    REQUIRE_NOTHROW(is_accepted = target.run(input));
    accepted += is_accepted ? 1 : 0;
  }
  // It would prove nothing if all were refused, or none.
  CHECK(accepted > runs / 50);
  CHECK(accepted < runs - runs / 50);
  if (asked != nullptr) WARN(target.name << ": " << runs << " inputs, " << accepted << " accepted");
}

}  // namespace

TEST_CASE("Any bytes of a delta are a delta or refused") { check(fuzz::delta, 3000, 0.45); }
TEST_CASE("Any bytes of a file and its journal are a file or refused") { check(fuzz::file, 150, 0.1); }
TEST_CASE("Any bytes of a journal are commits or refused") { check(fuzz::journal, 3000, 0.25); }
TEST_CASE("Any bytes are decoded or refused") { check(fuzz::decoders, 5000, 0.2); }
