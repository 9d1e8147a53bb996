#include "catch.hpp"

#include "chunk/chunk_memory.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

using hugehist::chunk::chunk_memory;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct taken {
  std::byte* data;
  std::size_t bytes;
  unsigned char content;

  void fill() const { std::memset(data, content, bytes); }
  bool is_whole() const {
    for (std::size_t i = 0; i < bytes; ++i)
      if (data[i] != std::byte{content}) return false;
    return true;
  }
};

}  // namespace

TEST_CASE("chunks of any size have memory of their own, within the budget and beyond it") {
  std::mt19937 random{4};
  chunk_memory memory{8 * mebibyte};
  std::vector<taken> held;
  const auto give_back_one = [&] {
    std::swap(held[random() % held.size()], held.back());
    REQUIRE(held.back().is_whole());
    memory.give_back(held.back().data, held.back().bytes);
    held.pop_back();
  };
  for (int step = 0; step < 2000; ++step) {
    if (!held.empty() && (held.size() > 30 || random() % 3 == 0)) {
      give_back_one();
    } else {
      const std::size_t bytes = 1 + random() % mebibyte;
      held.push_back({memory.take(bytes), bytes, static_cast<unsigned char>(random())});
      REQUIRE(reinterpret_cast<std::uintptr_t>(held.back().data) % 64 == 0);
      held.back().fill();
    }
    if (step % 100 == 0) memory.release();  // nothing that is held
  }
  while (!held.empty()) give_back_one();
}

TEST_CASE("chunk memory works for a budget of nothing and for one that the system does not have") {
  for (const auto budget : {std::size_t{0}, std::size_t{1} << 60, SIZE_MAX}) {
    chunk_memory memory{budget};
    auto* const data = memory.take(1000);
    std::memset(data, 1, 1000);
    memory.give_back(data, 1000);
    memory.release();
  }
}
