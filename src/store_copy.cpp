#include "store_copy.hpp"

#include <mutex>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace hugehist {
namespace {

class copier {
 public:
  copier(store::store& from, store::store& to, base::thread_pool& pool, std::size_t memory,
         const histogram::progress_callback& progress, inspection::findings& lost)
      : from_{from}, to_{to}, pool_{pool}, memory_{memory}, progress_{progress}, lost_{lost} {}

  copy_result run() {
    copy_file_record();
    std::vector<store::histogram_id> histograms;
    for (const auto& name : from_.histograms()) {
      const auto id = from_.find(name);
      try {
        ids_[id] = to_.create(name, record_of(id));
        histograms.push_back(id);
      } catch (const std::invalid_argument& problem) {  // of another program, and not as we could have it
        lost_.add({name, "", {}, "", problem.what()});
      }
    }
    copy_chunks(histograms);
    std::vector<store::histogram_id> rollups;
    for (const auto id : histograms)
      for (const auto each : from_.record(id).rollups) {
        ids_[each] = to_.create_rollup(ids_.at(id), record_of(each));
        if (losers_.contains(id))
          give_up(each);
        else
          rollups.push_back(each);
      }
    copy_chunks(rollups);
    for (const auto id : rollups)
      if (losers_.contains(id)) give_up(id);
    to_.commit();
    return std::move(result_);
  }

 private:
  void copy_file_record() {
    for (const auto& [key, value] : from_.file().attributes) to_.set_attribute(key, value);
    for (const auto& [key, value] : from_.file().counters) to_.set_counter(key, value);
    for (const auto& id : from_.ledger().entries()) to_.add_to_ledger(id);
  }

  store::histogram_record record_of(store::histogram_id id) const {
    auto record = from_.record(id);
    record.rollups.clear();
    if (!record.growable) record.codec = {};
    return record;
  }

  void give_up(store::histogram_id rollup) {
    to_.set_stale(ids_.at(rollup), true);
    const auto& name = from_.name_of(rollup);
    auto owner = name.substr(0, name.rfind(store::rollup_folder));
    if (result_.to_rebuild.empty() || result_.to_rebuild.back() != owner)
      result_.to_rebuild.push_back(std::move(owner));
  }

  void copy_chunks(std::span<const store::histogram_id> histograms) {
    std::vector<store::chunk_key> lost;
    chunk::survey survey{from_,
                         pool_,
                         memory_,
                         {[&](const auto& key, std::size_t plane, const auto& reason) {
                            losers_.insert(key.histogram);
                            lost.push_back(key);
                            lost_.add_chunk(from_, key, plane, reason);
                          },
                          [&](const auto& key, std::size_t plane, const auto& chunk) { copy(key, plane, chunk); },
                          progress_, [&] { to_.commit(); }}};
    survey.run(histograms);
    result_.chunks += survey.chunks();
    result_.bytes += survey.bytes();
    for (const auto& key : lost) empty(key);
  }

  /// A plane without the others would be taken for numbers.
  void empty(const store::chunk_key& key) {
    const auto& record = from_.record(key.histogram);
    if (key.coordinate.rank != record.chunk_shape.size()) return;
    std::size_t cells = 1;
    for (const auto length : record.chunk_shape) cells *= length;
    const std::vector<std::byte> zeros(cells * element_size);
    const store::chunk_key copied{ids_.at(key.histogram), key.coordinate};
    codec::coder coder;
    for (std::size_t plane = 0; plane < planes(record.schema.kind).size(); ++plane)
      if (to_.has_chunk(copied, plane))
        to_.write_chunk(copied, plane, coder.encode(zeros, to_.record(copied.histogram).codec));
  }

  store::chunk_area::location write(store::histogram_id id, const codec::encoded_view& chunk) {
    if (from_.record(id).growable) return to_.area().write(chunk);
    codec::coder coder;  // what others wrote comes as raw numbers
    return to_.area().write(coder.encode(chunk.bytes, codec::settings{}));
  }

  void copy(const store::chunk_key& key, std::size_t plane, const codec::encoded_view& chunk) {
    const auto where = write(key.histogram, chunk);
    const std::lock_guard lock{mutex_};
    to_.set_chunk({ids_.at(key.histogram), key.coordinate}, plane, where);
  }

  store::store &from_, &to_;
  base::thread_pool& pool_;
  const std::size_t memory_;
  const histogram::progress_callback& progress_;
  inspection::findings& lost_;
  std::unordered_map<store::histogram_id, store::histogram_id> ids_;
  std::set<store::histogram_id> losers_;
  std::mutex mutex_;
  copy_result result_;
};

}  // namespace

copy_result copy_store(store::store& from, store::store& to, base::thread_pool& pool, std::size_t memory,
                       const histogram::progress_callback& progress, inspection::findings& lost) {
  return copier{from, to, pool, memory, progress, lost}.run();
}

}  // namespace hugehist
