#include "write/overwrite.hpp"

#include "base/c_order.hpp"
#include "base/checked.hpp"
#include "chunk/policy.hpp"
#include "model/schema.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hugehist::write {
namespace {

struct bin_place {
  std::size_t in_chunk;  // along the axis
  std::size_t in_content;
};

/// The bins of one axis that lie in the chunks of one index.
struct axis_part {
  std::uint32_t chunk = 0;
  std::vector<bin_place> bins;
};

class overwriter {
 public:
  overwriter(std::span<const std::vector<std::size_t>> bins, const dense_planes& content,
             std::span<const std::uint8_t> chosen, const write_target& target)
      : bins_{bins}, content_{content}, chosen_{chosen}, target_{target}, record_{target.store.record(target.id)} {}

  void run() {
    check_bins();
    check_content();
    if (std::ranges::any_of(bins_, [](const auto& list) { return list.empty(); })) return;
    auto layout = target_.layout;
    if (layout.grid.rank() == 0)
      layout.grid = chunk::grid{record_.chunk_shape.empty() ? chunk::choose_chunk_shape(record_) : record_.chunk_shape};
    chunk_strides_ = layout.grid.strides();
    make_parts(layout.grid);
    find_chunks(layout);
    if (chunks_.empty()) return;
    apply(
        {.layout = layout, .chunks = coordinates_, .change = [&](std::size_t i, auto& pin) { copy(chunks_[i], pin); }},
        target_);
  }

 private:
  using position = std::array<std::uint32_t, store::max_rank>;  // of a chunk: its part along each axis

  std::size_t rank() const noexcept { return bins_.size(); }

  [[noreturn]] void reject(std::size_t axis, const std::string& what) const {
    throw std::invalid_argument{"bins to overwrite: " + model::describe(record_.schema.axes[axis], axis) + " " + what};
  }

  void check_bins() const {
    const auto extents = model::extents(record_.schema.axes);
    if (rank() != extents.size())
      throw std::invalid_argument{"bins to overwrite need one list for each axis: got " + std::to_string(rank()) +
                                  " for " + std::to_string(extents.size()) + " axes"};
    for (std::size_t i = 0; i < rank(); ++i) {
      auto sorted = bins_[i];
      std::ranges::sort(sorted);
      if (!sorted.empty() && sorted.back() >= extents[i])
        reject(i, "has " + std::to_string(extents[i]) + " bins, there is none at " + std::to_string(sorted.back()));
      if (std::ranges::adjacent_find(sorted) != sorted.end()) reject(i, "has a bin twice");
    }
  }

  void check_content() {
    if (content_.shape.size() != rank())
      throw std::invalid_argument{"the content has " + std::to_string(content_.shape.size()) + " axes for " +
                                  std::to_string(rank())};
    content_strides_.assign(rank(), 0);
    std::size_t cells = 1;
    for (auto i = rank(); i-- > 0;) {
      if (content_.shape[i] != 1 && content_.shape[i] != bins_[i].size())
        reject(i, "has " + std::to_string(bins_[i].size()) + " bins for content of length " +
                      std::to_string(content_.shape[i]));
      if (content_.shape[i] != 1) content_strides_[i] = cells;
      cells = base::checked_multiply(cells, content_.shape[i], "the content");
    }
    if (!chosen_.empty() && chosen_.size() != cells)
      throw std::invalid_argument{"what is chosen does not have the shape of the content"};
    const auto infos = planes(record_.schema.kind);
    if (content_.planes.size() != infos.size())
      throw std::invalid_argument{"the content has " + std::to_string(content_.planes.size()) + " planes for the " +
                                  std::to_string(infos.size()) + " of '" + std::string{to_string(record_.schema.kind)} +
                                  "' storage"};
    for (std::size_t plane = 0; plane < infos.size(); ++plane) {
      const auto& given = content_.planes[plane];
      if (std::holds_alternative<std::vector<std::int64_t>>(given) != infos[plane].is_integer)
        throw std::invalid_argument{"the content has the wrong type for the plane '" + std::string{infos[plane].name} +
                                    "': int64 where it holds integers, else float64"};
      std::visit(
          [&](const auto& values) {
            if (values.size() != cells) throw std::invalid_argument{"the content does not have its shape"};
            sources_.push_back(reinterpret_cast<const std::byte*>(values.data()));
            zero_ = zero_ && std::ranges::all_of(values, [](auto value) { return value == 0; });
          },
          given);
    }
  }

