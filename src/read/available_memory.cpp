#include "read/available_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace hugehist::read {
namespace {

constexpr auto unknown = std::numeric_limits<std::size_t>::max();

/// MemAvailable and free swap, from the kernel's own estimate.
std::size_t free_of_system() {
  std::ifstream file{"/proc/meminfo"};
  std::optional<std::size_t> available;
  std::size_t swap = 0;
  for (std::string line; std::getline(file, line);) {
    const auto value = [&line] { return static_cast<std::size_t>(std::stoull(line.substr(line.find(':') + 1))); };
    if (line.starts_with("MemAvailable:")) available = value() << 10;
    if (line.starts_with("SwapFree:")) swap = value() << 10;
  }
  return available ? *available + swap : unknown;
}

/// The limit of the control group, as in containers and batch jobs. The whole limit: what counts against it
/// already is page cache for the most part, which the kernel gives up.
std::size_t limit_of_group() {
  auto limit = unknown;
  for (const auto* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file{path};
    if (std::size_t value = 0; file >> value) limit = std::min(limit, value);  // "max" is no number
  }
  return limit;
}

}  // namespace

std::size_t available_memory() noexcept {
  try {
    return std::min(free_of_system(), limit_of_group());
  } catch (...) {
    return unknown;  // a kernel that writes it in another way; the allocation itself will tell
  }
}

}  // namespace hugehist::read
