#include "read/reduce.hpp"

#include <hugehist/error.hpp>
#include <hugehist/storage.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/c_order.hpp"
#include "base/checked.hpp"
#include "chunk/buffers.hpp"
#include "read/available_memory.hpp"
#include "read/contribution.hpp"
#include "read/mean_kernels.hpp"
#include "read/plan.hpp"

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

using base::checked_multiply;

/// Zeros of the answer's shape. Throws memory_error when they do not fit.
dense_planes make_answer(std::vector<std::size_t> shape, std::span<const plane_info> infos, bool scaled) {
  const auto cells = base::checked_product(shape, "the answer of the read");
  const auto bytes = checked_multiply(checked_multiply(cells, element_size, "the answer of the read"), infos.size(),
                                      "the answer of the read");
  const auto refuse = [&](std::size_t available) {
    std::string text;
    for (const auto length : shape) text += (text.empty() ? "" : ", ") + std::to_string(length);
    std::string message = "an answer of shape (" + text + ") takes " + std::to_string(bytes >> 20) + " MiB";
    if (available != 0) message += ", but only " + std::to_string(available >> 20) + " MiB of memory are available";
    throw memory_error{message + ": project or slice first, or read it in parts"};
  };
  if (const auto available = available_memory(); bytes > available) refuse(available);
  dense_planes answer;
  answer.shape = std::move(shape);
  try {
    for (const auto& info : infos) {
      if (info.is_integer && !scaled)
        answer.planes.emplace_back(std::vector<std::int64_t>(cells));
      else
        answer.planes.emplace_back(std::vector<double>(cells));
    }
  } catch (const std::bad_alloc&) {
    refuse(0);
  } catch (const std::length_error&) {
    refuse(0);
  }
  return answer;
}

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

/// A chunk, or its box, that waits for its turn to be added.
struct slot {
  chunk::aligned_buffer memory;
  chunk::pinned_chunk pin;
  const std::byte* data = nullptr;  ///< null: the chunk does not exist
  std::size_t plane_bytes = 0;
};

class reader {
 public:
  reader(const read_source& source, std::span<const axis_map> maps)
      : source_{source},
        infos_{planes(source.kind)},
        tracks_{model::is_mean(source.kind) ? 1 : infos_.size()},
        plan_{make_plan(source.layout.grid, maps)},
        answer_{make_answer(plan_.shape, infos_, plan_.scaled)},
        threads_{source.pool.size()},
        scratch_(threads_) {
    const auto chunk_bytes = std::max<std::size_t>(source_.layout.chunk_bytes(), 1);
    batch_limit_ = std::clamp(threads_ * batch_bytes_per_thread / chunk_bytes, batch_chunks_per_thread * threads_,
                              std::max(most_batch_chunks, batch_chunks_per_thread * threads_));
  }

  dense_planes run(const std::function<void(std::size_t, std::size_t)>& progress) {
    position_.assign(plan_.axes.size(), 0);
    std::size_t done = 0;
    while (done < plan_.chunks) {
      done += next_batch(plan_.chunks - done);
      add_batch();
      if (progress) progress(done, plan_.chunks);
    }
    return std::move(answer_);
  }

 private:
  using group_list = std::vector<std::vector<std::size_t>>;

  std::size_t rank() const noexcept { return plan_.axes.size(); }
  std::size_t batch_size() const noexcept { return rank() == 0 ? 0 : batch_.size() / rank(); }
  contribution visit(std::size_t item) const {
    return {plan_, source_.layout.grid, std::span{batch_}.subspan(item * rank(), rank())};
  }

  std::size_t next_batch(std::size_t left);
  void advance();
  group_list group_batch() const;
  void add_batch();
  void add_groups(const group_list& groups);
  void add_slots();
  std::size_t slot_limit() const;
  void fill_slot(slot& target, std::size_t item, worker_scratch& scratch);
  void add_slots_to_answer(std::span<const slot> slots, std::size_t first);
  std::vector<stripe> choose_stripes() const;

  const std::byte* fetch(const contribution& chunk, chunk::pinned_chunk& pin, chunk::aligned_buffer& buffer);
  void reduce(const contribution& chunk, const std::byte* data, std::byte* box) const;
  void add(const contribution& chunk, const std::byte* data, std::size_t plane_bytes, std::size_t plane,
           const stripe* within);
  int power(std::size_t plane) const { return infos_[plane].name == "variances" ? 2 : 1; }

  const read_source& source_;
  std::span<const plane_info> infos_;
  std::size_t tracks_;  // planes that add up by themselves; those of means go together, as one track
  plan plan_;
  dense_planes answer_;
  std::size_t threads_;
  std::size_t batch_limit_ = 1;
  std::vector<worker_scratch> scratch_;
  std::vector<std::uint32_t> position_;  // of the next chunk: its part along each axis
  std::vector<std::uint32_t> batch_;     // positions of the chunks of this batch, one after another
};

