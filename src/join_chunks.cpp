#include "join_chunks.hpp"

#include "chunk/aligned_buffer.hpp"
#include "chunk/policy.hpp"
#include "chunk/survey.hpp"
#include "inspection.hpp"
#include "rollups.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <string>
#include <tuple>

namespace hugehist::join {
namespace {

constexpr std::size_t chunks_between_commits = std::size_t{1} << 16;
constexpr std::size_t least_cache = std::size_t{8} << 20;

}  // namespace

/// Decoded chunks of one part. Those that are read more than once stay in a cache of `share` bytes, where that is large
/// enough for one a thread, and for the huge pages that a cache takes.
class chunk_join::reader {
 public:
  reader(store::store& store, const part& which, std::size_t share, unsigned threads)
      : layout_{rollups::layout_of(which.id, store.record(which.id))},
        numbers_{store.record(which.id)},
        cache_{std::make_unique<chunk::chunk_cache>(store, share)},
        is_cached_{std::max(threads * layout_.chunk_bytes(), least_cache) <= share} {}

  std::size_t chunk_bytes() const noexcept { return layout_.chunk_bytes(); }

  /// use(coordinate, content), unless nothing of the chunk is stored.
  template <class Use>
  void read(std::uint64_t number, chunk::aligned_buffer& scratch, const Use& use) {
    const auto where = numbers_.coordinate_of(number);
    if (is_cached_) {
      const auto pin = cache_->acquire(layout_, where);
      if (!pin.is_blank()) use(where, pin.plane(0));
      return;
    }
    if (scratch.size() < chunk_bytes()) scratch = chunk::aligned_buffer{chunk_bytes()};
    const std::span content{scratch.data(), chunk_bytes()};
    if (cache_->read_through(layout_, where, content)) use(where, content.data());
  }

