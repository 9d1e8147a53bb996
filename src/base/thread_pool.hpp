// A fixed set of worker threads for loops over independent items.
//
// The calling thread works too, so a pool of one thread starts none. parallel_for calls do not nest and come
// from one thread at a time (the file's lock sees to that).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace hugehist::base {

class thread_pool {
 public:
  /// `threads` in all, the caller's included; 0: one for each processor.
  explicit thread_pool(unsigned threads);
  ~thread_pool();
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  unsigned size() const noexcept;

  /// Calls work(item, worker) for each item in [0, items), worker in [0, size()). Items are handed out in
  /// ascending order. The first exception stops the handing out and is thrown here once all workers are idle.
  void parallel_for(std::size_t items, const std::function<void(std::size_t, unsigned)>& work);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace hugehist::base
