// Reads the compact form of a delta. The bytes may be anything: each size is checked against what is there, and all of
// them against what may be taken, before memory is taken; each code is checked against what it points into.

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "base/huge_pages.hpp"
#include "codec/codec.hpp"
#include "model/category_index.hpp"
#include "model/moments.hpp"
#include "model/schema.hpp"
#include "write/axis_bytes.hpp"
#include "write/delta_data.hpp"
#include "write/delta_format.hpp"
#include "write/delta_outline.hpp"
#include "write/label_table.hpp"
#include "write/number_checks.hpp"

#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>

#include <algorithm>
#include <cstring>

namespace hugehist {

using namespace write;

namespace {

[[noreturn]] void fail() { base::byte_reader::fail(); }

std::size_t product(std::size_t a, std::size_t b) {
  std::size_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) fail();
  return result;
}

std::size_t sum(std::size_t a, std::size_t b) {
  std::size_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) fail();
  return result;
}

/// Throws where a frame cannot become that large.
void check_size(std::span<const std::byte> frame, std::uint64_t size) {
  if (size % element_size != 0 || size / delta_format::max_expansion > frame.size()) fail();
  if (size == 0 && !frame.empty()) fail();
}

using elements = std::shared_ptr<std::uint64_t[]>;

elements allocate(std::size_t bytes) {
  auto result = std::make_shared_for_overwrite<std::uint64_t[]>(bytes / element_size);
  base::prefer_huge_pages(result.get(), bytes);
  return result;
}

/// Memory that is used again once nobody else has it, unless it is far too large.
struct spare_memory {
  elements memory;
  std::size_t bytes = 0;

  elements take(std::size_t needed) {
    if (memory == nullptr || memory.use_count() > 1 || needed > bytes || bytes / 2 > needed) {
      memory.reset();
      memory = allocate(needed);
      bytes = needed;
    }
    return memory;
  }
};

class reader {
 public:
  reader(std::span<const std::byte> bytes, std::size_t max_memory, bool outline = false, spare_memory* spare = nullptr)
      : bytes_{bytes}, max_memory_{max_memory}, outline_{outline}, spare_{spare} {}

  delta_data run() {
    const auto head = read_prelude();
    base::byte_reader from{head};
    read_axes(from);
    read_labels(from);
    read_lists(from);
    read_frames(from);
    announce(from);
    read_blocks(from);
    return std::move(data_);
  }

 private:
  std::vector<std::byte> read_prelude() {
    if (bytes_.size() < delta_format::prelude_bytes ||
        std::memcmp(bytes_.data(), delta_format::magic.data(), delta_format::magic.size()) != 0)
      throw format_error{"these bytes are no delta: they do not begin as one"};
    base::byte_reader from{bytes_};
    from.take(delta_format::magic.size());
    const auto version = from.get<std::uint32_t>();
    if (version > delta_format::version)
      throw format_error{"this delta has format version " + std::to_string(version) +
                         ", and this library reads up to " + std::to_string(delta_format::version) +
                         ": use the newer library"};
    const auto filter_mask = from.get<std::uint32_t>();
    const auto head_size = from.get<std::uint64_t>();
    const auto head_bytes = from.get<std::uint64_t>();
    const auto body_bytes = from.get<std::uint64_t>();
    const auto head_sum = from.get<std::uint64_t>();
    const auto body_sum = from.get<std::uint64_t>();
    const auto prelude_sum = from.get<std::uint64_t>();
    if (version == 0 || base::checksum(bytes_.first(delta_format::prelude_bytes - sizeof prelude_sum)) != prelude_sum)
      damaged();
    if (head_bytes > from.left() || from.left() - head_bytes != body_bytes) damaged();
    const auto head = from.take(head_bytes);
    body_ = from.take(body_bytes);
    if (base::checksum(head) != head_sum || base::checksum(body_) != body_sum) damaged();
    head_memory_ = product(head_size, delta_format::head_memory);
    check_allowed(head_memory_);
    check_size(head, head_size);
    std::vector<std::byte> result(head_size);
    if (head_size != 0) coder_.decode(head, filter_mask, delta_format::settings, result);
    return result;
  }

