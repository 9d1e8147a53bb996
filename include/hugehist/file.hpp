// A file of histograms: the entrance to hugehist.
//
// A file is a handle; copies share the open file, and it closes with close() or with the last handle.
// Calls on one file may come from any thread; they run one after another, each parallel inside. Nothing
// reaches the disk file before a commit, and a commit is what other readers see.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/export.hpp>
#include <hugehist/histogram.hpp>
#include <hugehist/merge_id.hpp>
#include <hugehist/storage.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist {

/// As in h5py: "r", "r+", "a" (r+ or create), "w" (create or replace), "x" (create, must not exist).
enum class open_mode { read, read_write, append, write, exclusive };

struct file_options {
  std::size_t memory = std::size_t{512} << 20;  ///< bytes for buffers, cache and read scratch, 8 MiB at least
  unsigned threads = 0;                         ///< 0: as many as there are processors; at most 1024
  // A commit comes by itself, before a fill or a merge, once so much waits or so long after the last one; 0: never.
  std::size_t commit_bytes = std::size_t{1} << 30;  ///< encoded
  double commit_seconds = 60;
};

enum class compression { zstd, gzip, none };

struct create_options {
  hugehist::compression compression = compression::zstd;
  std::optional<int> level = {};           ///< of the compression; its default where absent
  std::vector<std::size_t> chunks = {};    ///< chunk shape with flow bins; chosen where empty
  std::vector<std::size_t> expected = {};  ///< expected extents with flow bins, to choose chunks by; 0: unknown
  std::string variations = {};             ///< the category axis kept whole in a chunk; the last where empty
  metadata_map metadata = {};              ///< of the histogram: UHI `metadata`
  std::vector<std::vector<axis_reference>> rollups = {};  ///< see histogram::add_rollup
};

/// Counts since the file was opened.
struct file_stats {
  std::uint64_t chunks_read = 0, chunks_written = 0, cache_hits = 0, cache_misses = 0;
  std::uint64_t bytes_read = 0, bytes_written = 0;  ///< encoded
  std::uint64_t merges = 0, commits = 0;
  std::uint64_t automatic_commits = 0;            ///< of the commits
  std::size_t cache_bytes = 0, buffer_bytes = 0;  ///< held now
};

struct verify_report;
struct verify_options;

class HUGEHIST_EXPORT file {
 public:
  /// Opens or creates. Throws std::system_error (what the system refuses, with the path), format_error
  /// (not HDF5, from a newer format), locked_error (another writer), std::invalid_argument (options).
  explicit file(const std::filesystem::path& path, open_mode mode = open_mode::read, file_options options = {});

  /// A file that lives in memory and is gone with its last handle.
  static file in_memory(file_options options = {});

  /// A file in memory that begins with the bytes of an HDF5 file (none: empty); see image().
  static file from_image(std::span<const std::byte> image, bool writable, file_options options = {});
  /// The bytes of the HDF5 file as of the last commit. REQUIRES: made by from_image
  std::vector<std::byte> image() const;

  /// Creates a histogram; a slash in the name makes groups. Throws std::invalid_argument when the name exists
  /// or is not allowed, for numeric growth, for sizes that overflow.
  histogram create(const std::string& name, std::vector<axis::any> axes, storage kind,
                   const create_options& options = {});
  /// Throws key_error, naming the file and what it does hold.
  histogram at(const std::string& name) const;
  bool contains(const std::string& name) const;
  /// All histograms, sorted; the groups they lie in are part of the name.
  std::vector<std::string> names() const;
  /// Removes a histogram within the next commit; handles to it refuse further use. Throws key_error.
  void remove(const std::string& name);

  /// Attributes of the file: HDF5 attributes of the root group. They are part of the commit.
  /// Throws std::invalid_argument for what a file cannot keep, key_error for removing what is not there.
  metadata_map attributes() const;
  void set_attribute(const std::string& key, scalar value);
  void remove_attribute(const std::string& key);

  /// Sums kept beside the histograms within the same commit, under a key of one or more parts.
  /// Errors as for attributes; adding to a counter that is not there makes it.
  using counter_key = std::vector<std::string>;
  std::map<counter_key, double> counters() const;
  std::optional<double> counter(const counter_key& key) const;
  void set_counter(const counter_key& key, double value);
  void add_to_counter(const counter_key& key, double value);
  void remove_counter(const counter_key& key);

  /// Puts an id into the ledger, with the changes since the last commit: for what comes in by other ways than one
  /// merge. False where all of it is in already. Throws overlap_error where a part of an interval is.
  bool add_to_ledger(const merge_id& id);
  /// Whether all of it is in, committed or not.
  bool merged(const merge_id& id) const;
  /// All that is in: texts as they came, then intervals, those that adjoin as one.
  std::vector<merge_id> merge_ids() const;
  /// What of an interval is not in: ascending, empty where all is. Throws type_error for a text.
  std::vector<interval> missing(const merge_id& id) const;

  /// Makes everything that was filled and merged so far one new state of the file on disk. On an exception
  /// (std::system_error: no space) nothing is lost: it can be called again. Within a transaction commit, discard and
  /// close throw error.
  void commit();
  /// Forgets everything since the last commit.
  void discard();
  /// Of a file that is open for reading, which shows the commit that was the last when it was opened: moves on to the
  /// one that is the last now. True where that is another. Handles and views follow; to those of a histogram that is
  /// not there any more, or another of the same name, it is as if it had been removed. Throws as the constructor, and
  /// then nothing has moved.
  bool refresh();
  /// Commits and closes. Closing again does nothing.
  void close();
  /// Discards and closes; never throws.
  void abandon() noexcept;
  bool is_open() const noexcept;
  bool writable() const noexcept;
  /// Whether there is anything that a commit would write.
  bool has_changes() const;
  std::string path() const;
  /// The random identity that a file gets when it is created and that repack keeps, 8-4-4-4-12 hexadecimal digits.
  /// Copies of the file have it, too. Nothing for a file in memory, and for one of others until hugehist has committed
  /// to it.
  std::optional<std::string> uuid() const;

  file_stats stats() const;

  /// Reads and checks all chunks that are stored, committed or not; the rest was checked at the opening.
  /// <hugehist/integrity.hpp>
  verify_report verify(const verify_options& options) const;

 private:
  friend class histogram;
  friend class transaction;
  struct impl;
  explicit file(std::shared_ptr<impl> shared) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace hugehist
