// Several changes of a file in one commit, or none of them.
//
//     hugehist::transaction all{file, hugehist::interval{"ttbar.root:Events", 0, 100'000}};
//     if (!all.already()) {
//       a.merge(delta_of_a);
//       b.merge(delta_of_b);
//       file.add_to_counter({"events"}, 100'000);
//     }
//     all.commit();
//
// A transaction belongs to the thread that began it. Calls of other threads on the file, reads too, wait until it ends:
// so a thread of a transaction must not wait for another one that uses the file. It may be ended from any thread.
#pragma once

#include <hugehist/export.hpp>
#include <hugehist/file.hpp>
#include <hugehist/merge_id.hpp>

#include <optional>
#include <thread>

namespace hugehist {

class HUGEHIST_EXPORT transaction {
 public:
  /// Waits for a transaction of another thread, then commits what was filled and merged before, so that the end of
  /// this one, whichever it is, leaves that as it is. Throws error where this thread has a transaction of the file
  /// already (they do not nest), overlap_error where a part of the id is in the ledger, and what commit() throws.
  explicit transaction(file target, const std::optional<merge_id>& id = {});
  /// Goes back to the state before, unless it was committed.
  ~transaction();
  transaction(transaction&& other) noexcept;
  transaction& operator=(transaction&&) = delete;

  /// Whether the id was in the ledger when it began. Then there is nothing to do, and what is done all the same is not
  /// kept.
  bool already() const noexcept;

  /// Makes all changes since its beginning, and the id, one new state of the file on disk, and ends. On an exception it
  /// has ended, too, and the file is as it was before; where memory cannot go back, it is closed, and what is on disk
  /// is.
  void commit();
  /// Ends, and the file is as it was before. Does nothing where it has ended.
  void roll_back();

 private:
  file target_;
  bool is_over_ = false;
  bool already_ = false;
};

/// While it lives, calls of this thread count as calls of `caller`: for work that a thread hands to another one and
/// waits for.
class HUGEHIST_EXPORT on_behalf_of {
 public:
  explicit on_behalf_of(std::thread::id caller) noexcept;
  ~on_behalf_of();
  on_behalf_of(const on_behalf_of&) = delete;
  on_behalf_of& operator=(const on_behalf_of&) = delete;

 private:
  std::thread::id before_;
};

/// For bindings to other languages: called some times a second by each thread that waits for another one's transaction,
/// with no lock held. What it throws ends the wait, and comes out of the call that waited. Null: nothing is called.
HUGEHIST_EXPORT void set_wait_callback(void (*callback)()) noexcept;

}  // namespace hugehist
