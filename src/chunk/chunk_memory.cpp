#include "chunk/chunk_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace hugehist::chunk {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) noexcept {
  return (bytes + unit - 1) / unit * unit;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool may_map = false;  // each chunk alone, so that the sanitizer sees where it ends
#else
constexpr bool may_map = true;
#endif

}  // namespace

chunk_memory::~chunk_memory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

/// Address space for all chunks. Where there is none (a limit of the system), chunks are allocated one by one.
void chunk_memory::map() noexcept {
  is_mapped_ = true;
  if (!may_map || budget_ > SIZE_MAX / 2) return;
  const auto wanted = round_up(budget_, huge_page) + huge_page;
  auto* const mapped =
      ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return;
  try {
    const auto skipped = (huge_page - reinterpret_cast<std::uintptr_t>(mapped) % huge_page) % huge_page;
    free_.give(skipped, wanted - huge_page);
  } catch (const std::bad_alloc&) {
    ::munmap(mapped, wanted);
    return;
  }
  data_ = static_cast<std::byte*>(mapped);
  size_ = wanted;
  ::madvise(data_, size_, MADV_HUGEPAGE);
}

std::byte* chunk_memory::take(std::size_t bytes) {
  if (!is_mapped_) map();
  const auto size = round_up(bytes, cache_line);
  if (const auto offset = free_.take(size)) return data_ + *offset;
  release();  // so that both together stay within the budget
  auto* const data = static_cast<std::byte*>(std::aligned_alloc(cache_line, size));
  if (data == nullptr) throw std::bad_alloc{};
  return data;
}

void chunk_memory::give_back(std::byte* data, std::size_t bytes) noexcept {
  const bool is_ours = data_ != nullptr && data >= data_ && data < data_ + size_;
  if (!is_ours) {
    std::free(data);
    return;
  }
  try {
    free_.give(static_cast<std::uint64_t>(data - data_), round_up(bytes, cache_line));
  } catch (const std::bad_alloc&) {
    // No memory to remember it by: that part is not used again.
  }
}

void chunk_memory::release() noexcept {
  free_.for_each([this](std::uint64_t offset, std::uint64_t size) {
    const auto begin = round_up(offset, huge_page), end = (offset + size) / huge_page * huge_page;
    if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
  });
}

}  // namespace hugehist::chunk
