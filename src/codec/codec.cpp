#include "codec/codec.hpp"

#include "codec/deflate_coder.hpp"
#include "codec/shuffle.hpp"
#include "codec/way_choice.hpp"
#include "codec/zstd_coder.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <stdexcept>

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;

/// How much of a plane is encoded to find the best way; the nominal and some variations.
constexpr std::size_t sample_bytes = 128 << 10;

// Bits of the filter mask, in the order in which the dataset declares its filters.
constexpr std::uint32_t no_shuffle = 1;
constexpr std::uint32_t no_compression = 2;

/// What is not compressed is stored by deflate, which adds a checksum and nothing else.
constexpr int stored = 0;

constexpr const char* without_checksum =
    "another program wrote the chunk without the filter that has its checksum: have it write again with that filter "
    "(zstd: hdf5plugin)";

void check_size(std::span<const std::byte> bytes, std::size_t wanted) {
  if (bytes.size() != wanted)
    throw corruption_error{"the chunk holds " + std::to_string(bytes.size()) + " bytes where " +
                           std::to_string(wanted) + " belong"};
}

void check_level(int level, int lowest, int highest, const char* method) {
  if (level < lowest || level > highest)
    throw std::invalid_argument{std::string{method} + " has levels " + std::to_string(lowest) + " to " +
                                std::to_string(highest) + ", not " + std::to_string(level)};
}

}  // namespace

void validate(const settings& settings) {
  switch (settings.method) {
    case method::zstd:
      return check_level(settings.level, -7, 19, "zstd");
    case method::gzip:
      return check_level(settings.level, 0, 9, "gzip");
    case method::none:
      return;
  }
  throw std::invalid_argument{"unknown compression method"};
}

struct coder::impl {
  zstd_coder zstd;
  deflate_coder deflate;
  way_choice choice;
  std::vector<std::byte> shuffled, expanded;
  std::vector<std::byte> packed;

  /// Into `packed`; returns how many bytes that are.
  std::size_t compress(std::span<const std::byte> plane, way way, const settings& settings, const row_layout& rows) {
    if (way == way::rows) {
      const auto length = zstd.encode_rows(plane, rows, packed);
      return length ? *length : *zstd.encode_rows(written_out(plane, rows), {rows.bytes}, packed);
    }
    const auto whole = written_out(plane, rows);
    const auto from = way == way::shuffled ? shuffle(whole) : whole;
    return settings.method == method::zstd ? zstd.encode(from, settings.level, packed)
                                           : deflate.encode(from, settings.level, packed);
  }

  void decompress(std::span<const std::byte> from, const settings& settings, std::span<std::byte> to) {
    if (settings.method == method::zstd)
      zstd.decode(from, to);
    else
      deflate.decode(from, to);
  }

  /// The plane with all rows in their places.
  std::span<const std::byte> written_out(std::span<const std::byte> plane, const row_layout& rows) {
    if (!rows.is_shared()) return plane;
    expanded.resize(plane.size());
    for (std::size_t at = 0; at < plane.size(); at += rows.bytes)
      std::memcpy(expanded.data() + at, plane.data() + rows.place_of(at), rows.bytes);
    return expanded;
  }

  std::span<const std::byte> shuffle(std::span<const std::byte> plane) {
    shuffled.resize(plane.size());
    codec::shuffle(plane.data(), shuffled.data(), plane.size() / element);
    return shuffled;
  }
};

coder::coder() : impl_{std::make_unique<impl>()} {}
coder::~coder() = default;
coder::coder(coder&&) noexcept = default;
coder& coder::operator=(coder&&) noexcept = default;

encoded_view coder::encode(std::span<const std::byte> plane, const settings& settings, const row_layout& rows) {
  assert(plane.size() % element == 0);
  auto& state = *impl_;
  if (settings.method == method::none) {
    const auto length = state.deflate.encode(state.written_out(plane, rows), stored, state.packed);
    return {std::span{state.packed}.first(length), 0};
  }
  const bool has_rows =
      settings.method == method::zstd && settings.level < 0 && row_matches::is_worth_a_look(plane.size(), rows.bytes);
  const auto ways = state.choice.ways(plane, rows, has_rows);
  auto best = ways.front();
  if (ways.size() > 1) {
    const auto unit = rows.bytes > 0 ? rows.bytes : element;
    const auto sample = plane.first(std::min(plane.size(), std::max(sample_bytes / unit, std::size_t{2}) * unit));
    auto sample_rows = rows;
    if (!rows.sources.empty()) sample_rows.sources = rows.sources.first(sample.size() / unit);
    std::array<std::size_t, 3> sizes;
    for (std::size_t i = 0; i < ways.size(); ++i) sizes[i] = state.compress(sample, ways[i], settings, sample_rows);
    best = state.choice.learn(std::span{sizes}.first(ways.size()));
  }
  const auto length = state.compress(plane, best, settings, rows);
  return {std::span{state.packed}.first(length), best == way::shuffled ? 0 : no_shuffle};
}

void coder::decode(std::span<const std::byte> bytes, std::uint32_t filter_mask, const settings& settings,
                   std::span<std::byte> plane) {
  assert(plane.size() % element == 0);
  auto& state = *impl_;
  if (settings.method == method::none) {
    if (filter_mask == unfiltered) {
      check_size(bytes, plane.size());
      std::ranges::copy(bytes, plane.begin());
      return;
    }
    if (filter_mask != 0) throw corruption_error{without_checksum};
    return state.deflate.decode(bytes, plane);
  }
  if ((filter_mask & ~(no_shuffle | no_compression)) != 0)
    throw corruption_error{"the filter mask names filters that the dataset does not have"};
  if ((filter_mask & no_compression) != 0) throw corruption_error{without_checksum};
  if ((filter_mask & no_shuffle) != 0) return state.decompress(bytes, settings, plane);
  if (state.shuffled.capacity() < plane.size()) std::vector<std::byte>{}.swap(state.shuffled);  // never both
  state.shuffled.resize(plane.size());
  state.decompress(bytes, settings, state.shuffled);
  unshuffle(state.shuffled.data(), plane.data(), plane.size() / element);
}

}  // namespace hugehist::codec