  [[noreturn]] static void damaged() {
    throw corruption_error{"the bytes of a delta are damaged or incomplete: make or send the delta again"};
  }

  void read_axes(base::byte_reader& from) {
    data_.kind = storage_from_string(from.get_text());
    const auto flags = from.get<std::uint32_t>();
    if ((flags & ~delta_format::flag_variance_known) != 0) fail();
    data_.variance_known = (flags & delta_format::flag_variance_known) != 0;
    for (auto n = from.get_count<std::uint32_t>(1); n > 0; --n) data_.axes.push_back(get_axis(from));
    try {
      model::validate({.axes = data_.axes, .kind = data_.kind});
    } catch (const std::invalid_argument&) {
      fail();
    }
    for (auto i : model::dense_axes(data_.axes)) extents_.push_back(data_.axes[i].extent());
    for (auto n : extents_) bins_ *= n;  // fits: model::validate
  }

  void read_labels(base::byte_reader& from) {
    for (auto i : model::category_axes(data_.axes)) {
      label_table table{data_.axes[i]};
      auto& labels = data_.labels.emplace_back();
      for (auto n = from.get_count<std::uint32_t>(sizeof(std::uint32_t)); n > 0; --n) {
        auto label = from.get_text();
        try {
          if (table.resolve(label) != labels.size()) fail();  // it repeats, or a fixed axis lacks it
        } catch (const std::invalid_argument&) {
          fail();
        } catch (const key_error&) {
          fail();
        }
        labels.push_back(std::move(label));
      }
    }
  }

  void check_codes(std::size_t axis, std::span<const std::uint32_t> codes) const {
    for (auto code : codes)
      if (code != overflow_code && code >= data_.labels[axis].size()) fail();
  }

  void read_lists(base::byte_reader& from) {
    for (auto n = from.get_count<std::uint32_t>(3 * sizeof(std::uint32_t)); n > 0; --n) {
      auto& list = lists_.emplace_back();
      list.span = from.get<std::uint32_t>();
      if (list.span >= data_.labels.size()) fail();
      const auto count = from.get<std::uint32_t>();
      list.row_codes = from.get_all<std::uint32_t>(count);
      check_codes(list.span, list.row_codes);
    }
  }

  void read_frames(base::byte_reader& from) {
    std::size_t position = 0;
    for (auto n = from.get_count<std::uint64_t>(24); n > 0; --n) {
      auto& frame = frames_.emplace_back();
      frame.blocks = from.get<std::uint32_t>();
      frame.size = from.get<std::uint64_t>();
      const auto encoded = from.get<std::uint64_t>();
      frame.filter_mask = from.get<std::uint32_t>();
      if (encoded > body_.size() - position) fail();
      frame.bytes = body_.subspan(position, encoded);
      position += encoded;
    }
    if (position != body_.size()) fail();
  }

  struct block_head {
    std::uint8_t form;
    std::uint32_t list;
    std::vector<std::uint32_t> codes;
    std::uint64_t count;
  };

  std::size_t read_block_count(base::byte_reader& from) const {
    return from.get_count<std::uint64_t>(1 + sizeof(std::uint32_t) * (1 + data_.labels.size()) + sizeof(std::uint64_t));
  }

  block_head read_block_head(base::byte_reader& from) const {
    block_head head{};
    head.form = from.get<std::uint8_t>();
    head.list = from.get<std::uint32_t>();
    if (head.list > lists_.size()) fail();
    head.codes = from.get_all<std::uint32_t>(data_.labels.size());
    head.count = from.get<std::uint64_t>();
    return head;
  }

  std::size_t rows_of(const block_head& head) const {
    return head.list == delta_format::no_list ? 1 : lists_[head.list - 1].row_codes.size();
  }

  /// What a block's cells take in memory, in the frame (dense) or besides.
  std::size_t cell_bytes(const block_head& head) const {
    const auto rows = rows_of(head);
    switch (head.form) {
      case delta_format::dense:
      case delta_format::sparse:
        return product(product(rows, bins_), planes(data_.kind).size() * element_size);
      case delta_format::few:
      case delta_format::few_bins: {
        const std::size_t numbers = model::is_mean(data_.kind) ? 2 : 1;
        const auto weights = product(head.count, rows);
        return sum(product(head.form == delta_format::few ? head.count : weights, sizeof(std::uint32_t)),
                   product(weights, numbers * sizeof(double)));
      }
      default:
        fail();
    }
  }