 private:
  chunk::layout layout_;
  chunk::numbering numbers_;
  std::unique_ptr<chunk::chunk_cache> cache_;
  bool is_cached_;
};

const store::histogram_record& chunk_join::record_of(const part& which) const {
  return sources_[which.source].store->record(which.id);
}

void chunk_join::refuse_damage(std::size_t source, const store::chunk_key& key, std::size_t plane,
                               const std::string& reason) const {
  inspection::findings found;
  found.add_chunk(*sources_[source].store, key, plane, reason);
  throw corruption_error{"'" + sources_[source].path + "' is damaged, and nothing was joined: " +
                         to_string(found.list.front()) + ". What is whole of it can be had by salvage"};
}

void chunk_join::tell(std::uint64_t done) {
  constexpr std::uint64_t step = 64;
  const bool is_due = done / step != done_ / step || done == all_;
  done_ = done;
  if (progress_ && is_due) progress_(done, all_);
}

/// What waits for a commit takes memory.
void chunk_join::commit_if_due() {
  if (uncommitted_ < chunks_between_commits) return;
  to_.commit();
  uncommitted_ = 0;
}

void chunk_join::add(const joined_histogram& histogram, store::histogram_id id) {
  for (std::size_t p = 0; p < histogram.parts.size(); ++p)
    placed_[histogram.parts[p].source][histogram.parts[p].id] = {targets_.size(), p};
  targets_.push_back({&histogram, id});
}

void chunk_join::run() {
  for (auto& each : targets_) find_touches(each);
  for (std::size_t s = 0; s < sources_.size(); ++s) copy_from(s);
  for (const auto& each : targets_) add_up(each);
  to_.commit();
}

// ---- what goes where

std::vector<std::uint64_t> chunk_join::chunks_of(const part& which) {
  auto& store = *sources_[which.source].store;
  const auto& record = record_of(which);
  const chunk::numbering numbers{record};
  std::vector<std::uint64_t> found;
  for (std::size_t plane = 0; plane < planes(record.schema.kind).size(); ++plane)
    store.visit_chunks(which.id, plane,
                       {[&](const auto& where) { found.push_back(numbers.number_of(where)); },
                        [&](const auto& where, const auto& reason) {
                          refuse_damage(which.source, {which.id, where}, plane, reason);
                        }});
  all_ += found.size();
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void chunk_join::find_touches(target& to) {
  const auto& parts = to.histogram->parts;
  if (parts.empty()) return;
  if (to_.record(to.id).chunk_shape.empty()) to_.set_chunk_shape(to.id, chunk::choose_chunk_shape(to_.record(to.id)));
  const auto& record = to_.record(to.id);
  to.numbers.emplace(record);
  for (std::uint32_t p = 0; p < parts.size(); ++p) {
    const auto& from = record_of(parts[p]);
    const bool has_our_filters = from.growable && from.codec.method == record.codec.method;
    to.parts.push_back({chunk_map{from, record, parts[p].bins}, has_our_filters});
    auto& [map, is_copied, is_scattered] = to.parts.back();
    const chunk::numbering numbers{from};
    for (const auto chunk : chunks_of(parts[p])) {
      const auto where = numbers.coordinate_of(chunk);
      const auto whole = is_copied ? map.whole(where) : std::nullopt;
      if (whole) {
        to.sums.push_back({to.numbers->number_of(*whole), chunk, p, true});
        continue;
      }
      const auto before = to.sums.size();
      map.for_each_target(where, [&](const auto& place) {
        to.sums.push_back({to.numbers->number_of(place), chunk, p, false});
      });
      if (to.sums.size() > before + 1) is_scattered = true;
    }
  }
  std::ranges::sort(to.sums, {}, [](const touch& each) { return std::tuple{each.target, each.part, each.chunk}; });
  keep_sums(to);
  all_ += to.sums.size();
}

/// Counts, and forgets what is copied: that finds its place by the map.
void chunk_join::keep_sums(target& to) {
  auto kept = to.sums.begin();
  for (auto begin = to.sums.begin(), end = begin; begin != to.sums.end(); begin = end) {
    end = std::find_if(begin, to.sums.end(), [&](const auto& each) { return each.target != begin->target; });
    const bool is_sum = end - begin > 1 || !begin->is_copy;
    ++(is_sum ? merged_ : copied_);
    for (auto each = begin; is_sum && each != end; ++each) *kept++ = *each;
  }
  to.sums.erase(kept, to.sums.end());
  to.sums.shrink_to_fit();
}

// ---- chunks that one source has alone

/// Where it goes as it is; nothing where it is added.
std::optional<store::chunk_key> chunk_join::copy_of(std::size_t source, const store::chunk_key& chunk) const {
  const auto& [number, part] = placed_[source].at(chunk.histogram);
  const auto& to = targets_[number];
  const auto& placed = to.parts[part];
  const auto whole = placed.is_copied ? placed.map.whole(chunk.coordinate) : std::nullopt;
  if (!whole || std::ranges::binary_search(to.sums, to.numbers->number_of(*whole), {}, &touch::target)) return {};
  return store::chunk_key{to.id, *whole};
}

void chunk_join::copy_from(std::size_t source) {
  std::vector<store::histogram_id> histograms;
  for (const auto& [id, place] : placed_[source]) histograms.push_back(id);
  std::ranges::sort(histograms);
  const auto before = done_;
  chunk::survey survey{*sources_[source].store,
                       pool_,
                       memory_ / 4,
                       {.damaged = [&](const auto& key, std::size_t plane,
                                       const auto& reason) { refuse_damage(source, key, plane, reason); },
                        .sound =
                            [&](const auto& key, std::size_t plane, const auto& chunk) {
                              const auto where = to_.area().write(chunk);
                              const std::lock_guard lock{mutex_};
                              to_.set_chunk(*copy_of(source, key), plane, where);
                              ++uncommitted_;
                            },
                        .progress = [&](std::size_t done, std::size_t) { tell(before + done); },
                        .pause = [&] { commit_if_due(); },
                        .wanted = [&](const auto& key) { return copy_of(source, key).has_value(); }}};
  survey.run(histograms);
}

// ---- chunks that several have, or that come from other places

void chunk_join::add_up(const target& to) {
  if (to.sums.empty()) return;
  const auto& parts = to.histogram->parts;
  const auto scattered = static_cast<std::size_t>(std::ranges::count(to.parts, true, &placed_part::is_scattered));
  std::vector<reader> readers;
  std::size_t largest = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const auto share = to.parts[p].is_scattered ? memory_ / 4 / scattered : 0;
    readers.emplace_back(*sources_[parts[p].source].store, parts[p], share, pool_.size());
    largest = std::max(largest, readers.back().chunk_bytes());
  }
  chunk::chunk_cache cache{to_, memory_ / 2, memory_};
  const auto layout = rollups::layout_of(to.id, to_.record(to.id));
  const bool is_parallel =
      largest * pool_.size() <= memory_ / 4 && layout.chunk_bytes() * pool_.size() <= cache.budget();

  std::vector<std::span<const touch>> chunks;  // each with what is added to it
  for (auto rest = std::span{to.sums}; !rest.empty(); rest = rest.subspan(chunks.back().size())) {
    const auto end = std::ranges::find_if(rest, [&](const auto& each) { return each.target != rest.front().target; });
    chunks.emplace_back(rest.begin(), end);
  }
  std::vector<chunk::aligned_buffer> scratches(pool_.size());
  const auto add_one = [&](std::span<const touch> sums, unsigned worker) {
    const auto where = to.numbers->coordinate_of(sums.front().target);
    {
      auto sum = cache.acquire(layout, where);
      sum.mark_dirty();
      for (const auto& each : sums)
        readers[each.part].read(each.chunk, scratches[worker], [&](const auto& from, const std::byte* content) {
          to.parts[each.part].map.add(from, content, where, sum.plane(0));
        });
    }
    const std::lock_guard lock{mutex_};
    tell(done_ + sums.size());
  };
  for (std::size_t first = 0; first < chunks.size(); first += chunks_between_commits) {
    const auto count = std::min(chunks_between_commits, chunks.size() - first);
    if (is_parallel)
      pool_.parallel_for(count, [&](std::size_t i, unsigned worker) { add_one(chunks[first + i], worker); });
    else
      for (std::size_t i = 0; i < count; ++i) add_one(chunks[first + i], 0);
    cache.write_back(pool_);
    uncommitted_ += count;
    commit_if_due();
  }
}

}  // namespace hugehist::join
