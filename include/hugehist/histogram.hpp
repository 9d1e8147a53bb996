// A histogram in a file: fill it, merge into it, read parts of it.
//
// A handle of two pointers: copies are cheap and name the same histogram. It keeps its file open. The same
// threads rule as for file. The histogram itself is never held in memory.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/buffer.hpp>
#include <hugehist/columns.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/export.hpp>
#include <hugehist/merge_id.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/selector.hpp>
#include <hugehist/storage.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist {

class file;
class view;

struct histogram_stats {
  std::size_t dense_bytes = 0;     ///< memory that all bins would take
  std::uint64_t stored_bytes = 0;  ///< encoded chunks of the last commit
  std::uint64_t stored_chunks = 0;
  std::vector<std::size_t> chunk_shape = {};  ///< empty until it is fixed
};

/// A roll-up that does not hold what its histogram does.
struct rollup_damage {
  std::vector<std::size_t> axes;  ///< that it keeps
  std::vector<std::size_t> bin;   ///< of these axes, flow bins counted: where it differs most; empty: all of it
  std::string plane;
  std::string reason;
};

class HUGEHIST_EXPORT histogram {
 public:
  std::string name() const;
  std::vector<axis::any> axes() const;
  storage kind() const;
  metadata_map metadata() const;
  /// False for double storage once weights were filled: the values then are no variances.
  bool variance_known() const;

  /// Adds events; a read in this process sees them when this returns. Throws as fill_buffer::fill does, and
  /// then nothing was added. `threads` 0: as the file.
  void fill(const fill_arguments& arguments, unsigned threads = 0);

  /// Told (chunks done, chunks to do) now and then, by any of the file's threads, one at a time. It runs under the
  /// file's lock, so it must not call the file. An exception from it stops the read or undoes the merge.
  using progress_callback = std::function<void(std::size_t, std::size_t)>;

  /// Adds a delta, matching category labels; new labels grow the axes. With an `id` that is in the file's ledger
  /// already, whatever histogram it was merged into, nothing happens. Returns true if merged. On an exception the
  /// histogram is as it was before the call. Throws std::invalid_argument when axes or storage do not fit, saying
  /// which and how; overlap_error where a part of an interval is in the ledger.
  bool merge(const delta& addend, const std::optional<merge_id>& id = {}, const progress_callback& progress = {});

  /// Throws what merge would throw for a delta that does not fit, or a histogram that takes none, and changes nothing:
  /// for those who promise to merge it later.
  void check(const delta& addend) const;
  /// The same for the compact form of a delta, which is read as delta::from_bytes does, with its errors, but in the
  /// memory of a part of it. Returns the bytes that the delta takes.
  std::size_t check(std::span<const std::byte> compact, std::size_t max_memory = delta::default_max_memory) const;

  /// An empty buffer over the same axes, for filling elsewhere; see fill_buffer::take and merge.
  fill_buffer buffer() const;

  /// Adds labels to a growing category axis; those that exist stay as they are. Throws key_error
  /// for an axis that is not there, std::invalid_argument for one that does not grow or a label that cannot be kept.
  void grow(const std::string& axis, std::span<const std::string> labels);

  /// Replaces bins. `bins` has for each axis storage bins, flow bins counted, each at most once; the bins replaced
  /// are their product. `content` has one value for each, or length 1 along an axis to repeat it; `chosen`, where it is
  /// not empty, says for each of these values whether it replaces anything. Chunks that would stay zero are not made.
  /// Throws std::invalid_argument where bins or content do not fit, and then nothing was replaced.
  void overwrite(std::span<const std::vector<std::size_t>> bins, const dense_planes& content,
                 std::span<const std::uint8_t> chosen = {});

  /// Reads what the maps select, one map for each axis. Memory: the answer, and one chunk a thread. Labels that were
  /// added after a map of a growing axis was made, by another thread maybe, are not in it, and are left out.
  /// Throws std::invalid_argument for maps that do not fit the axes as they are now, memory_error for an answer that is
  /// too large, corruption_error for a damaged chunk.
  dense_planes read(std::span<const axis_map> maps, const progress_callback& progress = {}) const;
  /// The same of several selections, in one pass over the chunks that any of them needs: each is decoded once. Every
  /// answer is what read() gives, to the last bit.
  std::vector<dense_planes> read_many(std::span<const std::vector<axis_map>> selections,
                                      const progress_callback& progress = {}) const;

  /// Views: parts that are read when their content is asked for; see <hugehist/view.hpp>.
  view select(std::initializer_list<axis_selector> parts) const;
  view project(std::initializer_list<axis_reference> kept) const;
  /// The content of several projections, in one pass; see view::project_many.
  std::vector<dense_planes> project_many(std::span<const std::vector<axis_reference>> kept,
                                         const progress_callback& progress = {}) const;

  /// Position of an axis by its name. Throws key_error with the names there are.
  std::size_t axis_index(const std::string& name) const;

  histogram_stats stats() const;

  /// Roll-ups: sums over all but some axes that the file keeps up to date, in the same commits. Every read that sums
  /// over the other axes, flow bins included, takes them instead of the histogram's own chunks.
  /// For each the axes that it keeps, ascending.
  std::vector<std::vector<std::size_t>> rollups() const;
  /// Reads the histogram once, and sums it. Throws key_error for an axis that is not there, std::invalid_argument where
  /// the roll-up exists or keeps no axis or all; there is none then.
  void add_rollup(std::span<const axis_reference> kept, const progress_callback& progress = {});
  /// Throws key_error where there is none.
  void remove_rollup(std::span<const axis_reference> kept);
  /// Makes all of them anew from the histogram's chunks.
  void rebuild_rollups(const progress_callback& progress = {});
  /// Reads the histogram and its roll-ups, and says where they differ by more than the rounding of sums in another
  /// order. Empty where all is well.
  std::vector<rollup_damage> check_rollups(const progress_callback& progress = {}) const;

  /// Whether both are handles to the same histogram.
  bool operator==(const histogram& other) const noexcept { return state_.get() == other.state_.get(); }

 private:
  friend class file;
  struct state;
  explicit histogram(std::shared_ptr<state> shared) noexcept;
  std::shared_ptr<state> state_;
};

}  // namespace hugehist