  /// What the blocks will take, of which there is nothing yet. `from`: a copy, since they are read after it.
  void announce(base::byte_reader from) {
    std::size_t memory = 0, largest = 0;
    auto left = read_block_count(from);
    for (auto& frame : frames_) {
      if (frame.blocks == 0 || frame.blocks > left) fail();
      left -= frame.blocks;
      for (auto n = frame.blocks; n > 0; --n) {
        const auto head = read_block_head(from);
        const bool is_dense = head.form == delta_format::dense;
        const auto cells = cell_bytes(head);
        const auto codes = head.list == delta_format::no_list ? 0 : rows_of(head) * sizeof(std::uint32_t);
        data_.size_bytes = sum(data_.size_bytes, sum(cells, codes));
        memory = sum(memory, sum(is_dense ? 0 : cells, codes + extents_.size() * sizeof(std::ptrdiff_t)));
        frame.stays = frame.stays || is_dense;
      }
      check_size(frame.bytes, frame.size);
      if (frame.stays) staying_ = sum(staying_, frame.size);
      if (!frame.stays || outline_) scratch_ = std::max<std::size_t>(scratch_, frame.size);
      largest = std::max<std::size_t>(largest, frame.size);
    }
    if (left != 0) fail();
    memory = sum(memory, staying_);
    // What is announced must be in proportion to what came.
    if (data_.size_bytes / delta_format::max_expansion > bytes_.size()) fail();
    check_allowed(sum(sum(head_memory_, memory), product(largest, 2)));  // a frame, also shuffled
  }

  void check_allowed(std::size_t memory) const {
    if (memory > max_memory_)
      throw error{"this delta of " + std::to_string(bytes_.size()) + " bytes announces that it takes " +
                  std::to_string(memory) + " bytes of memory, and max_memory allows " + std::to_string(max_memory_) +
                  ": have it sent in smaller ones, or allow more if you trust the sender"};
  }

  void read_blocks(base::byte_reader& from) {
    data_.blocks.reserve(read_block_count(from));
    const auto staying = outline_ ? 0 : staying_;
    const auto cells = spare_ != nullptr ? spare_->take(staying) : allocate(staying), scratch = allocate(scratch_);
    auto* next = cells.get();
    for (const auto& frame : frames_) {
      const bool stays = frame.stays && !outline_;
      const std::span decoded{stays ? next : scratch.get(), frame.size / element_size};
      if (stays) next += decoded.size();
      if (!decoded.empty())
        coder_.decode(frame.bytes, frame.filter_mask, delta_format::settings, std::as_writable_bytes(decoded));
      base::byte_reader payload{std::as_bytes(decoded)};
      for (auto n = frame.blocks; n > 0; --n) read_block(from, payload, cells);
      if (payload.left() != 0) fail();
    }
  }

  /// `cells`: the memory of frames that stay.
  void read_block(base::byte_reader& from, base::byte_reader& payload, const elements& cells) {
    auto head = read_block_head(from);
    block made;
    if (head.list != delta_format::no_list) {
      made.span = lists_[head.list - 1].span;
      made.row_codes = lists_[head.list - 1].row_codes;
    }
    made.codes = std::move(head.codes);
    for (std::size_t axis = 0; axis < made.codes.size(); ++axis)
      if (axis != made.span) check_codes(axis, {&made.codes[axis], 1});
    switch (head.form) {
      case delta_format::dense:
        made.cells = dense(made.rows(), payload, cells);
        break;
      case delta_format::sparse:
        made.cells = sparse(made.rows(), head.count, payload);
        break;
      case delta_format::few:
      case delta_format::few_bins:
        made.cells = std::make_shared<const event_rows>(
            few(made.rows(), head.count, head.form == delta_format::few_bins, payload));
        break;
      default:
        fail();
    }
    data_.blocks.push_back(std::move(made));
  }

