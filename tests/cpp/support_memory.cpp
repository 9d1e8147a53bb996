#include "support_memory.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr long long never = std::numeric_limits<long long>::max();
std::atomic<long long> left = never;
std::atomic<std::size_t> live = 0;
std::atomic<long long> live_bytes = 0, most_bytes = 0, watched_from = 0;

}  // namespace

namespace memory {

void fail_after(std::size_t allocations) { left = static_cast<long long>(allocations); }
bool stop_failing() { return left.exchange(never) < 0; }
std::size_t blocks() { return live; }
void watch_peak() { watched_from = most_bytes = live_bytes.load(); }
std::size_t peak_bytes() { return static_cast<std::size_t>(most_bytes - watched_from); }

}  // namespace memory

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

void* allocate(std::size_t bytes, std::size_t alignment) {
  const bool fails = left.load(std::memory_order_relaxed) != never && left-- == 0;
  // An aligned size is a multiple of the alignment.
  auto* const data = fails ? nullptr : std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (data == nullptr) throw std::bad_alloc{};
  ++live;
  const long long now = live_bytes += static_cast<long long>(::malloc_usable_size(data));
  for (auto most = most_bytes.load(); now > most && !most_bytes.compare_exchange_weak(most, now);) continue;
  return data;
}

void give_back(void* data) noexcept {
  if (data != nullptr) {
    --live;
    live_bytes -= static_cast<long long>(::malloc_usable_size(data));
  }
  std::free(data);
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* data) noexcept { give_back(data); }
void operator delete(void* data, std::size_t) noexcept { give_back(data); }
void operator delete(void* data, std::align_val_t) noexcept { give_back(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { give_back(data); }

#endif
