#include "codec/zstd_coder.hpp"

#include <hugehist/error.hpp>

#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <new>
#include <string>

namespace hugehist::codec {
namespace {

void check_encoder(std::size_t code) {
  if (!ZSTD_isError(code)) return;
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) throw std::bad_alloc{};
  throw error{std::string{"zstd cannot compress: "} + ZSTD_getErrorName(code)};
}

constexpr std::size_t descriptor = 4;  // of the frame header, after the magic number
constexpr auto has_checksum = std::byte{0x04};
constexpr std::size_t checksum_bytes = 4;

/// The frame header has bits that a decoder ignores or must refuse; a flipped one is damage all the same.
bool header_is_plain(std::span<const std::byte> frame) noexcept {
  constexpr auto unused_and_reserved = std::byte{0x18};
  return frame.size() > descriptor && (frame[descriptor] & unused_and_reserved) == std::byte{0};
}

/// Whether all blocks of a frame are compressed, none raw and none one repeated byte: RFC 8878, 3.1.1.
bool has_compressed_blocks_only(std::span<const std::byte> frame) noexcept {
  constexpr std::array<std::size_t, 4> content_size_bytes{0, 2, 4, 8}, dictionary_bytes{0, 1, 2, 4};
  constexpr std::size_t block_header = 3;
  const auto flags = std::to_integer<unsigned>(frame[descriptor]);
  const bool single_segment = (flags >> 5 & 1) != 0;
  auto at = descriptor + 1 + (single_segment ? 0 : 1) + dictionary_bytes[flags & 3];
  at += flags >> 6 == 0 && single_segment ? 1 : content_size_bytes[flags >> 6];
  for (unsigned header = 0; (header & 1) == 0; at += block_header + (header >> 3)) {
    header = 0;
    for (unsigned i = 0; i < block_header; ++i) header |= std::to_integer<unsigned>(frame[at + i]) << 8 * i;
    if ((header >> 1 & 3) != 2) return false;
  }
  return true;
}

}  // namespace

void zstd_coder::release::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }
void zstd_coder::release::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

ZSTD_CCtx_s* zstd_coder::encoder() {
  if (!encoder_) {
    encoder_.reset(ZSTD_createCCtx());
    if (!encoder_) throw std::bad_alloc{};
    check_encoder(ZSTD_CCtx_setParameter(encoder_.get(), ZSTD_c_contentSizeFlag, 1));
  }
  return encoder_.get();
}

std::size_t zstd_coder::encode(std::span<const std::byte> from, int level, std::vector<std::byte>& to) {
  auto* const context = encoder();
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level));
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 0));
  if (to.size() < ZSTD_compressBound(from.size())) to.resize(ZSTD_compressBound(from.size()));
  const auto length = ZSTD_compress2(context, to.data(), to.size(), from.data(), from.size());
  check_encoder(length);
  return length;
}

std::optional<std::size_t> zstd_coder::encode_rows(std::span<const std::byte> from, const row_layout& rows,
                                                   std::vector<std::byte>& to) {
  std::uint64_t checksum = 0;
  sequences_.clear();
  for (const auto& match : rows_.find(from, rows, checksum))
    sequences_.push_back({match.distance, match.literals, match.length, 0});

  auto* const context = encoder();
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0));
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, -1));
  const auto window = std::max(ZSTD_WINDOWLOG_MIN, static_cast<int>(std::bit_width(from.size() - 1)));
  check_encoder(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window));
  const auto bound = ZSTD_compressBound(from.size()) + checksum_bytes;
  if (to.size() < bound) to.resize(bound);
  auto length = ZSTD_compressSequences(context, to.data(), to.size() - checksum_bytes, sequences_.data(),
                                       sequences_.size(), from.data(), from.size());
  ZSTD_CCtx_reset(context, ZSTD_reset_session_only);  // or it takes no parameters any more
  check_encoder(length);
  if (rows.is_shared() && !has_compressed_blocks_only(std::span{to}.first(length))) return std::nullopt;
  // The checksum is known, so zstd need not read the plane again for it: RFC 8878, 3.1.1.
  to[descriptor] |= has_checksum;
  for (std::size_t i = 0; i < checksum_bytes; ++i) to[length++] = static_cast<std::byte>(checksum >> 8 * i);
  return length;
}

void zstd_coder::decode(std::span<const std::byte> from, std::span<std::byte> to) {
  const auto content = ZSTD_getFrameContentSize(from.data(), from.size());
  if (content == ZSTD_CONTENTSIZE_ERROR || !header_is_plain(from)) throw corruption_error{"no zstd frame begins here"};
  if (content == ZSTD_CONTENTSIZE_UNKNOWN) throw corruption_error{"the zstd frame gives no size"};
  if (content != to.size())
    throw corruption_error{"the zstd frame holds " + std::to_string(content) + " bytes where " +
                           std::to_string(to.size()) + " belong"};
  if (!decoder_) {
    decoder_.reset(ZSTD_createDCtx());
    if (!decoder_) throw std::bad_alloc{};
  }
  const auto length = ZSTD_decompressDCtx(decoder_.get(), to.data(), to.size(), from.data(), from.size());
  if (ZSTD_isError(length)) throw corruption_error{std::string{"zstd refuses the bytes: "} + ZSTD_getErrorName(length)};
  if (length != to.size()) throw corruption_error{"the zstd frame is shorter than it says"};
}

}  // namespace hugehist::codec
