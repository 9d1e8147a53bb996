#include "store/hdf5/space_tail.hpp"

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "store/hdf5/descriptor_io.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::uint64_t magic = 0x3145434150534848;  // "HHSPACE1"
constexpr std::size_t header_bytes = 16;

}  // namespace

void put_extents(base::byte_writer& out, std::span<const file_space::extent> extents) {
  std::vector<std::uint64_t> numbers{extents.size()};
  for (const auto& [offset, size] : extents) {
    numbers.push_back(offset);
    numbers.push_back(size);
  }
  out.put_all(std::span{std::as_const(numbers)});
}

std::vector<file_space::extent> get_extents(base::byte_reader& in, std::uint64_t end) {
  std::vector<file_space::extent> extents(in.get_count<std::uint64_t>(2 * sizeof(std::uint64_t)));
  std::uint64_t before = 0;
  for (auto& [offset, size] : extents) {
    offset = in.get<std::uint64_t>();
    size = in.get<std::uint64_t>();
    if (size == 0 || offset < before || offset > end || size > end - offset) base::byte_reader::fail();
    before = offset + size;
  }
  return extents;
}

std::vector<std::byte> encode_tail(std::span<const file_space::extent> free, std::span<const std::byte> superblock) {
  if (free.empty()) return {};
  base::byte_writer content;
  content.put(std::uint64_t{superblock.size()});
  content.put_all(superblock);
  put_extents(content, free);
  base::byte_writer out;
  out.put(magic);
  out.put(std::uint64_t{content.size() + sizeof(std::uint64_t)});
  out.put_all(std::span<const std::byte>{content.bytes()});
  out.put(base::checksum(out.bytes()));
  return std::move(out.bytes());
}

space_tail read_tail(int descriptor, std::uint64_t end, std::span<const std::byte> superblock) {
  struct stat info {};
  std::array<std::uint64_t, 2> header{};
  if (::fstat(descriptor, &info) != 0 || !read_at(descriptor, end, std::as_writable_bytes(std::span{header})))
    return {};
  const auto [word, length] = header;
  const auto behind = std::max(static_cast<std::uint64_t>(info.st_size), end) - end;
  if (word != magic || behind < header_bytes || length > behind - header_bytes || length < sizeof(std::uint64_t))
    return {};
  std::vector<std::byte> bytes(header_bytes + length);
  if (!read_at(descriptor, end, bytes)) return {};
  try {
    const auto content = std::span{bytes}.first(bytes.size() - sizeof(std::uint64_t));
    base::byte_reader in{bytes};
    in.take(header_bytes);
    if (!std::ranges::equal(in.take(in.get<std::uint64_t>()), superblock)) return {};
    space_tail result;
    result.length = bytes.size();
    result.free = get_extents(in, end);
    if (in.get<std::uint64_t>() != base::checksum(content)) return {};
    return result;
  } catch (const corruption_error&) {
    return {};
  }
}

}  // namespace hugehist::store::hdf5
