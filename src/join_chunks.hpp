// The content of the joined histograms: chunks are copied where one source alone has them, and added up elsewhere.
//
// Each chunk of the target is written once: sums are made in the order of the sources, so that they do not depend on
// threads. For one thread; nobody else uses the stores.
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "chunk/numbering.hpp"
#include "join_map.hpp"
#include "join_plan.hpp"
#include "join_sources.hpp"
#include "store/store.hpp"

#include <hugehist/histogram.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hugehist::join {

class chunk_join {
 public:
  chunk_join(std::span<const source> sources, store::store& to, base::thread_pool& pool, std::size_t memory,
             const histogram::progress_callback& progress)
      : sources_{sources}, to_{to}, pool_{pool}, memory_{memory}, progress_{progress}, placed_(sources.size()) {}

  /// What a histogram of the target, empty so far, gets. `histogram` is to stay.
  void add(const joined_histogram& histogram, store::histogram_id id);
  /// Copies and adds it up, and commits. Throws corruption_error that names file, histogram and chunk.
  void run();

  /// Chunks of the target.
  std::uint64_t copied() const noexcept { return copied_; }
  std::uint64_t merged() const noexcept { return merged_; }

 private:
  /// A chunk of a source, by its number, that goes to one of the target.
  struct touch {
    std::uint64_t target = 0, chunk = 0;
    std::uint32_t part = 0;
    bool is_copy = false;
  };
  struct placed_part {
    chunk_map map;
    bool is_copied;             // where its chunks fit
    bool is_scattered = false;  // some of its chunks go to more than one of the target's
  };
  struct target {
    const joined_histogram* histogram;
    store::histogram_id id;
    std::optional<chunk::numbering> numbers = {};
    std::vector<placed_part> parts = {};
    std::vector<touch> sums = {};  // by chunk of the target, and there by part
  };
  class reader;

  const store::histogram_record& record_of(const part& which) const;
  void find_touches(target& to);
  std::vector<std::uint64_t> chunks_of(const part& which);
  void keep_sums(target& to);
  std::optional<store::chunk_key> copy_of(std::size_t source, const store::chunk_key& chunk) const;
  void copy_from(std::size_t source);
  void add_up(const target& to);
  void tell(std::uint64_t done);
  void commit_if_due();
  [[noreturn]] void refuse_damage(std::size_t source, const store::chunk_key& key, std::size_t plane,
                                  const std::string& reason) const;

  std::span<const source> sources_;
  store::store& to_;
  base::thread_pool& pool_;
  const std::size_t memory_;
  const histogram::progress_callback& progress_;

  std::vector<target> targets_;
  /// For each source: which part of which target a histogram is.
  std::vector<std::unordered_map<store::histogram_id, std::pair<std::size_t, std::size_t>>> placed_;
  std::uint64_t copied_ = 0, merged_ = 0;
  std::uint64_t done_ = 0, all_ = 0;  // planes to look at in the sources, and chunks to add
  std::size_t uncommitted_ = 0;       // chunks
  std::mutex mutex_;                  // of the target while copying, of done_ while adding up
};

}  // namespace hugehist::join
