#include "base/background_task.hpp"

#include <exception>
#include <utility>

namespace hugehist::base {

void background_task::wake() noexcept {
  const std::lock_guard lock{mutex_};
  if (stopping_) return;
  woken_ = true;
  try {
    if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
  } catch (const std::exception&) {
    // Maybe next time.
  }
  changed_.notify_one();
}

void background_task::stop() noexcept {
  std::thread ending;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    ending = std::move(thread_);
  }
  changed_.notify_one();
  if (ending.joinable()) ending.join();
}

void background_task::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return woken_ || stopping_; });
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace hugehist::base
