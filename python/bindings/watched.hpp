// Long work that Python watches and can stop: reads and merges.
//
// The work has a thread of its own, which holds the file's lock and never the GIL. The calling thread waits for it
// with no lock held, and some times a second lets Python's signal handlers run and tells `report` how far the work
// is. So both may use the file: they wait for the work like any other thread. An exception from either (Ctrl-C is
// KeyboardInterrupt) stops the work, which undoes itself, and comes through once it has ended.
#pragma once

#include "bindings.hpp"

#include <hugehist/histogram.hpp>
#include <hugehist/transaction.hpp>

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

namespace hugehist::python {

/// What the two threads share.
class watch {
 public:
  /// For the work, from any thread. Throws what ends it once the other side has asked to stop.
  void advance(std::size_t done, std::size_t all);
  /// For the thread of the work, at its end.
  void finish() noexcept;
  /// For the calling thread: until the end of the work, or throws what a handler or `report` threw. REQUIRES: GIL
  void wait(const py::object& report);
  void stop() noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable finished_;
  std::size_t done_ = 0, all_ = 0;
  bool is_finished_ = false, is_stopped_ = false;
};

/// Whether there is anything to watch for: a report, or signal handlers, which run in the main thread only.
bool is_watched(const py::object& report);

/// Work on fewer chunks is over before somebody would stop it, and starting a thread would take as long.
constexpr std::size_t least_watched_chunks = 1024;

/// work(progress), with the GIL released; `chunks`: how many it visits, at most. REQUIRES: GIL
template <class Work>
auto watched(const py::object& report, std::size_t chunks, const Work& work) {
  using answer_type = std::invoke_result_t<const Work&, const histogram::progress_callback&>;
  if ((chunks < least_watched_chunks && report.is_none()) || !is_watched(report))
    return unlocked([&] { return work(histogram::progress_callback{}); });
  watch shared;
  const auto caller = std::this_thread::get_id();
  std::optional<answer_type> answer;
  std::exception_ptr failure;
  std::thread worker{[&] {
    const on_behalf_of waiting{caller};  // within its transaction
    try {
      answer.emplace(work([&](std::size_t done, std::size_t all) { shared.advance(done, all); }));
    } catch (...) {
      failure = std::current_exception();
    }
    shared.finish();
  }};
  try {
    shared.wait(report);
  } catch (...) {
    shared.stop();
    unlocked([&] { worker.join(); });
    throw;
  }
  unlocked([&] { worker.join(); });
  if (failure) std::rethrow_exception(failure);
  return std::move(*answer);
}

}  // namespace hugehist::python
