#include "store/hdf5/file_space.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace hugehist::store::hdf5 {

void file_space::begin(std::span<const extent> free, std::uint64_t number, std::uint64_t end) {
  if (!free.empty()) retired_.push_back({number, {free.begin(), free.end()}});
  end_ = end;
}

void file_space::forget_free() noexcept {
  free_ = {};
  retired_.clear();
}

std::uint64_t file_space::place(std::uint64_t size) {
  if (const auto offset = free_.take_low(size)) return *offset;
  const auto offset = end();
  end_ = offset + size;
  return offset;
}

void file_space::give_back(std::uint64_t offset, std::uint64_t size) noexcept {
  try {
    free_.give(offset, size);
  } catch (const std::bad_alloc&) {
    return;  // then nobody uses that space again
  }
  end_ = free_.trim(end_, hdf5_end_);
}

void file_space::keep(std::uint64_t offset) {
  std::erase_if(retiring_, [&](const extent& one) { return one.offset == offset; });
}

base::free_extents file_space::all_free_after() const {
  auto all = free_;
  for (const auto& [number, extents] : retired_)
    for (const auto& [offset, size] : extents) all.give(offset, size);
  for (const auto& [offset, size] : retiring_) all.give(offset, size);
  return all;
}

std::vector<file_space::extent> file_space::free_after() const {
  std::vector<extent> result;
  all_free_after().for_each([&](std::uint64_t offset, std::uint64_t size) {
    if (offset < hdf5_end_) result.push_back({offset, size});
  });
  return result;
}

void file_space::settle_end() {
  end_ = end();  // what is retired behind the new end is not free yet
  hdf5_end_ = all_free_after().trim(end_, 0);
}

void file_space::committed(std::uint64_t number) noexcept {
  try {
    retired_.push_back({number, std::move(retiring_)});
  } catch (const std::bad_alloc&) {
    // then nobody uses that space again
  }
  retiring_.clear();
}

std::uint64_t file_space::retired_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& [number, extents] : retired_)
    for (const auto& [offset, size] : extents) bytes += size;
  return bytes;
}

void file_space::release(std::uint64_t number) noexcept {
  for (; !retired_.empty() && retired_.front().number <= number; retired_.pop_front()) {
    for (const auto& [offset, size] : retired_.front().extents) {
      try {
        free_.give(offset, size);
      } catch (const std::bad_alloc&) {
        continue;  // then nobody uses that space again
      }
    }
  }
  end_ = free_.trim(end_, hdf5_end_);  // last: an extent may be there twice
}

}  // namespace hugehist::store::hdf5