/// Fills the batch with the next chunks that exist; returns how many were looked at.
std::size_t reader::next_batch(std::size_t left) {
  batch_.clear();
  std::size_t seen = 0;
  for (; seen < std::min(left, most_batch_questions) && batch_size() < batch_limit_; ++seen, advance())
    if (source_.cache.exists(source_.layout, contribution{plan_, source_.layout.grid, position_}.coordinate()))
      batch_.insert(batch_.end(), position_.begin(), position_.end());
  return seen;
}

void reader::advance() {
  base::advance(position_, rank(), [this](std::size_t axis) { return plan_.axes[axis].parts.size(); });
}

reader::group_list reader::group_batch() const {
  group_list groups;
  std::unordered_map<std::uint64_t, std::size_t> numbers;
  for (std::size_t item = 0; item < batch_size(); ++item) {
    const auto [found, is_new] = numbers.try_emplace(visit(item).group(), groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(item);
  }
  return groups;
}

/// Either way each bin of the answer gets the chunks' contributions in file order.
void reader::add_batch() {
  if (batch_.empty()) return;
  const auto groups = group_batch();
  if (threads_ == 1 || groups.size() == batch_size() || groups.size() >= 2 * threads_)
    add_groups(groups);
  else
    add_slots();
}

/// Groups share no bin of the answer, so each is added by one thread without waiting for others.
void reader::add_groups(const group_list& groups) {
  source_.pool.parallel_for(groups.size(), [&](std::size_t number, unsigned worker) {
    auto& scratch = scratch_[worker];
    for (const auto item : groups[number]) {
      const auto chunk = visit(item);
      chunk::pinned_chunk pin;
      const auto* data = fetch(chunk, pin, scratch.chunk);
      if (data == nullptr) continue;
      auto plane_bytes = source_.layout.grid.cells() * element_size;
      if (!chunk.direct()) {
        plane_bytes = chunk.box_cells() * element_size;
        auto* box = reserve(scratch.box, plane_bytes * infos_.size());
        reduce(chunk, data, box);
        data = box;
      }
      for (std::size_t track = 0; track < tracks_; ++track) add(chunk, data, plane_bytes, track, nullptr);
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
    add_slots_to_answer(slots, first);
  }
}

std::size_t reader::slot_limit() const {
  std::size_t largest = 1;
  for (std::size_t item = 0; item < batch_size(); ++item) {
    const auto chunk = visit(item);
    largest = std::max(
        largest, chunk.direct() ? source_.layout.chunk_bytes() : chunk.box_cells() * element_size * infos_.size());
  }
  const auto bytes = std::max(2 * threads_ * source_.layout.chunk_bytes(), least_slot_bytes);
  return std::max(bytes / largest, threads_);
}

void reader::fill_slot(slot& target, std::size_t item, worker_scratch& scratch) {
  const auto chunk = visit(item);
  target.pin = {};
  if (chunk.direct()) {
    target.data = fetch(chunk, target.pin, target.memory);
    target.plane_bytes = source_.layout.grid.cells() * element_size;
    return;
  }
  chunk::pinned_chunk pin;
  const auto* data = fetch(chunk, pin, scratch.chunk);
  target.data = nullptr;
  if (data == nullptr) return;
  target.plane_bytes = chunk.box_cells() * element_size;
  auto* box = reserve(target.memory, target.plane_bytes * infos_.size());
  reduce(chunk, data, box);
  target.data = box;
}

void reader::add_slots_to_answer(std::span<const slot> slots, std::size_t first) {
  std::size_t bytes = 0;
  for (const auto& s : slots) bytes += s.data != nullptr ? s.plane_bytes * infos_.size() : 0;
  std::vector<stripe> stripes;
  if (bytes >= least_parallel_add_bytes) stripes = choose_stripes();
  const auto pieces = std::max<std::size_t>(stripes.size(), 1);
  const auto add_piece = [&](std::size_t piece, unsigned) {
    const auto* within = stripes.empty() ? nullptr : &stripes[piece % pieces];
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (slots[i].data != nullptr) add(visit(first + i), slots[i].data, slots[i].plane_bytes, piece / pieces, within);
  };
  if (bytes >= least_parallel_add_bytes)
    source_.pool.parallel_for(pieces * tracks_, add_piece);
  else
    for (std::size_t piece = 0; piece < tracks_; ++piece) add_piece(piece, 0);
}

/// Cuts the answer along an axis that chunks copy, one stripe for each thread: the outermost that is long enough in
/// every chunk, so that rows stay whole.
std::vector<stripe> reader::choose_stripes() const {
  std::vector<stripe> stripes;
  for (std::size_t axis = 0; axis < rank(); ++axis) {
    if (!is_copied(plan_.axes[axis]) || plan_.axes[axis].chunk_length < 2 * threads_) continue;
    const auto length = plan_.shape[axis];
    for (std::size_t i = 0; i < threads_; ++i)
      stripes.push_back({axis, length * i / threads_, length * (i + 1) / threads_});
    break;
  }
  return stripes;
}

/// The decoded chunk: from the cache, else from the store into `buffer`. Null where it does not exist.
const std::byte* reader::fetch(const contribution& chunk, chunk::pinned_chunk& pin, chunk::aligned_buffer& buffer) {
  const auto coordinate = chunk.coordinate();
  pin = source_.cache.find(source_.layout, coordinate);
  if (pin) return pin.plane(0);
  const auto bytes = source_.layout.chunk_bytes();
  auto* data = reserve(buffer, bytes);
  return source_.cache.read_through(source_.layout, coordinate, {data, bytes}) ? data : nullptr;
}

template <class In, class Out>
void run_nest(const loop_nest& nest, const std::byte* in, void* out) {
  accumulate(nest.loops(), reinterpret_cast<const In*>(in) + nest.in_offset, static_cast<Out*>(out) + nest.out_offset,
             nest.scale);
}

/// All planes of means. `out`: where each begins.
template <class Plane>
void run_means(storage kind, const loop_nest& nest, const std::byte* in, std::size_t plane_bytes, const Plane& out) {
  const auto from = model::moment_planes_of<const double>(
      kind, [&](std::size_t p) { return reinterpret_cast<const double*>(in + p * plane_bytes); });
  const auto to = model::moment_planes_of<double>(kind, out);
  accumulate(nest.loops(), from.at(static_cast<std::ptrdiff_t>(nest.in_offset)),
             to.at(static_cast<std::ptrdiff_t>(nest.out_offset)), nest.scale);
}

void reader::reduce(const contribution& chunk, const std::byte* data, std::byte* box) const {
  const auto box_bytes = chunk.box_cells() * element_size;
  std::memset(box, 0, box_bytes * infos_.size());
  if (model::is_mean(source_.kind)) {
    loop_nest nest;
    chunk.reduce_nest(nest, 1);
    return run_means(source_.kind, nest, data, source_.layout.grid.cells() * element_size,
                     [&](std::size_t p) { return reinterpret_cast<double*>(box + p * box_bytes); });
  }
  for (std::size_t plane = 0; plane < infos_.size(); ++plane) {
    loop_nest nest;
    chunk.reduce_nest(nest, power(plane));
    const auto* in = data + plane * source_.layout.grid.cells() * element_size;
    auto* out = box + plane * box_bytes;
    if (!infos_[plane].is_integer)
      run_nest<double, double>(nest, in, out);
    else if (plan_.scaled)
      run_nest<std::int64_t, double>(nest, in, out);
    else
      run_nest<std::int64_t, std::int64_t>(nest, in, out);
  }
}

void reader::add(const contribution& chunk, const std::byte* data, std::size_t plane_bytes, std::size_t plane,
                 const stripe* within) {
  loop_nest nest;
  chunk.answer_nest(nest, power(plane), within);
  if (nest.empty) return;
  if (model::is_mean(source_.kind))
    return run_means(source_.kind, nest, data, plane_bytes,
                     [&](std::size_t p) { return std::get<std::vector<double>>(answer_.planes[p]).data(); });
  const auto* in = data + plane * plane_bytes;
  std::visit(
      [&](auto& out) {
        using out_type = typename std::decay_t<decltype(out)>::value_type;
        // A box has the answer's type already; a chunk has the plane's.
        if constexpr (std::is_same_v<out_type, double>) {
          if (infos_[plane].is_integer && chunk.direct()) return run_nest<std::int64_t, double>(nest, in, out.data());
        }
        run_nest<out_type, out_type>(nest, in, out.data());
      },
      answer_.planes[plane]);
}

}  // namespace

dense_planes read(const read_source& source, std::span<const axis_map> maps,
                  const std::function<void(std::size_t, std::size_t)>& progress) {
  validate(maps, source.extents);
  const auto& grid = source.layout.grid;
  if (grid.rank() == 0 && !maps.empty()) {
    std::vector<std::size_t> shape;
    bool scaled = false;
    for (const auto& map : maps) {
      shape.push_back(map.extent);
      scaled = scaled || !map.factor.empty();
    }
    return make_answer(std::move(shape), planes(source.kind), scaled);
  }
  if (grid.rank() != maps.size())
    throw std::invalid_argument{"a read needs one map for each axis: got " + std::to_string(maps.size()) + " for " +
                                std::to_string(grid.rank()) + " axes"};
  assert(source.layout.planes == planes(source.kind).size());
  return reader{source, maps}.run(progress);
}

}  // namespace hugehist::read