  void make_parts(const chunk::grid& grid) {
    for (std::size_t i = 0; i < rank(); ++i) {
      const auto length = grid.shape()[i];
      std::vector<bin_place> places;
      for (std::size_t n = 0; n < bins_[i].size(); ++n) places.push_back({bins_[i][n], n});
      std::ranges::sort(places, {}, &bin_place::in_chunk);
      auto& parts = parts_.emplace_back();
      for (const auto& [bin, n] : places) {
        const auto chunk = static_cast<std::uint32_t>(bin / length);
        if (parts.empty() || parts.back().chunk != chunk) parts.push_back({chunk, {}});
        parts.back().bins.push_back({bin % length, n});
      }
    }
  }

  /// Those that are there, and those that get something other than zero.
  void find_chunks(const chunk::layout& layout) {
    position at{};
    do {
      store::chunk_coordinate coordinate;
      coordinate.rank = static_cast<std::uint32_t>(rank());
      for (std::size_t i = 0; i < rank(); ++i) coordinate.index[i] = parts_[i][at[i]].chunk;
      if (!brings_content(at) && !(is_touched(at) && target_.cache.exists(layout, coordinate))) continue;
      chunks_.push_back(at);
      coordinates_.push_back(coordinate);
    } while (base::advance(at, rank(), [this](std::size_t i) { return parts_[i].size(); }));
  }

  bool brings_content(const position& at) const {
    if (zero_) return false;
    return std::ranges::any_of(sources_, [&](const auto* source) {
      return any_of(at, 0, 0, [&](std::size_t offset) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, source + offset * element_size, element_size);
        return bits != 0 && is_chosen(offset);
      });
    });
  }

  bool is_touched(const position& at) const {
    return chosen_.empty() || any_of(at, 0, 0, [&](std::size_t offset) { return is_chosen(offset); });
  }

  bool is_chosen(std::size_t offset) const noexcept { return chosen_.empty() || chosen_[offset] != 0; }

  /// `offset` of a value in the content
  template <class Predicate>
  bool any_of(const position& at, std::size_t axis, std::size_t offset, const Predicate& predicate) const {
    if (axis == rank()) return predicate(offset);
    return std::ranges::any_of(parts_[axis][at[axis]].bins, [&](const auto& bin) {
      return any_of(at, axis + 1, offset + bin.in_content * content_strides_[axis], predicate);
    });
  }

  void copy(const position& at, chunk::pinned_chunk& pin) const noexcept {
    pin.mark_dirty();
    for (std::size_t plane = 0; plane < sources_.size(); ++plane) copy(at, 0, 0, sources_[plane], pin.plane(plane));
  }

  void copy(const position& at, std::size_t axis, std::size_t offset, const std::byte* source,
            std::byte* to) const noexcept {
    if (axis == rank()) {
      if (is_chosen(offset)) std::memcpy(to, source + offset * element_size, element_size);
      return;
    }
    for (const auto& bin : parts_[axis][at[axis]].bins)
      copy(at, axis + 1, offset + bin.in_content * content_strides_[axis], source,
           to + bin.in_chunk * chunk_strides_[axis] * element_size);
  }

  std::span<const std::vector<std::size_t>> bins_;
  const dense_planes& content_;
  std::span<const std::uint8_t> chosen_;
  const write_target& target_;
  const store::histogram_record& record_;
  std::vector<std::size_t> content_strides_, chunk_strides_;  // in elements
  std::vector<const std::byte*> sources_;                     // one for each plane
  bool zero_ = true;                                          // all of the content
  std::vector<std::vector<axis_part>> parts_;                 // for each axis, by ascending chunk
  std::vector<position> chunks_;
  std::vector<store::chunk_coordinate> coordinates_;
};

}  // namespace

void overwrite(std::span<const std::vector<std::size_t>> bins, const dense_planes& content,
               std::span<const std::uint8_t> chosen, const write_target& target) {
  overwriter{bins, content, chosen, target}.run();
}

}  // namespace hugehist::write
