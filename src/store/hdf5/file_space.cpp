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

std::vector<file_space::extent> file_space::settle() {
  auto all = retiring_;
  for (const auto& [number, extents] : retired_) all.insert(all.end(), extents.begin(), extents.end());
  free_.for_each([&](std::uint64_t offset, std::uint64_t size) { all.push_back({offset, size}); });
  std::ranges::sort(all, {}, &extent::offset);
  std::vector<extent> joined;
  for (const auto& [offset, size] : all) {
    if (joined.empty() || offset > joined.back().offset + joined.back().size)
      joined.push_back({offset, size});
    else
      joined.back().size = std::max(joined.back().offset + joined.back().size, offset + size) - joined.back().offset;
  }
  hdf5_end_ = end_ = end();  // what is retired behind the new end is not free yet
  if (!joined.empty() && joined.back().offset + joined.back().size == end_) {
    hdf5_end_ = joined.back().offset;
    joined.pop_back();
  }
  return joined;
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