  dense_cells cells_at(const std::uint64_t* first, std::size_t rows, std::shared_ptr<const void> owner) const {
    dense_cells result;
    for (std::size_t p = 0; p < planes(data_.kind).size(); ++p)
      result.planes[p] = reinterpret_cast<const std::byte*>(first + p * rows * bins_);
    result.row_stride = static_cast<std::ptrdiff_t>(bins_);
    result.bin_strides.resize(extents_.size());
    std::ptrdiff_t stride = 1;
    for (auto i = extents_.size(); i-- > 0;) {
      result.bin_strides[i] = stride;
      stride *= static_cast<std::ptrdiff_t>(extents_[i]);
    }
    result.owner = std::move(owner);
    return result;
  }

  /// The cells stay in the decoded frame.
  dense_cells dense(std::size_t rows, base::byte_reader& payload, const elements& cells) {
    const auto bytes = product(product(rows, bins_), planes(data_.kind).size() * element_size);
    const auto raw = payload.take(bytes);
    if (outline_) return {};
    return cells_at(reinterpret_cast<const std::uint64_t*>(raw.data()), rows, cells);
  }

  dense_cells sparse(std::size_t rows, std::uint64_t count, base::byte_reader& payload) {
    const auto plane_cells = product(rows, bins_);
    const auto plane_count = planes(data_.kind).size();
    const auto positions = payload.get_all<std::uint32_t>(count);
    payload.align();
    if (outline_) {
      if (std::ranges::any_of(positions, [&](auto position) { return position >= plane_cells; })) fail();
      payload.take(product(product(plane_count, positions.size()), element_size));
      return {};
    }
    auto memory = std::make_shared<std::vector<std::uint64_t>>(plane_cells * plane_count, 0);
    for (std::size_t p = 0; p < plane_count; ++p)
      for (auto position : positions) {
        if (position >= plane_cells) fail();
        (*memory)[p * plane_cells + position] = payload.get<std::uint64_t>();
      }
    const auto* first = memory->data();
    return cells_at(first, rows, std::move(memory));
  }

  event_rows few(std::size_t rows, std::uint64_t events, bool bin_per_weight, base::byte_reader& payload) {
    event_rows result;
    result.bin_per_weight = bin_per_weight;
    const auto weights = product(events, rows);
    result.bins = payload.get_all<std::uint32_t>(bin_per_weight ? weights : events);
    payload.align();
    result.weights = payload.get_all<double>(weights);
    if (model::is_mean(data_.kind)) result.samples = payload.get_all<double>(weights);
    for (auto bin : result.bins)
      if (bin != event_rows::dropped && bin >= bins_) fail();
    if (data_.kind == storage::int_ && any_bad(result.weights.data(), weights, requirement::whole_number)) fail();
    return result;
  }

  struct list_of_rows {
    std::size_t span = 0;
    std::vector<std::uint32_t> row_codes;
  };
  struct frame_of_blocks {
    std::uint32_t blocks = 0, filter_mask = 0;
    std::uint64_t size = 0;
    std::span<const std::byte> bytes;
    bool stays = false;  // in memory as it is decoded, for the cells of its dense blocks
  };

  std::span<const std::byte> bytes_, body_;
  const std::size_t max_memory_;
  const bool outline_;
  spare_memory* const spare_;
  std::size_t head_memory_ = 0;
  std::size_t staying_ = 0, scratch_ = 0;  // decoded bytes of frames that stay, and of the largest that does not
  codec::coder coder_;
  delta_data data_;
  std::vector<std::size_t> extents_;
  std::size_t bins_ = 1;
  std::vector<list_of_rows> lists_;
  std::vector<frame_of_blocks> frames_;
};

}  // namespace

delta_data write::read_outline(std::span<const std::byte> bytes, std::size_t max_memory) {
  return reader{bytes, max_memory, true}.run();
}

delta delta::from_bytes(std::span<const std::byte> bytes, std::size_t max_memory) {
  return delta{std::make_shared<delta_data>(reader{bytes, max_memory}.run())};
}

struct delta_reader::impl {
  spare_memory spare;
};

delta_reader::delta_reader() : impl_{std::make_unique<impl>()} {}
delta_reader::~delta_reader() = default;

delta delta_reader::read(std::span<const std::byte> bytes, std::size_t max_memory) {
  return delta{std::make_shared<delta_data>(reader{bytes, max_memory, false, &impl_->spare}.run())};
}

}  // namespace hugehist
