#include "support_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr long long never = std::numeric_limits<long long>::max();
std::atomic<long long> left = never;
std::atomic<std::size_t> live = 0;

}  // namespace

namespace memory {

void fail_after(std::size_t allocations) { left = static_cast<long long>(allocations); }
bool stop_failing() { return left.exchange(never) < 0; }
std::size_t blocks() { return live; }

}  // namespace memory

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

void* allocate(std::size_t bytes, std::size_t alignment) {
  const bool fails = left.load(std::memory_order_relaxed) != never && left-- == 0;
  // An aligned size is a multiple of the alignment.
  auto* const data = fails ? nullptr : std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (data == nullptr) throw std::bad_alloc{};
  ++live;
  return data;
}

void give_back(void* data) noexcept {
  if (data != nullptr) --live;
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
