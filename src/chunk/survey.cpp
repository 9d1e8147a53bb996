#include "chunk/survey.hpp"

#include "chunk/numbering.hpp"

#include <hugehist/error.hpp>
#include <hugehist/storage.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

namespace hugehist::chunk {
namespace {

constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t chunks_between_pauses = std::size_t{1} << 16;
constexpr std::size_t chunks_between_reports = 64;

}  // namespace

struct survey::gridded {
  store::histogram_id id;
  storage kind;
  codec::settings codec;
  numbering numbers;
  std::size_t plane_bytes = element_size;

  gridded(store::histogram_id which, const store::histogram_record& record)
      : id{which}, kind{record.schema.kind}, codec{record.codec}, numbers{record} {
    for (const auto length : record.chunk_shape) plane_bytes *= length;
  }
};

/// A plane of a chunk.
struct survey::stored {
  std::uint64_t offset = nowhere;  // that: the store cannot tell
  std::uint64_t number = 0;        // in the grid
  std::uint32_t size = 0;
  std::uint32_t plane = 0;  // and which histogram: that × max_planes + plane
};

survey::survey(store::store& store, base::thread_pool& pool, std::size_t memory, survey_listener listener)
    : store_{store}, pool_{pool}, memory_{memory}, listener_{std::move(listener)} {}
survey::~survey() = default;

void survey::tell_damage(const store::chunk_key& key, std::size_t plane, const std::string& reason) {
  const std::lock_guard lock{listener_mutex_};
  listener_.damaged(key, plane, reason);
}

/// Whether the work came to its end.
template <class Work>
bool survey::attempt(const store::chunk_key& key, std::size_t plane, const Work& work) {
  try {
    work();
    return true;
  } catch (const error& problem) {
    tell_damage(key, plane, problem.what());
  } catch (const std::system_error& problem) {  // a disk that cannot read its sectors
    tell_damage(key, plane, problem.what());
  }
  return false;
}

void survey::find_chunks(std::size_t which) {
  const auto& histogram = histograms_[which];
  for (std::size_t plane = 0; plane < planes(histogram.kind).size(); ++plane) {
    const auto found = [&](const store::chunk_coordinate& where) {
      const store::chunk_key key{histogram.id, where};
      attempt(key, plane, [&] {
        const auto chunk = store_.find_chunk(key, plane);
        const auto* place = std::get_if<store::chunk_area::location>(&chunk);
        stored_.push_back({place == nullptr ? nowhere : place->offset, histogram.numbers.number_of(where),
                           place == nullptr ? 0 : place->size, static_cast<std::uint32_t>(which * max_planes + plane)});
      });
    };
    const auto unreadable = [&](const store::chunk_coordinate& where, const std::string& reason) {
      tell_damage({histogram.id, where}, plane, reason);
    };
    attempt({histogram.id, {}}, plane, [&] { store_.visit_chunks(histogram.id, plane, {found, unreadable}); });
  }
}

void survey::find_shared() {
  std::ranges::stable_sort(stored_, {}, &stored::offset);
  if (!store_.area().is_file()) return;
  std::size_t last = 0;  // the one that reaches farthest
  for (std::size_t i = 1; i < stored_.size() && stored_[i].offset != nowhere; ++i) {
    const auto end = stored_[last].offset + stored_[last].size;
    if (stored_[i].offset < end) shared_.insert({i, last});
    if (stored_[i].offset + stored_[i].size > end) last = i;
  }
}

void survey::read(std::size_t item, workspace& scratch) {
  const auto& place = stored_[item];
  const auto& histogram = histograms_[place.plane / max_planes];
  const store::chunk_key key{histogram.id, histogram.numbers.coordinate_of(place.number)};
  const auto plane = place.plane % max_planes;
  std::optional<codec::encoded_chunk> chunk;
  const bool is_sound = attempt(key, plane, [&] {
    if (shared_.contains(item)) throw corruption_error{"it shares bytes of the file with another chunk"};
    if (listener_.wanted && !listener_.wanted(key)) return;
    store::found_chunk found;
    {
      const std::lock_guard lock{store_mutex_};
      found = store_.find_chunk(key, plane);
    }
    chunk = content_of(std::move(found), store_.area());
    if (!chunk) throw corruption_error{"it cannot be found again"};
    scratch.decoded.resize(histogram.plane_bytes);
    scratch.coder.decode(chunk->bytes, chunk->filter_mask, histogram.codec, scratch.decoded);
  });
  if (is_sound && chunk) {
    if (listener_.sound) listener_.sound(key, plane, *chunk);
    ++chunks_;
    bytes_ += chunk->bytes.size();
  }
  const auto done = ++done_;
  if (!listener_.progress || (done % chunks_between_reports != 0 && done != stored_.size())) return;
  const std::lock_guard lock{listener_mutex_};
  listener_.progress(done, stored_.size());
}

void survey::run(std::span<const store::histogram_id> histograms) {
  histograms_.clear();
  stored_.clear();
  shared_.clear();
  done_ = 0;
  for (const auto id : histograms)
    if (const auto& record = store_.record(id); !record.chunk_shape.empty()) histograms_.emplace_back(id, record);
  for (std::size_t i = 0; i < histograms_.size(); ++i) find_chunks(i);
  find_shared();

  std::size_t largest = 0;
  for (const auto& each : histograms_) largest = std::max(largest, each.plane_bytes);
  const bool is_parallel = 4 * largest * pool_.size() <= memory_;  // encoded, shuffled and decoded
  std::vector<workspace> scratches(is_parallel ? pool_.size() : 1);
  for (std::size_t first = 0; first < stored_.size(); first += chunks_between_pauses) {
    const auto count = std::min(chunks_between_pauses, stored_.size() - first);
    if (is_parallel)
      pool_.parallel_for(count, [&](std::size_t i, unsigned worker) { read(first + i, scratches[worker]); });
    else
      for (std::size_t i = 0; i < count; ++i) read(first + i, scratches[0]);
    if (listener_.pause) listener_.pause();
  }
}

}  // namespace hugehist::chunk
