// Deltas of a part of a delta's blocks: by shard, or one after another. docs/format-delta.md has the rule for shards.

#include "base/checksum.hpp"
#include "model/schema.hpp"
#include "write/delta_data.hpp"

#include <hugehist/delta.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

namespace hugehist {

using namespace write;

namespace {

constexpr char separator = '\x1f';

std::size_t bins_of(const delta_data& data) {
  std::size_t bins = 1;
  for (const auto axis : model::dense_axes(data.axes)) bins *= data.axes[axis].extent();
  return bins;
}

/// Which labels are used: for each category axis a flag for each code.
class label_use {
 public:
  explicit label_use(const delta_data& whole) {
    for (const auto& labels : whole.labels) used_.emplace_back(labels.size(), false);
  }
  void add(const block& block) {
    for (std::size_t c = 0; c < used_.size(); ++c)
      if (c != block.span) add(c, block.codes[c]);
    for (const auto code : block.row_codes) add(block.span, code);
  }
  void add(std::size_t axis, std::uint32_t code) {
    if (code != overflow_code) used_[axis][code] = true;
  }
  bool has(std::size_t axis, std::size_t code) const noexcept { return used_[axis][code]; }

 private:
  std::vector<std::vector<bool>> used_;
};

/// Some blocks of a delta, under its codes until finish().
class part {
 public:
  explicit part(const delta_data& whole) : whole_{whole}, used_{whole} {}

  void add(block added) {
    used_.add(added);
    bytes_ += decoded_bytes(added, whole_.kind, bins_);
    blocks_.push_back(std::move(added));
  }
  bool empty() const noexcept { return blocks_.empty(); }
  std::size_t bytes() const noexcept { return bytes_; }
  label_use& used() noexcept { return used_; }
  const label_use& used() const noexcept { return used_; }

  delta finish() && {
    auto result = std::make_shared<delta_data>();
    for (const auto& axis : whole_.axes) result->axes.push_back(axis.is_growing() ? axis.with_labels({}) : axis);
    result->kind = whole_.kind;
    result->variance_known = whole_.variance_known;
    result->size_bytes = bytes_;
    std::vector<std::vector<std::uint32_t>> codes;  // by the whole's codes
    for (std::size_t c = 0; c < whole_.labels.size(); ++c) {
      auto& labels = result->labels.emplace_back();
      auto& moved = codes.emplace_back(whole_.labels[c].size(), overflow_code);
      for (std::size_t code = 0; code < moved.size(); ++code) {
        if (!used_.has(c, code)) continue;
        moved[code] = static_cast<std::uint32_t>(labels.size());
        labels.push_back(whole_.labels[c][code]);
      }
    }
    const auto move = [&](std::size_t axis, std::uint32_t& code) {
      if (code != overflow_code) code = codes[axis][code];
    };
    for (auto& block : blocks_) {
      for (std::size_t c = 0; c < codes.size(); ++c)
        if (c != block.span) move(c, block.codes[c]);
      for (auto& code : block.row_codes) move(block.span, code);
    }
    result->blocks = std::move(blocks_);
    return delta{std::move(result)};
  }

 private:
  const delta_data& whole_;
  const std::size_t bins_ = bins_of(whole_);
  label_use used_;
  std::vector<block> blocks_;
  std::size_t bytes_ = 0;
};

/// Labels that no block uses go to the first.
std::vector<delta> finish(const delta_data& whole, std::vector<part> parts) {
  const auto has = [&](std::size_t axis, std::size_t code) {
    return std::ranges::any_of(parts, [&](const part& each) { return each.used().has(axis, code); });
  };
  for (std::size_t c = 0; c < whole.labels.size(); ++c)
    for (std::uint32_t code = 0; code < whole.labels[c].size(); ++code)
      if (!has(c, code)) parts.front().used().add(c, code);
  std::vector<delta> result;
  result.reserve(parts.size());
  for (auto& part : parts) result.push_back(std::move(part).finish());
  return result;
}

/// Some rows of a block. Their cells stay where they are, so that neighbours become a block of their own.
block rows_of(const block& from, std::size_t first, std::size_t last) {
  auto cells = std::get<dense_cells>(from.cells);
  const auto offset = static_cast<std::ptrdiff_t>(first) * cells.row_stride * static_cast<std::ptrdiff_t>(element_size);
  for (auto& plane : cells.planes)
    if (plane != nullptr) plane += offset;
  const auto codes = std::span{from.row_codes}.subspan(first, last - first);
  return {from.codes, from.span, {codes.begin(), codes.end()}, std::move(cells)};
}

/// Some columns of the events' weights.
event_rows columns_of(const event_rows& from, std::size_t count, const std::vector<std::size_t>& kept) {
  event_rows result{.bins = {}, .weights = {}, .bin_per_weight = from.bin_per_weight};
  const auto keep = [&](const auto& values, auto& to) {
    to.reserve(values.size() / count * kept.size());
    for (std::size_t first = 0; first < values.size(); first += count)
      for (const auto column : kept) to.push_back(values[first + column]);
  };
  keep(from.weights, result.weights);
  keep(from.samples, result.samples);
  if (from.bin_per_weight)
    keep(from.bins, result.bins);
  else
    result.bins = from.bins;
  return result;
}

class splitter {
 public:
  splitter(const delta_data& whole, std::span<const axis_reference> axes, std::size_t parts)
      : whole_{whole}, parts_(parts, part{whole}), labels_(axes.size()) {
    const auto categories = model::category_axes(whole.axes);
    for (const auto& reference : axes) {
      const auto axis = model::find_axis(whole.axes, reference, "the delta");
      const auto found = std::ranges::find(categories, axis);
      const auto refuse = [&](const char* why) {
        throw std::invalid_argument{model::describe(whole.axes[axis], axis) + why};
      };
      if (found == categories.end()) refuse(" has no labels: split a delta by category axes");
      const auto category = static_cast<std::size_t>(found - categories.begin());
      if (std::ranges::find(by_, category) != by_.end()) refuse(" is named twice: split a delta by an axis once");
      by_.push_back(category);
    }
    if (by_.empty()) throw std::invalid_argument{"a delta is split by one category axis at least: name it"};
  }

