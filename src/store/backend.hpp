// The medium under a staged_store: it holds the committed state and takes whole change sets.
#pragma once

#include "store/chunk_area.hpp"
#include "store/store.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace hugehist::store {

/// One committed histogram as the medium knows it.
struct stored_histogram {
  std::string name;
  histogram_record record;
};

/// What a commit changes. Ids are the staged_store's: load() numbers what there is from 0 on, and `created` brings
/// new ones. Order of application: removed, created, changed, chunks, ledger, file.
struct change_set {
  struct created {
    histogram_id id;  ///< the staged_store's id, which the medium uses from now on
    std::string name;
    histogram_record record;  ///< with all labels and the chunk shape
  };
  struct changed {
    histogram_id id;
    std::string name;
    const histogram_record* record;          ///< the whole record as it shall be
    std::vector<std::size_t> labels_before;  ///< number of committed labels for each axis, 0 for dense ones
    bool chunk_shape_changed;                ///< the planes are still empty and are to be made again
  };
  std::vector<histogram_id> removed;
  std::vector<created> create;
  std::vector<changed> change;
  /// Calls its argument for each changed chunk in file order.
  std::function<void(const std::function<void(const chunk_key&, std::size_t plane, const chunk_area::location&)>&)>
      for_each_chunk;
  std::uint64_t chunk_bytes = 0;      ///< of all changed chunks together
  const file_record* file = nullptr;  ///< null: unchanged
  std::vector<merge_id> new_ledger_entries;
};

/// Steps from one chunk to the next that take HDF5 some seconds.
constexpr double steps_in_seconds = 5e8;

class backend {
 public:
  virtual ~backend() = default;
  virtual std::string name() const = 0;
  virtual bool writable() const noexcept = 0;
  virtual bool is_outdated() { return false; }

  /// Everything committed; ids are 0, 1, … in this order. Called once.
  virtual std::vector<stored_histogram> load() = 0;
  virtual file_record load_file() = 0;
  virtual merge_ledger load_ledger() = 0;

  virtual found_chunk find_chunk(const chunk_key& key, std::size_t plane) = 0;
  virtual bool has_chunk(const chunk_key& key, std::size_t plane) = 0;
  virtual storage_usage usage(histogram_id id) const = 0;
  virtual void visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) = 0;
  virtual std::string uuid() const = 0;
  virtual std::vector<std::string> strangers() const = 0;

  /// Throws std::invalid_argument when the medium holds something else, not a histogram, under this name.
  virtual void check_name(const std::string& name) const = 0;

  /// Makes the changes and syncs them. After an exception the same or a larger change set may be applied again.
  virtual void apply(const change_set& changes) = 0;
  /// False after an apply() that failed midway: the medium then holds parts of the change set.
  virtual bool intact() const noexcept = 0;

  /// Where the medium would end if nothing before that were free, if chunks should move there from behind it.
  virtual std::optional<std::uint64_t> compact_end() const { return {}; }

  /// Where chunks wait until apply() takes them over, from the change set's locations.
  virtual chunk_area& area() noexcept = 0;
};

}  // namespace hugehist::store
