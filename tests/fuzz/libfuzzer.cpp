// One target under libFuzzer: HUGEHIST_FUZZ_TARGET names it.
//
// No corpus is needed: the mutator begins with what the library writes. It mostly changes a few bytes in their places,
// since what moves all that follows is refused early.

#include "target.hpp"

#include <cstdint>
#include <cstdlib>
#include <random>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

const fuzz::target& chosen = fuzz::HUGEHIST_FUZZ_TARGET;

std::size_t take_seed(std::minstd_rand& random, std::uint8_t* data, std::size_t max_size) {
  static const auto seeds = chosen.seeds();
  const auto& seed = seeds[random() % seeds.size()];
  if (seed.size() > max_size) return 0;
  std::memcpy(data, seed.data(), seed.size());
  return seed.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen.run(std::as_bytes(std::span{data, size}));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  constexpr std::size_t few = 64;
  std::minstd_rand random{seed};
  if (size <= 1 || random() % 256 == 0)
    if (const auto length = take_seed(random, data, max_size); length > 0) size = length;
  if (size < 2 || random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const auto at = random() % size;
  const auto length = std::min<std::size_t>(1 + random() % few, size - at);
  LLVMFuzzerMutate(data + at, length, length);
  return size;
}
