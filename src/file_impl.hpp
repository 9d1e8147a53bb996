// The open file behind the handles of the public API: one store, one cache, one set of threads.
//
// Buffers are guarded by `filling`, all else by `mutex`; enter() takes that one and checks that the file can be used.
// `filling` is taken after `mutex` or alone, never before it. A fill into a buffer that is there takes nothing else, so
// that it goes on while a merge runs. Histogram states live as long as the file, so that a handle to a removed
// histogram gets an error, not a dangling pointer. Handles own the file (by aliasing), the file owns the states.
//
// The memory budget is divided once: half for decoded chunks, a quarter for fill buffers, a sixteenth (32 MiB
// at most) for HDF5's metadata cache; what remains covers read scratch and coders.
#pragma once

#include "base/background_task.hpp"
#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/category_index.hpp"
#include "rollups.hpp"
#include "store/open.hpp"
#include "store/store.hpp"
#include "write/edit_chunks.hpp"

#include <hugehist/file.hpp>

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace hugehist {

/// Throws std::invalid_argument. To be called before a file is opened, which may empty it.
void check_options(const file_options& options, const std::string& name);

/// Bytes for HDF5's metadata.
std::size_t hdf5_cache_for(const file_options& options) noexcept;

struct histogram::state {
  file::impl* owner = nullptr;
  std::string name;
  storage kind = storage::double_;
  store::histogram_id id = 0;
  bool removed = false;
  std::vector<model::category_index> categories;  ///< one for each category axis
  chunk::layout layout;
  std::vector<rollups::rollup> rollups;
  std::optional<delta> unmerged;      ///< taken from the buffer and not merged yet: it waits, or its merge failed
  std::optional<fill_buffer> buffer;  ///< guarded by `filling`

  /// Takes labels, chunk shape and codec from the store, and which roll-ups there are.
  void reload();
};

struct file::impl {
  impl(std::unique_ptr<store::store> opened, file_options options,
       std::shared_ptr<store::image_source> image = nullptr);
  ~impl();

  /// A forked child has the parent's handles, and maybe its lock in the hands of a thread that is not there.
  bool in_own_process() const noexcept;
  /// The lock, once no other thread has a transaction. Throws hugehist::error in a forked child.
  std::unique_lock<std::mutex> lock();
  /// The lock, once the file is known to be open (and writable).
  std::unique_lock<std::mutex> enter();
  std::unique_lock<std::mutex> enter_to_write();

  // transaction.cpp

  /// The thread whose call this is; see on_behalf_of.
  static std::thread::id caller() noexcept;
  /// REQUIRES: `mutex` or `filling` held
  bool is_my_turn() const noexcept { return !transaction_owner || *transaction_owner == caller(); }
  void check_no_transaction(const char* what) const;
  /// Whether the id is in already. REQUIRES: not entered
  bool begin_transaction(const std::optional<merge_id>& id);
  /// Commits or goes back, and ends it in any case. REQUIRES: not entered; for the owner of the transaction
  void finish_transaction(bool keep);

  /// The state of a histogram. Throws key_error. REQUIRES: entered
  histogram::state& state_of(const std::string& name);
  histogram::state& adopt(const std::string& name, store::histogram_id id);

  /// Throws when the histogram was removed, or cannot take more. REQUIRES: entered
  void check_usable(const histogram::state& state) const;
  void check_mergeable(const histogram::state& state) const;

  /// Adds labels to a growing category axis; those that are there stay. On an exception nothing was added.
  /// REQUIRES: entered
  void add_labels(histogram::state& state, std::size_t axis, std::span<const std::string> labels);
  /// The same for labels that only what was filled and not merged yet knows: it changes no chunk. REQUIRES: entered
  void add_filled_labels(histogram::state& state);

  /// Whether all of the id is in the ledger. Throws overlap_error where a part of it is. REQUIRES: entered
  bool is_merged(const merge_id& id) const;

  /// Nothing where there is no such counter. REQUIRES: entered
  std::optional<double> counter(const store::counter_key& key) const;

  // filling.cpp: what is filled waits in buffers, and is merged when they hold more than their part of the budget,
  // when it is read, or in the background.

  /// Adds events; see histogram::fill. REQUIRES: not entered
  void fill(histogram::state& state, const fill_arguments& arguments, unsigned threads);
  /// Merges what fills that have returned left in the histogram's buffer. REQUIRES: entered
  void flush(histogram::state& state);
  /// Merges the histogram's delta that waits, if there is one. REQUIRES: entered
  void merge_unmerged(histogram::state& state);
  /// Merges what waits, commits where the user's limits of bytes or time are passed, and hands over what fills
  /// the buffers. Whoever adds calls it before, while a failure means that nothing was added; what failed in the
  /// background is tried again here, and told. REQUIRES: entered
  void make_room();
  /// The same after an addition, which stands: the next call tells what failed. REQUIRES: entered
  void try_to_make_room() noexcept;
  /// Forgets what was filled. REQUIRES: entered
  void drop_filled(histogram::state& state);
  bool has_filled();
  std::size_t buffered_bytes();
  write::write_target target_of(histogram::state& state);
  rollups::context rolled(histogram::state& state);
  void merge(histogram::state& state, const delta& addend, const std::optional<merge_id>& id = {},
             const histogram::progress_callback& progress = {});
  void commit();
  void discard();
  /// Goes on with another opening of the same file. REQUIRES: entered, for reading
  void reopen(std::unique_ptr<store::store> opened);
  /// Commits, where it is writable and `keep`, and gives up store, cache and threads. On an exception the file is
  /// open as before. REQUIRES: entered
  void close(bool keep);

  const std::string name;
  const bool writable;
  const file_options options;
  const pid_t owner;

  std::mutex mutex;
  std::unique_ptr<store::store> store;  ///< null once closed
  std::shared_ptr<store::image_source> image;
  std::unique_ptr<base::thread_pool> pool;
  std::unique_ptr<chunk::chunk_cache> cache;
  std::vector<std::unique_ptr<histogram::state>> states;
  std::unordered_map<store::histogram_id, histogram::state*> states_by_id;
  std::uint64_t merges = 0, commits = 0, automatic_commits = 0;
  std::atomic<std::chrono::steady_clock::time_point> last_commit = std::chrono::steady_clock::now();
  /// A transaction has ended. Not a member: in a forked child, which has no such threads, its end would wait for them.
  std::unique_ptr<std::condition_variable> turn = std::make_unique<std::condition_variable>();
  std::optional<merge_id> transaction_id;  ///< that is to be in the ledger with it

  std::mutex filling;
  // Guarded by `filling`; `states` and `transaction_owner` are changed under both locks, and read under either.
  std::optional<std::thread::id> transaction_owner;
  bool takes_fills = true;                         ///< without `mutex`
  bool merge_failed = false;                       ///< with nobody to tell: the next call does
  std::unique_ptr<base::background_task> merging;  ///< null where there is one thread; not guarded

 private:
  bool is_full() const noexcept;        ///< REQUIRES: `filling` held
  bool hand_over();                     ///< REQUIRES: entered
  bool is_commit_due() const noexcept;  ///< REQUIRES: `mutex` or `filling` held
  void commit_if_due();                 ///< REQUIRES: entered
  void wait_for_turn(std::unique_lock<std::mutex>& lock);
  void set_transaction_owner(std::optional<std::thread::id> owner_of_it) noexcept;
  void end_transaction() noexcept;
  void roll_back();
  void merge_waiting() noexcept;
};

}  // namespace hugehist
