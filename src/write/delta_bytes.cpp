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
#include <map>

namespace hugehist {

using namespace write;

namespace {

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
    const auto plane_count = planes(data_.kind).size();
    const auto plane_cells = block.rows() * bins_;
    std::vector<std::uint64_t> elements(plane_count * plane_cells, 0);
    copy_cells(block, cells, elements);

    std::vector<std::uint32_t> positions;
    const auto is_zero = [&](std::size_t i) {
      for (std::size_t p = 0; p < plane_count; ++p)
        if (elements[p * plane_cells + i] != 0) return false;
      return true;
    };
    if (allow_sparse_ && plane_cells < 0xffffffff) {
      const auto most = plane_cells / 8;
      for (std::size_t i = 0; i < plane_cells && positions.size() <= most; ++i)
        if (!is_zero(i)) positions.push_back(static_cast<std::uint32_t>(i));
      if (positions.size() <= most) {
        count = positions.size();
        frame_.put_all(std::span<const std::uint32_t>{positions});
        frame_.align();
        for (std::size_t p = 0; p < plane_count; ++p)
          for (auto i : positions) frame_.put(elements[p * plane_cells + i]);
        return delta_format::sparse;
      }
    }
    frame_.put_all(std::span<const std::uint64_t>{elements});
    return delta_format::dense;
  }

  void copy_cells(const block& block, const dense_cells& cells, std::vector<std::uint64_t>& elements) const {
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
      piece.target[p] = reinterpret_cast<std::byte*>(elements.data() + p * rows.size() * bins_);
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
    put_frame(body_, frame_.bytes());
    frames_.put(blocks_in_frame_);
    frames_.put(static_cast<std::uint64_t>(frame_.size()));
    frames_.put(static_cast<std::uint64_t>(last_frame_bytes_));
    frames_.put(last_filter_mask_);
    ++frame_count_;
    frame_.bytes().clear();
    blocks_in_frame_ = 0;
  }

  /// Encodes a multiple of eight bytes; none stay none.
  void put_frame(std::vector<std::byte>& to, const std::vector<std::byte>& raw) {
    last_frame_bytes_ = 0;
    last_filter_mask_ = 0;
    if (raw.empty()) return;
    const auto encoded = coder_.encode(raw, delta_format::settings);
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
    put_frame(head_, head.bytes());
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
