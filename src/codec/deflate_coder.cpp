#include "codec/deflate_coder.hpp"

#include <hugehist/error.hpp>

#include <zlib.h>

#include <limits>
#include <new>
#include <stdexcept>

namespace hugehist::codec {
namespace {

/// zlib counts in 32 bits; planes are far below that (see chunk/policy.hpp).
uInt narrow(std::size_t length) {
  if (length > std::numeric_limits<uInt>::max())
    throw std::invalid_argument{"gzip cannot code 4 GiB at once: ask for smaller chunks"};
  return static_cast<uInt>(length);
}

Bytef* bytes_of(const std::byte* data) noexcept {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data));  // zlib does not write its input
}

}  // namespace

struct deflate_coder::streams {
  z_stream deflate{};
  z_stream inflate{};
  bool can_deflate = false;
  bool can_inflate = false;
  int level = 0;

  ~streams() {
    if (can_deflate) deflateEnd(&deflate);
    if (can_inflate) inflateEnd(&inflate);
  }
};

deflate_coder::deflate_coder() = default;
deflate_coder::~deflate_coder() = default;

std::size_t deflate_coder::encode(std::span<const std::byte> from, int level, std::vector<std::byte>& to) {
  if (!streams_) streams_ = std::make_unique<streams>();
  auto& stream = streams_->deflate;
  if (streams_->can_deflate && streams_->level != level) {
    deflateEnd(&stream);
    stream = {};
    streams_->can_deflate = false;
  }
  if (!streams_->can_deflate) {
    if (deflateInit(&stream, level) != Z_OK) throw std::bad_alloc{};
    streams_->can_deflate = true;
    streams_->level = level;
  } else {
    deflateReset(&stream);
  }
  const auto bound = deflateBound(&stream, from.size());
  if (to.size() < bound) to.resize(bound);
  stream.next_in = bytes_of(from.data());
  stream.avail_in = narrow(from.size());
  stream.next_out = bytes_of(to.data());
  stream.avail_out = narrow(to.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw error{"zlib cannot compress a chunk"};
  return stream.total_out;
}

void deflate_coder::decode(std::span<const std::byte> from, std::span<std::byte> to) {
  if (!streams_) streams_ = std::make_unique<streams>();
  auto& stream = streams_->inflate;
  if (!streams_->can_inflate) {
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc{};
    streams_->can_inflate = true;
  } else {
    inflateReset(&stream);
  }
  stream.next_in = bytes_of(from.data());
  stream.avail_in = narrow(from.size());
  stream.next_out = bytes_of(to.data());
  stream.avail_out = narrow(to.size());
  const auto status = ::inflate(&stream, Z_FINISH);
  if (status == Z_MEM_ERROR) throw std::bad_alloc{};
  if (status != Z_STREAM_END)
    throw corruption_error{std::string{"zlib refuses the bytes: "} +
                           (stream.msg != nullptr ? stream.msg : "the stream has another length")};
  if (stream.total_out != to.size() || stream.avail_in != 0)
    throw corruption_error{"the zlib stream has another length than the chunk"};
}

}  // namespace hugehist::codec
