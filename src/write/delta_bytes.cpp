// Writes the compact form of a delta; delta_reader.cpp reads it.

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "codec/codec.hpp"
#include "model/schema.hpp"
#include "write/axis_bytes.hpp"
#include "write/cell_kernels.hpp"
#include "write/delta_data.hpp"
#include "write/delta_format.hpp"

#include <hugehist/delta.hpp>

#include <algorithm>
#include <cstring>
#include <map>

namespace hugehist {

using namespace write;

namespace {

/// Whether most numbers of a frame have long mantissas, as sums of weights do and counts do not: by a sample.
bool is_mostly_long(std::span<const std::byte> frame) noexcept {
  constexpr std::size_t samples = 256;
  const auto elements = frame.size() / element_size;
  const auto step = elements / samples + 1;
  std::size_t seen = 0, long_ones = 0;
  for (std::size_t i = 0; i < elements; i += step) {
    std::uint64_t bits;
    std::memcpy(&bits, frame.data() + i * element_size, sizeof bits);
    if (bits != 0) ++seen;
    if ((bits & 0xffffffff) != 0) ++long_ones;
  }
  return 2 * long_ones > seen;
}

class writer {
 public:
  writer(const delta_data& data, bool allow_sparse) : data_{data}, allow_sparse_{allow_sparse} {
    for (auto i : model::dense_axes(data.axes)) extents_.push_back(data.axes[i].extent());
    for (auto n : extents_) bins_ *= n;
  }

  std::vector<std::byte> run() {
    for (const auto& block : data_.blocks) {
      if (is_empty(block)) continue;
      put_block(block);
      if (frame_.size() >= delta_format::frame_bytes) end_frame();
    }
    end_frame();
    put_head();
    return assemble();
  }

  /// Memory that the reader will take for the cells.
  std::size_t expanded_bytes() const noexcept { return expanded_; }

 private:
  static bool is_empty(const block& block) noexcept {
    const auto* events = block.few();
    return block.rows() == 0 || (events != nullptr && events->weights.empty());
  }

  void put_block(const block& block) {
    delta_format::form form;
    std::uint64_t count = 0;
    if (const auto* events = block.few()) {
      form = events->bin_per_weight ? delta_format::few_bins : delta_format::few;
      count = events->weights.size() / block.rows();
      frame_.put_all(std::span<const std::uint32_t>{events->bins});
      frame_.align();
      frame_.put_all(std::span<const double>{events->weights});
      frame_.put_all(std::span<const double>{events->samples});
    } else {
      form = put_cells(block, std::get<dense_cells>(block.cells), count);
    }
    frame_has_rows_ = frame_has_rows_ && form == delta_format::dense;
    blocks_.put(static_cast<std::uint8_t>(form));
    blocks_.put(list_of(block));
    blocks_.put_all(std::span<const std::uint32_t>{block.codes});
    blocks_.put(count);
    expanded_ += decoded_bytes(block, data_.kind, bins_);
    ++blocks_in_frame_;
    ++block_count_;
  }

  /// Dense cells as [plane][row][bin]: rows that repeat the nominal one then compress away.
  delta_format::form put_cells(const block& block, const dense_cells& cells, std::uint64_t& count) {
    const auto begin = frame_.size();
    const auto plane_count = planes(data_.kind).size();
    const auto plane_cells = block.rows() * bins_;
    auto* const elements = reinterpret_cast<std::uint64_t*>(frame_.put_zeros(plane_count * plane_cells * element_size));
    copy_cells(block, cells, elements);
    if (!allow_sparse_ || plane_cells >= 0xffffffff) return delta_format::dense;

    const auto is_zero = [&](std::size_t i) {
      for (std::size_t p = 0; p < plane_count; ++p)
        if (elements[p * plane_cells + i] != 0) return false;
      return true;
    };
    std::vector<std::uint32_t> positions;
    const auto most = plane_cells / 8;
    for (std::size_t i = 0; i < plane_cells && positions.size() <= most; ++i)
      if (!is_zero(i)) positions.push_back(static_cast<std::uint32_t>(i));
    if (positions.size() > most) return delta_format::dense;

    count = positions.size();
    std::vector<std::uint64_t> kept;
    kept.reserve(plane_count * positions.size());
    for (std::size_t p = 0; p < plane_count; ++p)
      for (auto i : positions) kept.push_back(elements[p * plane_cells + i]);
    frame_.bytes().resize(begin);
    frame_.put_all(std::span<const std::uint32_t>{positions});
    frame_.align();
    frame_.put_all(std::span<const std::uint64_t>{kept});
    return delta_format::sparse;
  }

  void copy_cells(const block& block, const dense_cells& cells, std::uint64_t* elements) const {
    std::vector<piece_axis> axes(std::max<std::size_t>(extents_.size(), 1));
    auto stride = static_cast<std::ptrdiff_t>(1);
    for (auto i = extents_.size(); i-- > 0;) {
      axes[i] = {extents_[i], cells.bin_strides[i], stride};
      stride *= static_cast<std::ptrdiff_t>(extents_[i]);
    }
    std::vector<row_offset> rows(block.rows());
    for (std::size_t r = 0; r < rows.size(); ++r)
      rows[r] = {static_cast<std::ptrdiff_t>(r) * cells.row_stride, static_cast<std::ptrdiff_t>(r * bins_)};
    piece piece{.kind = data_.kind, .source = cells.planes, .target = {}, .rows = rows, .bins = {}};
    piece.bins = {axes.data(), compact(axes.data(), extents_.size())};
    for (std::size_t p = 0; p < planes(data_.kind).size(); ++p)
      piece.target[p] = reinterpret_cast<std::byte*>(elements + p * rows.size() * bins_);
    add_piece(piece);  // to zeros: a copy
  }

