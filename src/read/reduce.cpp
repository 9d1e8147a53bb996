#include "read/reduce.hpp"

#include <hugehist/error.hpp>
#include <hugehist/storage.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "chunk/aligned_buffer.hpp"
#include "read/contribution.hpp"
#include "read/reduction.hpp"

namespace hugehist::read {
namespace {

// A batch gives each thread so many bytes to decode, so that the end of a batch costs little...
constexpr std::size_t batch_bytes_per_thread = std::size_t{8} << 20;
constexpr std::size_t batch_chunks_per_thread = 8;
constexpr std::size_t most_batch_chunks = 4096;
// ...and asks for so many chunks at most before progress is reported, where most of them do not exist.
constexpr std::size_t most_batch_questions = 65536;
// Chunks and boxes that wait to be added may take so much, where two chunks a thread take less.
constexpr std::size_t least_slot_bytes = std::size_t{16} << 20;
// Below this, waking the other threads costs more than adding.
constexpr std::size_t least_parallel_add_bytes = std::size_t{128} << 10;

constexpr std::uint32_t not_needed = std::numeric_limits<std::uint32_t>::max();

/// Memory of one worker, kept for the whole read.
struct worker_scratch {
  chunk::aligned_buffer chunk;
  chunk::aligned_buffer box;
};

std::byte* reserve(chunk::aligned_buffer& buffer, std::size_t bytes) {
  if (buffer.size() < bytes) {
    buffer = {};  // first, so that both are never held
    buffer = chunk::aligned_buffer{bytes};
  }
  return buffer.data();
}

/// A chunk that waits for its turn to be added, for each selection as it is or as a box.
struct slot {
  chunk::aligned_buffer chunk;
  chunk::aligned_buffer boxes;
  chunk::pinned_chunk pin;
  std::vector<const std::byte*> data;  // one for each selection; null: the chunk does not exist, or is not needed
};

std::size_t saturated_sum(std::size_t a, std::size_t b) noexcept {
  return a > std::numeric_limits<std::size_t>::max() - b ? std::numeric_limits<std::size_t>::max() : a + b;
}

class reader {
 public:
  reader(const read_source& source, std::span<const axis_maps> selections)
      : source_{source}, threads_{source.pool.size()}, scratch_(threads_) {
    reductions_.reserve(selections.size());
    for (const auto maps : selections) {
      reductions_.emplace_back(source.kind, source.layout.grid, maps);
      all_ = saturated_sum(all_, reductions_.back().chunks());
    }
    const auto chunk_bytes = std::max<std::size_t>(source_.layout.chunk_bytes(), 1);
    batch_limit_ = std::clamp(threads_ * batch_bytes_per_thread / chunk_bytes, batch_chunks_per_thread * threads_,
                              std::max(most_batch_chunks, batch_chunks_per_thread * threads_));
  }

  std::vector<dense_planes> run(const std::function<void(std::size_t, std::size_t)>& progress) {
    while (done_ < all_) {
      next_batch();
      add_batch();
      if (progress) progress(done_, all_);
    }
    std::vector<dense_planes> answers;
    for (auto& each : reductions_) answers.push_back(each.take_answer());
    return answers;
  }

 private:
  using group_list = std::vector<std::vector<std::size_t>>;

  std::size_t rank() const noexcept { return source_.layout.grid.rank(); }
  std::size_t batch_size() const noexcept { return batch_.size(); }
  /// What the selection takes from the chunk; nothing where it does not need it.
  std::optional<contribution> visit(std::size_t item, std::size_t selection) const {
    const auto parts = std::span{parts_}.subspan((item * reductions_.size() + selection) * rank(), rank());
    if (parts[0] == not_needed) return {};
    return reductions_[selection].visit(parts);
  }

  std::optional<store::chunk_coordinate> next_chunk() const;
  void next_batch();
  group_list group_batch() const;
  void add_batch();
  void add_groups(const group_list& groups);
  void add_slots();
  std::size_t slot_limit() const;
  void fill_slot(slot& target, std::size_t item, worker_scratch& scratch);
  void add_slots_to_answers(std::span<const slot> slots, std::size_t first);
  const std::byte* fetch(std::size_t item, chunk::pinned_chunk& pin, chunk::aligned_buffer& buffer);

