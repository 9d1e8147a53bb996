#include "chunk/chunk_io.hpp"

#include <hugehist/error.hpp>
#include <hugehist/storage.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace hugehist::chunk {
namespace {

std::string describe(const store::chunk_coordinate& coordinate) {
  std::string text = "(";
  for (const auto index : coordinate.indices()) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(index);
  }
  return text + ")";
}

}  // namespace

bool all_zero(const std::byte* data, std::size_t bytes) noexcept {
  constexpr std::size_t block = 512;  // large enough to be vectorised, small enough to stop early
  std::array<std::uint64_t, block / 8> words;
  while (bytes >= block) {
    std::memcpy(words.data(), data, block);
    std::uint64_t any = 0;
    for (const auto word : words) any |= word;
    if (any != 0) return false;
    data += block;
    bytes -= block;
  }
  return std::all_of(data, data + bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Of the rows that hold their content; without rows of the plane.
bool all_zero(std::span<const std::byte> plane, std::span<const std::uint32_t> sources,
              std::size_t row_bytes) noexcept {
  if (sources.empty()) return all_zero(plane.data(), plane.size());
  for (std::size_t r = 0; r < sources.size(); ++r)
    if (sources[r] == r && !all_zero(plane.data() + r * row_bytes, row_bytes)) return false;
  return true;
}

/// A coder for the time of one call; it goes back to the idle ones.
class chunk_io::borrowed_coder {
 public:
  explicit borrowed_coder(chunk_io& io) : io_{io} {
    {
      const std::lock_guard lock{io_.coders_mutex_};
      if (!io_.idle_coders_.empty()) {
        coder_ = std::move(io_.idle_coders_.back());
        io_.idle_coders_.pop_back();
      }
    }
    if (!coder_) coder_ = std::make_unique<codec::coder>();
  }
  ~borrowed_coder() {
    try {
      const std::lock_guard lock{io_.coders_mutex_};
      io_.idle_coders_.push_back(std::move(coder_));
    } catch (const std::bad_alloc&) {
      // Then the next call makes a new one.
    }
  }
  borrowed_coder(const borrowed_coder&) = delete;
  borrowed_coder& operator=(const borrowed_coder&) = delete;
  codec::coder* operator->() const noexcept { return coder_.get(); }

 private:
  chunk_io& io_;
  std::unique_ptr<codec::coder> coder_;
};

bool chunk_io::read(const chunk_format& format, const store::chunk_key& key, std::byte* data) {
  assert(format.planes <= max_planes);
  std::array<std::optional<codec::encoded_chunk>, max_planes> encoded;
  std::uint64_t bytes = 0;
  bool any = false;
  for (std::size_t plane = 0; plane < format.planes; ++plane) {
    encoded[plane] = fetch(key, plane);
    if (!encoded[plane]) continue;
    any = true;
    bytes += encoded[plane]->bytes.size();
  }
  if (!any) return false;

  borrowed_coder coder{*this};
  for (std::size_t plane = 0; plane < format.planes; ++plane) {
    const std::span<std::byte> target{data + plane * format.plane_bytes, format.plane_bytes};
    if (!encoded[plane]) {
      std::memset(target.data(), 0, target.size());
      continue;
    }
    try {
      coder->decode(encoded[plane]->bytes, encoded[plane]->filter_mask, format.codec, target);
    } catch (const corruption_error& damage) {
      throw_corrupt(key, plane, damage.what());
    }
  }
  ++chunks_read_;
  bytes_read_ += bytes;
  return true;
}

void chunk_io::write(const chunk_format& format, const store::chunk_key& key, const std::byte* data,
                     const row_sources& rows) {
  borrowed_coder coder{*this};
  bool any = false;
  for (std::size_t plane = 0; plane < format.planes; ++plane) {
    const std::span<const std::byte> source{data + plane * format.plane_bytes, format.plane_bytes};
    if (all_zero(source, rows.plane(plane), format.row_bytes) && !is_stored(key, plane)) continue;
    const auto encoded = coder->encode(source, format.codec, {format.row_bytes, rows.plane(plane)});
    const auto where = store_.area().write(encoded);
    {
      const std::lock_guard lock{store_mutex_};
      store_.set_chunk(key, plane, where);
    }
    any = true;
    bytes_written_ += encoded.bytes.size();
  }
  if (any) ++chunks_written_;
}

bool chunk_io::exists(const chunk_format& format, const store::chunk_key& key) {
  for (std::size_t plane = 0; plane < format.planes; ++plane)
    if (is_stored(key, plane)) return true;
  return false;
}

std::optional<codec::encoded_chunk> chunk_io::fetch(const store::chunk_key& key, std::size_t plane) {
  try {
    store::found_chunk found;
    {
      const std::lock_guard lock{store_mutex_};
      found = store_.find_chunk(key, plane);
    }
    return content_of(std::move(found), store_.area());
  } catch (const corruption_error& damage) {
    throw_corrupt(key, plane, damage.what());
  }
}

bool chunk_io::is_stored(const store::chunk_key& key, std::size_t plane) {
  const std::lock_guard lock{store_mutex_};
  return store_.has_chunk(key, plane);
}

void chunk_io::throw_corrupt(const store::chunk_key& key, std::size_t plane, const char* reason) {
  const std::lock_guard lock{store_mutex_};
  const auto known = planes(store_.record(key.histogram).schema.kind);
  const auto plane_name = plane < known.size() ? std::string{known[plane].name} : std::to_string(plane);
  throw corruption_error{store_.name() + ": histogram '" + store_.name_of(key.histogram) + "': chunk " +
                         describe(key.coordinate) + " of '" + plane_name + "' is damaged (" + reason +
                         "): restore the file from a copy; the other chunks can still be read"};
}

}  // namespace hugehist::chunk
