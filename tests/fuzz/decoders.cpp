// The small readers of bytes, which need no file around them. The first byte chooses one; those that look at a checksum
// get it mended where the second is odd.

#include "target.hpp"

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "codec/codec.hpp"
#include "store/hdf5/space_tail.hpp"
#include "store/hdf5/superblock.hpp"
#include "store/text.hpp"
#include "write/axis_bytes.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace fuzz {
namespace {

using namespace hugehist;

constexpr std::size_t plane_bytes = 1024;

bool decode_chunk(byte_view content, std::uint8_t option) {
  codec::coder coder;
  const auto method = option % 4;
  bytes plane(method == 3 ? 0 : plane_bytes);
  const codec::settings settings{static_cast<codec::method>(method % 3), 1};
  return is_accepted([&] { coder.decode(content, option / 4 % 8, settings, plane); });
}

bool read_axis(byte_view content, std::uint8_t) {
  return is_accepted([&] {
    base::byte_reader from{content};
    const auto read = write::get_axis(from);
    base::byte_writer written;
    write::put_axis(written, read);
    base::byte_reader again{written.bytes()};
    // No label of a growing axis is written; NaNs are not equal.
    const auto reread = write::get_axis(again);
    require(again.left() == 0 && reread.kind().index() == read.kind().index(), "written and read again, it is no axis");
  });
}

bool read_space(byte_view content, std::uint8_t option) {
  constexpr std::size_t superblock = 48, header = 16;
  bytes tail{content.begin(), content.end()};
  if (option % 2 == 1 && tail.size() >= header + 8) {
    set(tail, 8, std::uint64_t{tail.size() - header});
    set(tail, tail.size() - 8, base::checksum(byte_view{tail}.first(tail.size() - 8)));
  }
  constexpr std::uint64_t end = 10'000;
  bytes whole(end);
  whole.insert(whole.end(), tail.begin(), tail.end());
  const nameless_file written{whole};
  const auto read = store::hdf5::read_tail(written.get(), end, bytes(superblock));
  std::uint64_t before = 0;
  for (const auto& [offset, size] : read.free) {
    require(offset >= before && size > 0 && offset + size <= end, "free space that is none");
    before = offset + size;
  }
  return read.length > 0;
}

bool check_texts(byte_view content, std::uint8_t) {
  const std::string text{reinterpret_cast<const char*>(content.data()), content.size()};
  bool is_good = true;
  const auto check = [&](auto&& work) {
    try {
      work();
    } catch (const std::invalid_argument&) {
      is_good = false;
    }
  };
  check([&] { store::check_text(text, "text"); });
  check([&] { store::check_label(text); });
  check([&] { store::check_histogram_name(text); });
  return is_good;
}

bool change_superblock(byte_view content, std::uint8_t) {
  bytes image{content.begin(), content.end()};
  const auto length = store::hdf5::superblock_length(image);
  require(length <= image.size(), "a superblock longer than the file");
  store::hdf5::mark_superblock(std::span{image}.first(length), true);
  store::hdf5::mark_superblock(std::span{image}.first(length), false);
  store::hdf5::set_superblock_end(std::span{image}.first(length), 12'345);
  store::hdf5::mend_superblock(image);
  return length > 0;
}

constexpr std::array readers{decode_chunk, read_axis, read_space, check_texts, change_superblock};

std::vector<bytes> seeds() {
  std::vector<bytes> result;
  const auto add = [&](std::size_t reader, std::size_t option, byte_view content) {
    auto& input = result.emplace_back(bytes{static_cast<std::byte>(reader), static_cast<std::byte>(option)});
    input.insert(input.end(), content.begin(), content.end());
  };
  codec::coder coder;
  bytes plane(plane_bytes);
  for (std::size_t i = 0; i < plane.size(); i += 3) plane[i] = static_cast<std::byte>(i * i);
  for (const auto method : {codec::method::none, codec::method::zstd, codec::method::gzip}) {
    const auto encoded = coder.encode(plane, {method, 1});
    add(0, static_cast<std::size_t>(method) + 4 * encoded.filter_mask, encoded.bytes);
  }
  const std::vector<axis::any> axes{
      {axis::regular{.bins = 3, .lower = 1, .upper = 10, .transform = axis::transform::log},
       metadata_map{{"name", std::string{"größe"}}, {"a", true}, {"b", std::int64_t{-4}}, {"c", 0.5}}},
      {axis::variable{{0, 1, 3}}, "v"},
      {axis::boolean{}, "b"},
      {axis::integer{.lower = 0, .upper = 2}, "i"},
      {axis::str_category{.labels = {"e", "mu"}, .growth = false}, "c"},
      {axis::int_category{.labels = {1, -7}, .growth = false}, "n"}};
  for (const auto& axis : axes) {
    base::byte_writer out;
    write::put_axis(out, axis);
    add(1, 0, out.bytes());
  }
  const std::vector<store::hdf5::file_space::extent> free{{512, 100}, {4096, 4096}, {9000, 1000}};
  for (std::size_t option : {0, 1}) add(2, option, store::hdf5::encode_tail(free, bytes(48)));
  const std::string text = "größe/ein Name/名前";
  add(3, 0, std::as_bytes(std::span{text}));
  for (unsigned version = 0; version < 4; ++version) {
    constexpr std::array<unsigned char, 8> signature{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    bytes block(96);
    std::ranges::copy(std::as_bytes(std::span{signature}), block.begin());
    block[8] = static_cast<std::byte>(version);
    block[version < 2 ? 13 : 9] = std::byte{8};
    block[version < 2 ? 14 : 10] = std::byte{8};
    add(4, 0, block);
  }
  return result;
}

bool run(byte_view input) {
  if (input.size() < 2) return false;
  const auto chosen = std::to_integer<std::size_t>(input[0]) % readers.size();
  return readers[chosen](input.subspan(2), std::to_integer<std::uint8_t>(input[1]));
}

}  // namespace

const target decoders{"decoders", seeds, run};

}  // namespace fuzz
