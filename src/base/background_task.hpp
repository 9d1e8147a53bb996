// One piece of work that runs in a thread of its own whenever it is asked for.
//
// The thread starts with the first wake() and sleeps between the runs; whoever never wakes it has no thread. Any
// thread may call, but not the work itself. A forked child has no such thread: there, leave the object alone.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace hugehist::base {

class background_task {
 public:
  /// `work` does not throw.
  explicit background_task(std::function<void()> work) : work_{std::move(work)} {}
  ~background_task() { stop(); }
  background_task(const background_task&) = delete;
  background_task& operator=(const background_task&) = delete;

  /// The work runs at least once after this, unless stop() comes first or there is no thread to be had.
  void wake() noexcept;

  /// Waits for the run that is under way, if any; no other begins.
  void stop() noexcept;

 private:
  void run();

  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // All below is guarded by mutex_.
  bool woken_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace hugehist::base