  /// Number of the block's list of variations; blocks of one fill share it.
  std::uint32_t list_of(const block& block) {
    if (block.span == no_span) return delta_format::no_list;
    const auto [found, is_new] =
        lists_.try_emplace({block.span, block.row_codes}, static_cast<std::uint32_t>(lists_.size() + 1));
    if (is_new) {
      list_bytes_.put(static_cast<std::uint32_t>(block.span));
      list_bytes_.put(static_cast<std::uint32_t>(block.row_codes.size()));
      list_bytes_.put_all(std::span<const std::uint32_t>{block.row_codes});
    }
    return found->second;
  }

  void end_frame() {
    if (blocks_in_frame_ == 0) return;
    const bool has_weights = data_.kind != storage::int_ && is_mostly_long(frame_.bytes());
    put_frame(body_, frame_.bytes(), has_weights ? delta_format::weight_settings : delta_format::settings,
              {frame_has_rows_ ? bins_ * element_size : 0});
    frames_.put(blocks_in_frame_);
    frames_.put(static_cast<std::uint64_t>(frame_.size()));
    frames_.put(static_cast<std::uint64_t>(last_frame_bytes_));
    frames_.put(last_filter_mask_);
    ++frame_count_;
    frame_.bytes().clear();
    frame_has_rows_ = true;
    blocks_in_frame_ = 0;
  }

  /// Encodes a multiple of eight bytes; none stay none.
  void put_frame(std::vector<std::byte>& to, const std::vector<std::byte>& raw, const codec::settings& settings,
                 const codec::row_layout& rows = {}) {
    last_frame_bytes_ = 0;
    last_filter_mask_ = 0;
    if (raw.empty()) return;
    const auto encoded = coder_.encode(raw, settings, rows);
    to.insert(to.end(), encoded.bytes.begin(), encoded.bytes.end());
    last_frame_bytes_ = encoded.bytes.size();
    last_filter_mask_ = encoded.filter_mask;
  }

  void put_head() {
    base::byte_writer head;
    head.put_text(to_string(data_.kind));
    head.put(data_.variance_known ? delta_format::flag_variance_known : 0U);
    head.put(static_cast<std::uint32_t>(data_.axes.size()));
    for (const auto& axis : data_.axes) put_axis(head, axis);
    for (const auto& labels : data_.labels) {
      head.put(static_cast<std::uint32_t>(labels.size()));
      for (const auto& label : labels) head.put_text(label);
    }
    head.put(static_cast<std::uint32_t>(lists_.size()));
    head.put_all(std::span<const std::byte>{list_bytes_.bytes()});
    head.put(frame_count_);
    head.put_all(std::span<const std::byte>{frames_.bytes()});
    head.put(block_count_);
    head.put_all(std::span<const std::byte>{blocks_.bytes()});
    head.align();
    head_size_ = head.size();
    put_frame(head_, head.bytes(), delta_format::settings);
  }

  std::vector<std::byte> assemble() {
    base::byte_writer all;
    all.put_all(std::span<const char>{delta_format::magic});
    all.put(delta_format::version);
    all.put(last_filter_mask_);  // of the head, which was the last
    all.put(static_cast<std::uint64_t>(head_size_));
    all.put(static_cast<std::uint64_t>(head_.size()));
    all.put(static_cast<std::uint64_t>(body_.size()));
    all.put(base::checksum(head_));
    all.put(base::checksum(body_));
    all.put(base::checksum(all.bytes()));
    all.put_all(std::span<const std::byte>{head_});
    all.put_all(std::span<const std::byte>{body_});
    return std::move(all.bytes());
  }

  const delta_data& data_;
  const bool allow_sparse_;
  std::vector<std::size_t> extents_;
  std::size_t bins_ = 1, expanded_ = 0, head_size_ = 0;
  codec::coder coder_;
  base::byte_writer frame_, frames_, blocks_, list_bytes_;
  std::vector<std::byte> head_, body_;
  std::map<std::pair<std::size_t, std::vector<std::uint32_t>>, std::uint32_t> lists_;
  bool frame_has_rows_ = true;  // all of its blocks are dense
  std::uint32_t blocks_in_frame_ = 0, last_filter_mask_ = 0;
  std::uint64_t frame_count_ = 0, block_count_ = 0;
  std::size_t last_frame_bytes_ = 0;
};

}  // namespace

std::vector<std::byte> delta::to_bytes() const {
  writer compact{*data_, true};
  auto bytes = compact.run();
  if (compact.expanded_bytes() / delta_format::max_expansion <= bytes.size()) return bytes;
  return writer{*data_, false}.run();
}

}  // namespace hugehist
