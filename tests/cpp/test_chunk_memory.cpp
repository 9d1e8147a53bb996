#include "catch.hpp"

#include "chunk/chunk_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

using hugehist::chunk::chunk_memory;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct taken {
  chunk_memory::allocation data;
  std::size_t bytes;
  unsigned char content;

  void fill() const { std::memset(data.get(), content, bytes); }
  bool is_whole() const {
    for (std::size_t i = 0; i < bytes; ++i)
      if (data[i] != std::byte{content}) return false;
    return true;
  }
};

/// Of this process, in bytes: address space, and the part of it that has memory.
struct process_memory {
  std::size_t mapped = 0;
  std::size_t resident = 0;
};

process_memory now() {
  process_memory pages;
  std::ifstream{"/proc/self/statm"} >> pages.mapped >> pages.resident;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return {pages.mapped * page, pages.resident * page};
}

/// Whether what the process has is what the chunks have: not beside the memory that sanitizers keep of their own,
/// which also takes address space by the terabyte.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HUGEHIST_SANITIZED_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HUGEHIST_SANITIZED_MEMORY)
constexpr bool is_measurable = false;
#else
constexpr bool is_measurable = true;
#endif

}  // namespace

TEST_CASE("chunks of any size have memory of their own, within the budget and beyond it") {
  std::mt19937 random{4};
  chunk_memory memory{8 * mebibyte};
  std::vector<taken> held;
  const auto give_back_one = [&] {
    std::swap(held[random() % held.size()], held.back());
    REQUIRE(held.back().is_whole());
    held.pop_back();
  };
  for (int step = 0; step < 2000; ++step) {
    if (!held.empty() && (held.size() > 30 || random() % 3 == 0)) {
      give_back_one();
    } else {
      const std::size_t bytes = 1 + random() % mebibyte;
      held.push_back({memory.take(bytes), bytes, static_cast<unsigned char>(random())});
      REQUIRE(reinterpret_cast<std::uintptr_t>(held.back().data.get()) % 64 == 0);
      held.back().fill();
    }
    if (step % 100 == 0) memory.release();  // nothing that is held
  }
  while (!held.empty()) give_back_one();
}

TEST_CASE("chunk memory works for a budget of nothing and for one that the system does not have") {
  for (const auto budget : {std::size_t{0}, std::size_t{1} << 60, SIZE_MAX}) {
    chunk_memory memory{budget};
    const auto data = memory.take(1000);
    std::memset(data.get(), 1, 1000);
    memory.release();
  }
}

TEST_CASE("memory stays within the budget when small chunks leave gaps too small for large ones") {
  if (!is_measurable || now().resident == 0) return;
  constexpr auto budget = 64 * mebibyte, small = mebibyte / 16 + 64, large = mebibyte;
  constexpr auto most = budget + 4 * mebibyte;
  const auto before = now().resident;
  chunk_memory memory{budget};
  std::vector<chunk_memory::allocation> held, large_held;
  const auto take = [&](std::size_t bytes) {
    auto data = memory.take(bytes);
    std::memset(data.get(), 1, bytes);
    return data;
  };
  std::size_t used = 0;
  for (; used + small <= budget; used += small) held.push_back(take(small));
  CHECK(now().resident - before > budget / 2);
  for (std::size_t next = 0; next < held.size(); ++next) {
    if (next % 16 == 0) continue;  // stays
    held[next].reset();
    used -= small;
    if (used + large > budget) continue;
    large_held.push_back(take(large));
    used += large;
    REQUIRE(now().resident < before + most);
  }
  for (auto& data : held) {  // gaps that are filled by other small ones
    data = take(small / 16);
    REQUIRE(now().resident < before + most);
  }
  held.clear();
  large_held.clear();
  memory.release();
  CHECK(now().resident < before + 4 * mebibyte);
}

TEST_CASE("where address space is limited, chunks take it one by one") {
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_AS, &unlimited) == 0);
  if (!is_measurable || unlimited.rlim_cur != RLIM_INFINITY || now().mapped == 0) return;
  constexpr auto budget = std::size_t{1} << 36;
  const auto taken_by_one_chunk = [&](rlim_t limit) {
    const rlimit limited{limit, unlimited.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_AS, &limited) == 0);
    const auto before = now().mapped;
    chunk_memory memory{budget};
    const auto data = memory.take(mebibyte);
    std::memset(data.get(), 1, mebibyte);
    const auto after = now().mapped;
    REQUIRE(::setrlimit(RLIMIT_AS, &unlimited) == 0);
    return after - before;
  };
  CHECK(taken_by_one_chunk(RLIM_INFINITY) >= budget);
  CHECK(taken_by_one_chunk(rlim_t{1} << 46) < budget);
}
