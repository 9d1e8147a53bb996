// What surveys of a store find, in the words of the public API. REQUIRES of all: entered, or nobody else has the store
#pragma once

#include "base/thread_pool.hpp"
#include "chunk/survey.hpp"
#include "store/store.hpp"

#include <hugehist/integrity.hpp>

#include <string>
#include <vector>

namespace hugehist::inspection {

/// Damage as it comes, up to a number that a person could read.
class findings {
 public:
  void add(damage found);
  /// What opening a damaged file tells: `name` is that of a histogram, of a roll-up, or empty.
  void add_unreadable(const std::string& name, const std::string& reason);
  void add_chunk(const store::store& store, const store::chunk_key& key, std::size_t plane, const std::string& reason);

  std::vector<damage> list;
  std::uint64_t omitted = 0;
};

/// Roll-ups included.
std::vector<store::histogram_id> all_histograms(const store::store& store);

/// Adds to the report what reading all chunks finds.
void check_chunks(store::store& store, base::thread_pool& pool, std::size_t memory,
                  const histogram::progress_callback& progress, findings& found, verify_report& report);

}  // namespace hugehist::inspection
