// A delta from the network. First byte odd: what follows are the head and the frames of the body, decoded, each after
// its length (32 bits), and they are put together with right sizes and checksums; else the bytes of a delta.

#include "target.hpp"

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "codec/codec.hpp"
#include "write/delta_format.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/file.hpp>

#include <algorithm>
#include <stdexcept>

namespace fuzz {
namespace {

using namespace hugehist;
using base::byte_writer;

constexpr std::uint32_t not_shuffled = 1;

/// A zstd frame that compresses nothing: raw blocks, with content size and checksum.
bytes stored_frame(byte_view content) {
  constexpr std::uint32_t magic = 0xfd2fb528;
  constexpr std::uint8_t described = 0xe4;  // eight bytes of content size, one segment, a checksum
  constexpr std::size_t most = std::size_t{1} << 17;
  byte_writer out;
  out.put(magic);
  out.put(described);
  out.put(std::uint64_t{content.size()});
  for (std::size_t at = 0; at == 0 || at < content.size(); at += most) {
    const auto block = content.subspan(at, std::min(most, content.size() - at));
    const auto header = static_cast<std::uint32_t>(block.size() << 3 | (at + block.size() == content.size() ? 1 : 0));
    out.put_all(std::as_bytes(std::span{&header, 1}).first(3));
    out.put_all(block);
  }
  out.put(static_cast<std::uint32_t>(base::checksum(content)));
  return std::move(out.bytes());
}

bytes with_prelude(std::size_t head_size, const bytes& head, const bytes& body) {
  byte_writer out;
  out.put_all(std::span<const char>{write::delta_format::magic});
  out.put(write::delta_format::version);
  out.put(not_shuffled);
  out.put(std::uint64_t{head_size});
  out.put(std::uint64_t{head.size()});
  out.put(std::uint64_t{body.size()});
  out.put(base::checksum(head));
  out.put(base::checksum(body));
  out.put(base::checksum(out.bytes()));
  out.put_all(byte_view{head});
  out.put_all(byte_view{body});
  return std::move(out.bytes());
}

/// Lengths that go beyond the end are cut.
bytes put_together(byte_view parts) {
  const auto take_part = [&] {
    const auto length = std::min<std::size_t>(get<std::uint32_t>(parts, 0), parts.size() - sizeof(std::uint32_t));
    const auto part = parts.subspan(sizeof(std::uint32_t), length);
    parts = parts.subspan(sizeof(std::uint32_t) + length);
    return part;
  };
  const auto head = parts.size() < sizeof(std::uint32_t) ? byte_view{} : take_part();
  bytes body;
  while (parts.size() >= sizeof(std::uint32_t)) {
    const auto frame = stored_frame(take_part());
    body.insert(body.end(), frame.begin(), frame.end());
  }
  return with_prelude(head.size(), stored_frame(head), body);
}

/// What put_together() makes a delta of. REQUIRES: its body is one frame
bytes taken_apart(byte_view whole) {
  constexpr std::size_t prelude = write::delta_format::prelude_bytes;
  codec::coder coder;
  const auto decoded = [&](std::size_t at, std::size_t length, std::uint32_t mask, std::size_t size) {
    bytes result(size);
    coder.decode(whole.subspan(at, length), mask, write::delta_format::settings, result);
    return result;
  };
  const auto head_bytes = get<std::uint64_t>(whole, 24), body_bytes = get<std::uint64_t>(whole, 32);
  auto head = decoded(prelude, head_bytes, get<std::uint32_t>(whole, 12), get<std::uint64_t>(whole, 16));
  byte_writer out;
  const auto put_part = [&](byte_view part) {
    out.put(static_cast<std::uint32_t>(part.size()));
    out.put_all(part);
  };
  // The list of frames: their number, then blocks, decoded and encoded size, and mask.
  for (std::size_t at = 0; body_bytes > 0 && at + 32 <= head.size(); ++at) {
    if (get<std::uint64_t>(head, at) != 1 || get<std::uint64_t>(head, at + 20) != body_bytes) continue;
    const auto body =
        decoded(prelude + head_bytes, body_bytes, get<std::uint32_t>(head, at + 28), get<std::uint64_t>(head, at + 12));
    set(head, at + 20, std::uint64_t{stored_frame(body).size()});
    set(head, at + 28, not_shuffled);
    put_part(head);
    put_part(body);
    return std::move(out.bytes());
  }
  put_part(head);
  return std::move(out.bytes());
}

hugehist::delta some_delta(storage kind, std::size_t events, std::size_t rows) {
  const std::vector<axis::any> axes{
      {axis::str_category{}, "dataset"},
      {axis::str_category{}, "systematic"},
      {axis::int_category{}, "run"},
      {axis::str_category{.labels = {"e", "mu"}, .growth = false, .overflow = true}, "channel"},
      {axis::regular{.bins = 3, .lower = 1, .upper = 10, .transform = axis::transform::log},
       metadata_map{{"name", std::string{"x"}}, {"a", true}, {"b", std::int64_t{-4}}, {"c", 0.5}}},
      {axis::variable{{0, 1, 3}}, "v"},
      {axis::boolean{}, "b"}};
  fill_buffer buffer{axes, kind};
  std::vector<std::string> systematics;
  for (std::size_t i = 0; i < rows; ++i) systematics.push_back("s" + std::to_string(i));
  std::vector<double> x(events * rows), weight(events * rows);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<double>(1 + i * 7 % 11);
    weight[i] = static_cast<double>(i % 5);
  }
  const auto each = array_view<double>{weight.data(), events, rows};
  for (const char* channel : {"e", "other"}) {
    fill_arguments filled{
        .columns = {std::string{"data"}, variations{systematics}, std::string{"-12"}, std::string{channel},
                    numbers{array_view<double>{x.data(), events, rows}}, numbers{2.0}, numbers{std::int64_t{1}}},
        .weight = each};
    if (kind == storage::mean || kind == storage::weighted_mean) filled.sample = each;
    buffer.fill(filled);
  }
  return buffer.take();
}

std::vector<bytes> seeds() {
  std::vector<bytes> result;
  for (const auto kind : {storage::int_, storage::double_, storage::weighted, storage::mean, storage::weighted_mean})
    for (const std::size_t events : {0, 1, 3, 40, 200}) {
      const auto whole = some_delta(kind, events, 3).to_bytes();
      const auto apart = taken_apart(whole);
      bytes raw{std::byte{0}}, decoded{std::byte{1}};
      raw.insert(raw.end(), whole.begin(), whole.end());
      decoded.insert(decoded.end(), apart.begin(), apart.end());
      result.push_back(std::move(decoded));
      if (events == 3) result.push_back(std::move(raw));
    }
  return result;
}

bool run(byte_view input) {
  if (input.empty()) return false;
  const bool is_apart = (input[0] & std::byte{1}) != std::byte{0};
  const auto whole = is_apart ? put_together(input.subspan(1)) : bytes{input.begin() + 1, input.end()};
  return is_accepted([&] {
    const auto read = hugehist::delta::from_bytes(whole);
    // Axes may hold NaN in their metadata, so bytes are compared.
    const auto written = read.to_bytes();
    require(hugehist::delta::from_bytes(written).to_bytes() == written, "written and read again, the delta is another");
    // What is read may be merged. Labels that no file can keep, and sizes, are refused there.
    constexpr std::size_t most = std::size_t{1} << 16;
    std::size_t bins = 1;
    for (const auto& axis : read.axes()) bins *= std::min(axis.extent(), most);
    if (bins > most) return;
    try {
      auto target = hugehist::file::in_memory({.memory = std::size_t{8} << 20, .threads = 1});
      auto h = target.create("h", read.axes(), read.kind());
      require(h.merge(read, merge_id{"once"}), "a merge that was none");
      require(!h.merge(read, merge_id{"once"}), "a merge that counted twice");
    } catch (const std::invalid_argument&) {
    }
  });
}

}  // namespace

const target delta{"delta", seeds, run};

}  // namespace fuzz