  const read_source& source_;
  std::size_t threads_;
  std::vector<reduction> reductions_;  // one for each selection
  std::size_t all_ = 0, done_ = 0;     // chunks of each selection, added up
  std::size_t batch_limit_ = 1;
  std::vector<worker_scratch> scratch_;
  std::vector<store::chunk_coordinate> batch_;  // chunks of this batch
  std::vector<std::uint32_t> parts_;            // for each of them and each selection its parts, or not_needed
};

/// The first in file order that a selection still needs.
std::optional<store::chunk_coordinate> reader::next_chunk() const {
  std::optional<store::chunk_coordinate> first;
  for (const auto& each : reductions_)
    if (!each.at_end() && (!first || each.next() < *first)) first = each.next();
  return first;
}

/// Fills the batch with the next chunks that exist.
void reader::next_batch() {
  batch_.clear();
  parts_.clear();
  for (std::size_t asked = 0; asked < most_batch_questions && batch_size() < batch_limit_; ++asked) {
    const auto chunk = next_chunk();
    if (!chunk) return;
    const bool exists = source_.cache.exists(source_.layout, *chunk);
    if (exists) batch_.push_back(*chunk);
    for (auto& each : reductions_) {
      const bool needed = !each.at_end() && each.next() == *chunk;
      if (exists && needed) parts_.insert(parts_.end(), each.next_parts().begin(), each.next_parts().end());
      if (exists && !needed) parts_.insert(parts_.end(), rank(), not_needed);
      if (!needed) continue;
      each.advance();
      ++done_;
    }
  }
}

/// Chunks that share a bin of an answer are in one group.
reader::group_list reader::group_batch() const {
  group_list groups;
  if (reductions_.size() > 1) {
    groups.emplace_back();
    for (std::size_t item = 0; item < batch_size(); ++item) groups.back().push_back(item);
    return groups;
  }
  std::unordered_map<std::uint64_t, std::size_t> numbers;
  for (std::size_t item = 0; item < batch_size(); ++item) {
    const auto [found, is_new] = numbers.try_emplace(visit(item, 0)->group(), groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(item);
  }
  return groups;
}

/// Either way each bin of an answer gets the chunks' contributions in file order.
void reader::add_batch() {
  if (batch_.empty()) return;
  const auto groups = group_batch();
  if (threads_ == 1 || groups.size() == batch_size() || groups.size() >= 2 * threads_)
    add_groups(groups);
  else
    add_slots();
}

/// Groups share no bin of an answer, so each is added by one thread without waiting for others.
void reader::add_groups(const group_list& groups) {
  source_.pool.parallel_for(groups.size(), [&](std::size_t number, unsigned worker) {
    auto& scratch = scratch_[worker];
    for (const auto item : groups[number]) {
      chunk::pinned_chunk pin;
      const auto* data = fetch(item, pin, scratch.chunk);
      for (std::size_t i = 0; data != nullptr && i < reductions_.size(); ++i) {
        const auto chunk = visit(item, i);
        if (!chunk) continue;
        auto& target = reductions_[i];
        const auto* part = data;
        if (!chunk->direct()) {
          auto* box = reserve(scratch.box, target.box_bytes(*chunk));
          target.reduce(*chunk, data, box);
          part = box;
        }
        for (std::size_t track = 0; track < target.tracks(); ++track) target.add(*chunk, part, track, nullptr);
      }
    }
  });
}

/// Chunks that meet in the answer: decoded and reduced in parallel, then added in order.
void reader::add_slots() {
  const auto limit = slot_limit();
  std::vector<slot> slots(std::min(limit, batch_size()));
  for (std::size_t first = 0; first < batch_size(); first += slots.size()) {
    slots.resize(std::min(slots.size(), batch_size() - first));
    source_.pool.parallel_for(
        slots.size(), [&](std::size_t i, unsigned worker) { fill_slot(slots[i], first + i, scratch_[worker]); });
    add_slots_to_answers(slots, first);
  }
}

std::size_t reader::slot_limit() const {
  std::size_t largest = 1;
  for (std::size_t item = 0; item < batch_size(); ++item) {
    std::size_t boxes = 0;
    bool direct = false;
    for (std::size_t i = 0; i < reductions_.size(); ++i) {
      const auto chunk = visit(item, i);
      if (!chunk) continue;
      if (chunk->direct())
        direct = true;
      else
        boxes += reductions_[i].box_bytes(*chunk);
    }
    largest = std::max(largest, boxes + (direct ? source_.layout.chunk_bytes() : 0));
  }
  const auto bytes = std::max(2 * threads_ * source_.layout.chunk_bytes(), least_slot_bytes);
  return std::max(bytes / largest, threads_);
}

void reader::fill_slot(slot& target, std::size_t item, worker_scratch& scratch) {
  std::vector<std::optional<contribution>> chunks;
  std::size_t box_bytes = 0;
  bool direct = false;
  for (std::size_t i = 0; i < reductions_.size(); ++i) {
    const auto& chunk = chunks.emplace_back(visit(item, i));
    if (chunk && chunk->direct()) direct = true;
    if (chunk && !chunk->direct()) box_bytes += reductions_[i].box_bytes(*chunk);
  }
  target.data.assign(reductions_.size(), nullptr);
  target.pin = {};
  const auto* data = fetch(item, target.pin, direct ? target.chunk : scratch.chunk);
  if (data == nullptr) return;
  auto* box = reserve(target.boxes, box_bytes);
  for (std::size_t i = 0; i < reductions_.size(); ++i) {
    if (!chunks[i]) continue;
    target.data[i] = data;
    if (chunks[i]->direct()) continue;
    reductions_[i].reduce(*chunks[i], data, box);
    target.data[i] = box;
    box += reductions_[i].box_bytes(*chunks[i]);
  }
  if (!direct) target.pin = {};
}

void reader::add_slots_to_answers(std::span<const slot> slots, std::size_t first) {
  struct task {
    std::size_t selection, track;
    std::optional<stripe> within;
  };
  std::size_t bytes = 0;
  for (std::size_t s = 0; s < slots.size(); ++s)
    for (std::size_t i = 0; i < reductions_.size(); ++i)
      if (slots[s].data[i] != nullptr) {
        const auto chunk = visit(first + s, i);
        bytes += chunk->direct() ? source_.layout.chunk_bytes() : reductions_[i].box_bytes(*chunk);
      }
  const bool parallel = bytes >= least_parallel_add_bytes;
  std::vector<task> tasks;
  for (std::size_t i = 0; i < reductions_.size(); ++i) {
    const auto stripes = parallel ? reductions_[i].choose_stripes(threads_) : std::vector<stripe>{};
    for (std::size_t track = 0; track < reductions_[i].tracks(); ++track) {
      if (stripes.empty()) tasks.push_back({i, track, {}});
      for (const auto& each : stripes) tasks.push_back({i, track, each});
    }
  }
  const auto run = [&](std::size_t number, unsigned) {
    const auto& [selection, track, within] = tasks[number];
    for (std::size_t s = 0; s < slots.size(); ++s)
      if (const auto* data = slots[s].data[selection]; data != nullptr)
        reductions_[selection].add(*visit(first + s, selection), data, track, within ? &*within : nullptr);
  };
  if (parallel)
    source_.pool.parallel_for(tasks.size(), run);
  else
    for (std::size_t number = 0; number < tasks.size(); ++number) run(number, 0);
}

/// The decoded chunk: from the cache, else from the store into `buffer`. Null where it does not exist.
const std::byte* reader::fetch(std::size_t item, chunk::pinned_chunk& pin, chunk::aligned_buffer& buffer) {
  pin = source_.cache.find(source_.layout, batch_[item]);
  if (pin && !source_.magnitudes) return pin.plane(0);
  const auto bytes = source_.layout.chunk_bytes();
  auto* data = reserve(buffer, bytes);
  if (pin)
    std::memcpy(data, pin.plane(0), bytes);
  else if (!source_.cache.read_through(source_.layout, batch_[item], {data, bytes}))
    return nullptr;
  if (source_.magnitudes && source_.kind != storage::int_) {
    auto* values = reinterpret_cast<double*>(data);
    std::transform(values, values + bytes / element_size, values, [](double value) { return std::abs(value); });
  }
  return data;
}

dense_planes nothing(storage kind, axis_maps maps) {
  std::vector<std::size_t> shape;
  bool scaled = false;
  for (const auto& map : maps) {
    shape.push_back(map.extent);
    scaled = scaled || !map.factor.empty();
  }
  return make_answer(std::move(shape), planes(kind), scaled);
}

}  // namespace

std::vector<dense_planes> read_many(const read_source& source, std::span<const axis_maps> selections,
                                    const std::function<void(std::size_t, std::size_t)>& progress) {
  const auto& grid = source.layout.grid;
  for (const auto maps : selections) validate(maps, source.extents);
  if (grid.rank() == 0) {
    std::vector<dense_planes> answers;
    for (const auto maps : selections) answers.push_back(nothing(source.kind, maps));
    return answers;
  }
  assert(source.layout.planes == planes(source.kind).size());
  return reader{source, selections}.run(progress);
}

dense_planes read(const read_source& source, axis_maps maps,
                  const std::function<void(std::size_t, std::size_t)>& progress) {
  return std::move(read_many(source, std::span{&maps, 1}, progress).front());
}

}  // namespace hugehist::read
