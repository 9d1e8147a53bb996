#include "store/hdf5/chunk_io.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::size_t element = 8;

/// The part of the dataset under a chunk, and where it goes in the chunk.
struct chunk_window {
  handle in_file, in_memory;
};

chunk_window window_of(hid_t dataset, const std::vector<hsize_t>& offset, const std::vector<std::size_t>& shape,
                       const std::vector<std::size_t>& extents) {
  const auto rank = shape.size();
  std::vector<hsize_t> lengths(shape.begin(), shape.end()), count(rank), origin(rank, 0);
  for (std::size_t i = 0; i < rank; ++i) count[i] = std::min<hsize_t>(shape[i], extents[i] - offset[i]);
  chunk_window result{{H5Dget_space(dataset), "part of a plane"},
                      {H5Screate_simple(static_cast<int>(rank), lengths.data(), nullptr), "part of a plane"}};
  check(H5Sselect_hyperslab(result.in_file, H5S_SELECT_SET, offset.data(), nullptr, count.data(), nullptr),
        "part of a plane");
  check(H5Sselect_hyperslab(result.in_memory, H5S_SELECT_SET, origin.data(), nullptr, count.data(), nullptr),
        "part of a plane");
  return result;
}

void read_window(hid_t dataset, const chunk_window& window, hid_t memory_type, void* to) {
  check(H5Dread(dataset, memory_type, window.in_memory, window.in_file, H5P_DEFAULT, to), "reading a plane");
}

/// Whole numbers from doubles, in place.
void make_integers(std::vector<std::byte>& bytes) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  for (std::size_t at = 0; at < bytes.size(); at += element) {
    double number = 0;
    std::memcpy(&number, bytes.data() + at, element);
    if (!(number >= -limit && number < limit) || std::trunc(number) != number)
      throw format_error{"an integer storage holds " + std::to_string(number) +
                         ", which is no whole number of 64 bits"};
    const auto whole = static_cast<std::int64_t>(number);
    std::memcpy(bytes.data() + at, &whole, element);
  }
}

void refuse_large_unsigned(const std::vector<std::byte>& bytes) {
  for (std::size_t at = element - 1; at < bytes.size(); at += element)
    if ((bytes[at] & std::byte{0x80}) != std::byte{0})
      throw format_error{"an integer storage holds a number of 2^63 or more, which does not fit"};
}

}  // namespace

std::optional<std::vector<hsize_t>> chunk_offset(const chunk_coordinate& coordinate,
                                                 const std::vector<std::size_t>& shape,
                                                 const std::vector<std::size_t>& extents) {
  if (coordinate.rank != shape.size() || shape.size() != extents.size()) return std::nullopt;
  std::vector<hsize_t> offset(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (__builtin_mul_overflow(hsize_t{coordinate.index[i]}, shape[i], &offset[i]) || offset[i] >= extents[i])
      return std::nullopt;
  return offset;
}

std::uint64_t stored_chunk_bytes(hid_t dataset, const std::vector<hsize_t>& offset) {
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(dataset, offset.data(), &bytes) >= 0) return bytes;
  auto trace = take_error_stack();
  // "No such chunk" and "the index cannot be read" are one error code; only the innermost entry tells them apart.
  // Taking the second for the first would turn damage into zeros.
  if (trace.starts_with("H5D__get_chunk_storage_size: chunk storage is not allocated")) return 0;
  const auto reason = trace.substr(0, trace.find('\n'));
  throw failure{"cannot look the chunk up: " + reason, std::move(trace), 0};
}

found_chunk find_stored_chunk(hid_t dataset, const std::vector<hsize_t>& offset, std::uint64_t file_bytes,
                              driven_file* driver) {
  const auto bytes = stored_chunk_bytes(dataset, offset);
  if (bytes == 0) return {};
  if (bytes > file_bytes || bytes > std::numeric_limits<std::uint32_t>::max())
    throw failure{"the chunk is longer than the file", "", 0};
  std::uint32_t mask = 0;
  const auto read = [&](std::byte* to) {
    check(H5Dread_chunk(dataset, H5P_DEFAULT, offset.data(), &mask, to), "reading the chunk");
  };
  if (driver == nullptr) {
    codec::encoded_chunk chunk{std::vector<std::byte>(bytes), 0};
    read(chunk.bytes.data());
    chunk.filter_mask = mask;
    return chunk;
  }
  std::byte content{};  // is not written to
  const auto place = driver->locate([&] { read(&content); });
  if (!place || *place > file_bytes - bytes) throw failure{"the chunk lies beyond the end of the file", "", 0};
  return chunk_area::location{*place, static_cast<std::uint32_t>(bytes), mask};
}

void write_stored_chunk(hid_t dataset, const std::vector<hsize_t>& offset, const codec::encoded_view& chunk) {
  check(H5Dwrite_chunk(dataset, H5P_DEFAULT, chunk.filter_mask, offset.data(), chunk.bytes.size(), chunk.bytes.data()),
        "writing a chunk");
}

void write_placed_chunk(hid_t dataset, const std::vector<hsize_t>& offset, const chunk_area::location& where) {
  const std::byte content{};  // is not looked at
  check(H5Dwrite_chunk(dataset, H5P_DEFAULT, where.filter_mask, offset.data(), where.size, &content),
        "writing a chunk");
}

codec::encoded_chunk read_foreign_chunk(hid_t dataset, bool is_integer, const std::vector<hsize_t>& offset,
                                        const std::vector<std::size_t>& shape,
                                        const std::vector<std::size_t>& extents) {
  std::size_t cells = 1;
  for (auto length : shape) cells *= length;
  codec::encoded_chunk chunk{std::vector<std::byte>(cells * element), codec::unfiltered};
  const auto window = window_of(dataset, offset, shape, extents);
  const handle type{H5Dget_type(dataset), "type of a plane"};
  // HDF5 would cut fractions off and clip what is too large without a word.
  const bool floating = H5Tget_class(type) == H5T_FLOAT;
  const bool is_unsigned = !floating && H5Tget_sign(type) == H5T_SGN_NONE;
  if (!is_integer || floating) {
    read_window(dataset, window, H5T_NATIVE_DOUBLE, chunk.bytes.data());
    if (is_integer) make_integers(chunk.bytes);
  } else {
    read_window(dataset, window, is_unsigned ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, chunk.bytes.data());
    if (is_unsigned) refuse_large_unsigned(chunk.bytes);
  }
  return chunk;
}

}  // namespace hugehist::store::hdf5
