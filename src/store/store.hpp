// Where histograms are kept: the interface of every store.
//
// A store holds one *committed* state and at most one *working* state on top of it. All calls read and write
// the working state; commit() makes it the committed one, rollback() forgets it. Opening a store begins a
// working state, and so do commit and rollback. What the committed state's medium sees before commit() is
// nothing. Stores are not synchronised, but for their area: the chunk layer calls them from one thread at a time.
#pragma once

#include "base/encoding.hpp"
#include "model/schema.hpp"
#include "store/chunk_area.hpp"
#include "store/chunk_coordinate.hpp"
#include "store/merge_ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hugehist::store {

/// Everything that a store keeps of a histogram besides its chunks and, per axis, the labels to come.
struct histogram_record {
  model::schema schema;
  codec::settings codec = {};
  std::vector<std::size_t> chunk_shape = {};  ///< flow bins included; empty until it is fixed
  std::vector<std::size_t> expected = {};     ///< hints for choosing it, see create_options
  std::size_t variations_axis = 0;            ///< position of the axis kept whole in a chunk
  bool has_variations_axis = false;           ///< false where there is no category axis
  bool growable = true;                       ///< false: written by others, datasets cannot be resized: read only
  std::vector<histogram_id> rollups = {};     ///< hidden histograms of this one: sums over all but some of its axes
  std::vector<std::size_t> kept_axes = {};    ///< of a roll-up: the axes that it keeps, ascending; else empty
  bool stale = false;                         ///< of a roll-up: it may differ from what its histogram holds
};

/// Where the roll-ups of a histogram are, below its name; `<i>` follows.
inline constexpr const char* rollup_folder = "/hugehist/rollups/";

using counter_key = std::vector<std::string>;

/// State of the file that belongs to no single histogram.
struct file_record {
  metadata_map attributes;
  std::map<counter_key, double> counters;
  bool operator==(const file_record&) const = default;
};

/// How much of a histogram is stored.
struct storage_usage {
  std::uint64_t bytes = 0;
  std::uint64_t chunks = 0;
};

/// What walks over chunks; `unreadable` gets chunks that may be there, where the index of chunks is damaged.
struct chunk_visitor {
  std::function<void(const chunk_coordinate&)> found;
  std::function<void(const chunk_coordinate&, const std::string& reason)> unreadable;
  /// From a chunk to the next, of a medium that must go that way; none is found where it would take more.
  double most_steps = std::numeric_limits<double>::infinity();
};

class store {
 public:
  virtual ~store() = default;

  /// Path or other name for messages.
  virtual std::string name() const = 0;
  virtual bool writable() const noexcept = 0;
  /// Whether there is a newer commit than the one that this store reads: open it anew to see that.
  virtual bool is_outdated() { return false; }

  /// Names of all histograms, sorted.
  virtual std::vector<std::string> histograms() const = 0;
  virtual bool contains(const std::string& name) const = 0;
  /// Id of a histogram, the same for every call until it is removed. Throws key_error.
  virtual histogram_id find(const std::string& name) const = 0;
  virtual const histogram_record& record(histogram_id id) const = 0;
  /// For messages; that of a roll-up is its place in the file.
  virtual const std::string& name_of(histogram_id id) const = 0;

  /// Throws std::invalid_argument when the name exists, is empty or reserved, or lies below a histogram.
  virtual histogram_id create(const std::string& name, histogram_record record) = 0;
  /// Its roll-ups go with it. A roll-up can be removed alone.
  virtual void remove(histogram_id id) = 0;
  /// Creates an empty roll-up: `record` has kept_axes, and these axes of the histogram. It has an id and no name, and
  /// is in no list but record(of).rollups.
  virtual histogram_id create_rollup(histogram_id of, histogram_record record) = 0;
  virtual void set_stale(histogram_id rollup, bool stale) = 0;
  /// Appends labels to a growing category axis. REQUIRES: none of them is there
  virtual void append_labels(histogram_id id, std::size_t axis, std::span<const std::string> labels) = 0;
  /// Fixes the chunk shape. REQUIRES: no chunk was written
  virtual void set_chunk_shape(histogram_id id, std::vector<std::size_t> shape) = 0;
  virtual void set_variance_known(histogram_id id, bool known) = 0;

  /// Where encoded chunks are read from and written to: by any thread, while others use the store.
  virtual chunk_area& area() noexcept = 0;
  /// The plane of a chunk, or nothing where it never was. Throws corruption_error when the store cannot tell.
  virtual found_chunk find_chunk(const chunk_key& key, std::size_t plane) = 0;
  virtual bool has_chunk(const chunk_key& key, std::size_t plane) = 0;
  /// Makes a chunk of the area the content of the plane. On an exception the area has forgotten it.
  virtual void set_chunk(const chunk_key& key, std::size_t plane, const chunk_area::location& where) = 0;

  std::optional<codec::encoded_chunk> read_chunk(const chunk_key& key, std::size_t plane) {
    return content_of(find_chunk(key, plane), area());
  }
  void write_chunk(const chunk_key& key, std::size_t plane, const codec::encoded_view& chunk) {
    set_chunk(key, plane, area().write(chunk));
  }
  virtual storage_usage usage(histogram_id id) const = 0;
  /// All chunks of a plane that there are, each once. The visitor must not change the store.
  virtual void visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) = 0;

  /// Names the file for life, and its copies; empty where there is no file of ours.
  virtual std::string uuid() const = 0;
  /// What else the medium holds: objects that belong to no histogram of ours.
  virtual std::vector<std::string> strangers() const = 0;

  virtual const file_record& file() const = 0;
  /// Nothing for the value removes.
  virtual void set_attribute(const std::string& key, std::optional<scalar> value) = 0;
  virtual void set_counter(const counter_key& key, std::optional<double> value) = 0;

  virtual const merge_ledger& ledger() const = 0;
  /// Nothing happens where all of the id is in. REQUIRES: all of it is, or nothing
  virtual void add_to_ledger(const merge_id& id) = 0;

  /// Encoded bytes that the working state holds beyond the committed one.
  virtual std::uint64_t pending_bytes() const noexcept = 0;
  virtual bool has_changes() const noexcept = 0;

  /// Marks the working state, so that revert() can come back to it: undoes chunks, labels, chunk shapes,
  /// variance flags and ledger entries since. One mark at a time; create, remove, set_stale, set_attribute and
  /// set_counter are not allowed between mark and revert or release.
  virtual void mark() = 0;
  virtual void revert() noexcept = 0;
  virtual void release() noexcept = 0;

  /// All or nothing as far as the medium allows (docs/rationale.md); on an exception the working state stays.
  virtual void commit() = 0;
  virtual void rollback() = 0;
};

}  // namespace hugehist::store
