// Roll-ups: sums of a histogram over all but some of its axes, which the file keeps up to date.
//
// A roll-up is a hidden histogram in the same store. Its category axes have the labels of the histogram's in the same
// order, so that the maps of a selection fit both. Every merge is summed and merged into the roll-ups too; what
// overwriting touches is summed anew at the next commit, and until then the roll-up is not read. Where keeping one up
// to date fails, the histogram stands and the roll-up is stale: nobody reads it, and it can be made anew. All
// functions: REQUIRES: entered.
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/category_index.hpp"
#include "store/store.hpp"

#include <hugehist/histogram.hpp>

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace hugehist::rollups {

struct rollup {
  store::histogram_id id = 0;
  std::vector<std::size_t> axes;                  ///< of the histogram: those that it keeps, ascending
  std::vector<model::category_index> categories;  ///< one for each category axis among them
  chunk::layout layout;
  std::vector<std::set<std::size_t>> touched;  ///< bins of each axis within which it is to be made anew; empty: none
  bool all_touched = false;

  bool is_touched() const noexcept { return all_touched || !touched.empty(); }
};

/// A histogram in an open file, and its roll-ups.
struct context {
  store::store& store;
  chunk::chunk_cache& cache;
  base::thread_pool& pool;
  std::size_t memory;  ///< of the file
  const std::string& name;
  store::histogram_id id;
  storage kind;
  const chunk::layout& layout;
  std::vector<rollup>& rollups;
};

/// The chunks of a histogram as the store has them.
chunk::layout layout_of(store::histogram_id id, const store::histogram_record& record);

/// As it is in the store.
rollup load(const store::store& store, store::histogram_id id);

/// Positions of the axes, ascending. Throws key_error for one that is not there; std::invalid_argument where they are
/// none, all, or one twice.
std::vector<std::size_t> find_axes(std::span<const axis_reference> kept, const std::vector<axis::any>& axes,
                                   const std::string& owner);

/// Creates it and sums what there is. On an exception there is none. Throws std::invalid_argument where it exists.
void add(const context& of, const std::vector<std::size_t>& axes, const histogram::progress_callback& progress);
/// Throws key_error where there is none.
void remove(const context& of, const std::vector<std::size_t>& axes);

// What the histogram got: these do not throw.
void merged(const context& of, const delta& addend) noexcept;
void grown(const context& of) noexcept;
void overwritten(const context& of, std::span<const std::vector<std::size_t>> bins) noexcept;

/// Makes all of them anew. On an exception those that are left are made anew at the next commit.
void rebuild(const context& of, const histogram::progress_callback& progress);

/// Makes anew what was touched; a roll-up for which that fails is stale.
void refresh(const context& of);

/// Reads selections, each from the smallest roll-up that has all it asks for, else from the histogram's own chunks.
std::vector<dense_planes> read(const context& of, std::span<const std::vector<axis_map>> selections,
                               const histogram::progress_callback& progress);

/// Sums everything anew and compares. Damage, not an exception, is what it is for.
std::vector<rollup_damage> check(const context& of, const histogram::progress_callback& progress);

}  // namespace hugehist::rollups
