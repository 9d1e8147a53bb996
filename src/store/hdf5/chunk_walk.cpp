#include "store/hdf5/chunk_walk.hpp"

#include "store/hdf5/chunk_io.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace hugehist::store::hdf5 {
namespace {

// Looking a chunk up takes about as long as stepping over so many in a list.
constexpr double steps_per_look_up = 50;
// Of places to look at where nobody says how many chunks there are.
constexpr double most_places = 1e7;

/// The places that chunks could have, in C order.
class places {
 public:
  places(const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents) {
    where_.rank = static_cast<std::uint32_t>(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      lengths_.push_back(extents[i] / shape[i] + (extents[i] % shape[i] == 0 ? 0 : 1));
      count_ *= static_cast<double>(lengths_.back());
    }
  }
  double count() const noexcept { return count_; }
  /// REQUIRES: count() > 0
  const chunk_coordinate& current() const noexcept { return where_; }
  bool advance() noexcept {
    for (auto i = lengths_.size(); i-- > 0;) {
      if (++where_.index[i] < lengths_[i]) return true;
      where_.index[i] = 0;
    }
    return false;
  }

 private:
  std::vector<std::size_t> lengths_;
  chunk_coordinate where_;
  double count_ = 1;
};

class walk {
 public:
  walk(hid_t dataset, const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents,
       const chunk_visitor& visitor)
      : dataset_{dataset},
        shape_{shape},
        extents_{extents},
        visitor_{visitor},
        space_{H5Dget_space(dataset), "extents of a plane"},
        places_{shape, extents} {}

  void run() {
    const auto chunks = count();
    if (chunks == 0U || places_.count() == 0) return;
    if (!chunks && places_.count() > most_places) throw failure{"the index of its chunks cannot be read", "", 0};
    // HDF5 finds the n-th chunk by stepping over all before it.
    constexpr auto never = std::numeric_limits<double>::infinity();
    const auto steps_by_number = chunks ? static_cast<double>(*chunks) * static_cast<double>(*chunks) / 2 : never;
    const auto steps_by_place = places_.count() * steps_per_look_up;
    if (std::min(steps_by_number, steps_by_place) > visitor_.most_steps) return;
    if (steps_by_number < steps_by_place)
      by_number(*chunks);
    else
      by_place(chunks.value_or(std::numeric_limits<std::uint64_t>::max()));
  }

 private:
  std::optional<std::uint64_t> count() {
    hsize_t chunks = 0;
    if (H5Dget_num_chunks(dataset_, space_, &chunks) >= 0) return chunks;
    take_error_stack();
    return {};
  }

  void by_number(std::uint64_t chunks) {
    std::vector<hsize_t> offset(shape_.size());
    chunk_coordinate where;
    where.rank = static_cast<std::uint32_t>(shape_.size());
    for (hsize_t n = 0; n < chunks; ++n) {
      unsigned mask = 0;
      haddr_t address = 0;
      hsize_t bytes = 0;
      check(H5Dget_chunk_info(dataset_, space_, n, offset.data(), &mask, &address, &bytes), "listing chunks");
      bool is_inside = true;
      for (std::size_t i = 0; i < shape_.size(); ++i) {
        is_inside = is_inside && offset[i] < extents_[i];
        where.index[i] = static_cast<std::uint32_t>(offset[i] / shape_[i]);
      }
      if (is_inside) visitor_.found(where);
    }
  }

  void by_place(std::uint64_t chunks) {
    for (bool more = true; more && chunks > 0; more = places_.advance()) {
      const auto& where = places_.current();
      try {
        if (stored_chunk_bytes(dataset_, *chunk_offset(where, shape_, extents_)) == 0) continue;
        --chunks;
      } catch (const failure& problem) {
        visitor_.unreadable(where, problem.what());
        continue;
      }
      visitor_.found(where);
    }
  }

  const hid_t dataset_;
  const std::vector<std::size_t>&shape_, &extents_;
  const chunk_visitor& visitor_;
  const handle space_;
  places places_;
};

}  // namespace

void visit_stored_chunks(hid_t dataset, const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents,
                         const chunk_visitor& visitor) {
  walk{dataset, shape, extents, visitor}.run();
}

void visit_places(const std::vector<std::size_t>& shape, const std::vector<std::size_t>& extents,
                  const chunk_visitor& visitor) {
  places all{shape, extents};
  for (bool more = all.count() > 0; more; more = all.advance()) visitor.found(all.current());
}

}  // namespace hugehist::store::hdf5