  std::vector<delta> run() {
    for (const auto& block : whole_.blocks) {
      if (block.span != no_span && std::ranges::find(by_, block.span) != by_.end())
        divide(block);
      else
        parts_[shard(block, 0)].add(block);
    }
    return finish(whole_, std::move(parts_));
  }

 private:
  std::size_t shard(const block& block, std::size_t row) {
    for (std::size_t i = 0; i < by_.size(); ++i) {
      const auto code = by_[i] == block.span ? block.row_codes[row] : block.codes[by_[i]];
      labels_[i] = code == overflow_code ? std::string{} : whole_.labels[by_[i]][code];
    }
    return shard_of(labels_, parts_.size());
  }

  /// A block whose rows are of different shards.
  void divide(const block& block) {
    const auto rows = block.rows();
    std::vector<std::size_t> shards(rows);
    for (std::size_t row = 0; row < rows; ++row) shards[row] = shard(block, row);
    if (block.few() != nullptr) return divide_events(block, shards);
    for (std::size_t first = 0, last = 0; first < rows; first = last) {
      while (last < rows && shards[last] == shards[first]) ++last;
      parts_[shards[first]].add(rows_of(block, first, last));
    }
  }

  void divide_events(const block& from, const std::vector<std::size_t>& shards) {
    std::map<std::size_t, std::vector<std::size_t>> rows;
    for (std::size_t row = 0; row < shards.size(); ++row) rows[shards[row]].push_back(row);
    for (const auto& [shard, kept] : rows) {
      auto made = from;
      if (kept.size() < shards.size()) {
        made.row_codes.clear();
        for (const auto row : kept) made.row_codes.push_back(from.row_codes[row]);
        made.cells = std::make_shared<const event_rows>(columns_of(*from.few(), shards.size(), kept));
      }
      parts_[shard].add(std::move(made));
    }
  }

  const delta_data& whole_;
  std::vector<part> parts_;
  std::vector<std::size_t> by_;  // positions among the category axes
  std::vector<std::string> labels_;
};

void check_count(std::size_t shards) {
  if (shards == 0) throw std::invalid_argument{"0 shards have no place for anything: give 1 at least"};
}

}  // namespace

std::size_t shard_of(std::span<const std::string> labels, std::size_t shards) {
  check_count(shards);
  std::string joined;
  for (const auto& label : labels) {
    if (&label != labels.data()) joined += separator;
    joined += label;
  }
  return base::checksum(std::as_bytes(std::span{joined})) % shards;
}

std::vector<delta> delta::split(std::span<const axis_reference> axes, std::size_t parts) const {
  check_count(parts);
  return splitter{*data_, axes, parts}.run();
}

std::vector<delta> delta::pieces(std::size_t max_bytes) const {
  const auto bins = bins_of(*data_);
  std::vector<part> parts{part{*data_}};
  for (const auto& block : data_->blocks) {
    const auto bytes = decoded_bytes(block, data_->kind, bins);
    const auto held = parts.back().bytes();
    if (!parts.back().empty() && (held > max_bytes || bytes > max_bytes - held)) parts.emplace_back(*data_);
    parts.back().add(block);
  }
  if (parts.size() == 1) return {*this};
  return finish(*data_, std::move(parts));
}

}  // namespace hugehist
