#include "base/thread_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace hugehist::base {

struct thread_pool::impl {
  std::mutex mutex;
  std::condition_variable work_given, work_done;
  // All below is guarded by mutex.
  const std::function<void(std::size_t, unsigned)>* work = nullptr;
  std::size_t next = 0, items = 0;
  unsigned busy = 0;
  bool stopping = false;
  std::exception_ptr failure;

  std::vector<std::thread> threads;

  /// Takes items until there are none. REQUIRES: lock held; it is released while an item runs.
  void drain(std::unique_lock<std::mutex>& lock, unsigned worker) {
    while (work != nullptr && next < items) {
      const auto item = next++;
      const auto& call = *work;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        call(item, worker);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (thrown) {
        if (!failure) failure = thrown;
        next = items;
      }
    }
  }

  void run(unsigned worker) {
    std::unique_lock lock{mutex};
    for (;;) {
      work_given.wait(lock, [this] { return stopping || (work != nullptr && next < items); });
      if (stopping) return;
      ++busy;
      drain(lock, worker);
      if (--busy == 0) work_done.notify_all();
    }
  }

  void stop() noexcept {
    {
      std::lock_guard lock{mutex};
      stopping = true;
    }
    work_given.notify_all();
    for (auto& thread : threads) thread.join();
  }
};

thread_pool::thread_pool(unsigned threads) : impl_{std::make_unique<impl>()} {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  impl_->threads.reserve(threads - 1);
  try {
    for (unsigned worker = 1; worker < threads; ++worker)
      impl_->threads.emplace_back([this, worker] { impl_->run(worker); });
  } catch (...) {
    impl_->stop();
    throw;
  }
}

thread_pool::~thread_pool() { impl_->stop(); }

unsigned thread_pool::size() const noexcept { return static_cast<unsigned>(impl_->threads.size()) + 1; }

void thread_pool::parallel_for(std::size_t items, const std::function<void(std::size_t, unsigned)>& work) {
  if (items == 0) return;
  auto& pool = *impl_;
  std::unique_lock lock{pool.mutex};
  pool.work = &work;
  pool.next = 0;
  pool.items = items;
  pool.failure = nullptr;
  if (items > 1) pool.work_given.notify_all();
  pool.drain(lock, 0);
  pool.work_done.wait(lock, [&pool] { return pool.busy == 0; });
  pool.work = nullptr;
  if (auto failure = std::exchange(pool.failure, nullptr)) std::rethrow_exception(failure);
}

}  // namespace hugehist::base
