// Every chunk of some histograms, found, read and decoded: what is damaged is told, and what is sound handed over.
//
// It looks up all places first, which shows chunks that share bytes (two of them cannot both be right, whatever their
// checksums say), and takes 24 bytes for each plane of a chunk. It reads in the order of the file, in parallel where
// the memory allows it. For one thread at a time; the store is used by no other meanwhile.
#pragma once

#include "base/thread_pool.hpp"
#include "codec/codec.hpp"
#include "store/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

namespace hugehist::chunk {

struct survey_listener {
  /// One call at a time, by any thread. A coordinate of rank 0: all chunks of the plane.
  std::function<void(const store::chunk_key&, std::size_t plane, const std::string& reason)> damaged;
  /// By any thread, many at a time; what it throws ends the survey. Optional.
  std::function<void(const store::chunk_key&, std::size_t plane, const codec::encoded_view&)> sound = {};
  /// (done, all), one call at a time; what it throws ends the survey. Optional.
  std::function<void(std::size_t, std::size_t)> progress = {};
  /// Now and then, while no chunk is being read. Optional.
  std::function<void()> pause = {};
  /// Whether a chunk is to be read; all are without it. By any thread.
  std::function<bool(const store::chunk_key&)> wanted = {};
};

class survey {
 public:
  survey(store::store& store, base::thread_pool& pool, std::size_t memory, survey_listener listener);
  ~survey();
  survey(const survey&) = delete;
  survey& operator=(const survey&) = delete;

  void run(std::span<const store::histogram_id> histograms);

  /// Planes of chunks that were sound, and their bytes.
  std::uint64_t chunks() const noexcept { return chunks_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct gridded;
  struct stored;
  struct workspace {
    codec::coder coder;
    std::vector<std::byte> decoded;
  };

  void find_chunks(std::size_t which);
  void find_shared();
  void read(std::size_t item, workspace& scratch);
  void tell_damage(const store::chunk_key& key, std::size_t plane, const std::string& reason);
  template <class Work>
  bool attempt(const store::chunk_key& key, std::size_t plane, const Work& work);

  store::store& store_;
  base::thread_pool& pool_;
  const std::size_t memory_;
  const survey_listener listener_;

  std::vector<gridded> histograms_;
  std::vector<stored> stored_;               // by offset
  std::unordered_set<std::size_t> shared_;   // of these
  std::mutex store_mutex_, listener_mutex_;  // around every call of either
  std::atomic<std::size_t> done_{0};
  std::atomic<std::uint64_t> chunks_{0}, bytes_{0};
};

}  // namespace hugehist::chunk
