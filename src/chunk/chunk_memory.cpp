#include "chunk/chunk_memory.hpp"

#include "chunk/aligned_buffer.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HUGEHIST_CHUNKS_ONE_BY_ONE 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HUGEHIST_CHUNKS_ONE_BY_ONE 1
#endif

namespace hugehist::chunk {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) noexcept {
  return (bytes + unit - 1) / unit * unit;
}

std::byte* map_pages(std::size_t bytes) noexcept {
  auto* const mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  ::madvise(mapped, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(mapped);
}

/// Not where the sanitizer is to see where each chunk ends, nor where address space is limited, of which the mapping
/// takes the whole budget at once.
bool may_map() noexcept {
#if defined(HUGEHIST_CHUNKS_ONE_BY_ONE)
  return false;
#else
  rlimit limit{};
  return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
#endif
}

}  // namespace

chunk_memory::~chunk_memory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void chunk_memory::map() noexcept {
  was_tried_ = true;
  if (!may_map() || budget_ == 0 || budget_ > SIZE_MAX / 2) return;
  const auto size = round_up(budget_, huge_page);
  auto* const mapped = map_pages(size + huge_page);
  if (mapped == nullptr) return;
  // Only what begins at a huge page is kept.
  const auto before = huge_page - reinterpret_cast<std::uintptr_t>(mapped) % huge_page;
  ::munmap(mapped, before);
  if (before < huge_page) ::munmap(mapped + before + size, huge_page - before);
  try {
    free_.give(0, size);
  } catch (const std::bad_alloc&) {
    ::munmap(mapped + before, size);
    return;
  }
  data_ = mapped + before;
  size_ = size;
}

chunk_memory::allocation chunk_memory::take(std::size_t bytes) {
  if (!was_tried_) map();
  const auto size = round_up(bytes, buffer_alignment);
  const auto offset = free_.take(size);
  return {offset ? data_ + *offset : take_outside(size), {this, bytes}};
}

std::byte* chunk_memory::take_outside(std::size_t size) {
  auto* const data =
      data_ == nullptr ? static_cast<std::byte*>(std::aligned_alloc(buffer_alignment, size)) : map_pages(size);
  if (data == nullptr) throw std::bad_alloc{};
  if (data_ != nullptr && outside_++ == 0) release();
  return data;
}

void chunk_memory::give(std::byte* data, std::size_t bytes) noexcept {
  const auto size = round_up(bytes, buffer_alignment);
  if (data_ == nullptr) return std::free(data);
  if (data < data_ || data >= data_ + size_) {
    ::munmap(data, size);
    --outside_;
    return;
  }
  std::pair extent{static_cast<std::uint64_t>(data - data_), std::uint64_t{size}};
  try {
    extent = free_.give(extent.first, extent.second);
  } catch (const std::bad_alloc&) {
    // No memory to remember it by: that part is not used again.
  }
  if (outside_ > 0) release(extent.first, extent.second);
}

void chunk_memory::release() noexcept {
  free_.for_each([this](std::uint64_t offset, std::uint64_t size) { release(offset, size); });
}

/// Whole pages only: others are in use at their other end.
void chunk_memory::release(std::uint64_t offset, std::uint64_t size) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = round_up(offset, page), end = (offset + size) / page * page;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace hugehist::chunk
