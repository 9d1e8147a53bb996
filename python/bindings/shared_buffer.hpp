// What hugehist._core.FillBuffer holds: a buffer that several Python threads may have.
//
// The core's buffer is for one thread at a time, and the GIL is released while it works, so it has a lock of its
// own. The lock is taken without the GIL, as the file's is.
#pragma once

#include "bindings.hpp"

#include <hugehist/buffer.hpp>

#include <memory>
#include <mutex>
#include <utility>

namespace hugehist::python {

class shared_buffer {
 public:
  explicit shared_buffer(fill_buffer target) : target_{std::move(target)} {}

  /// work(fill_buffer&), alone and without the GIL.
  template <class Work>
  auto alone(const Work& work) {
    return unlocked([&] {
      const std::lock_guard lock{*mutex_};
      return work(target_);
    });
  }

 private:
  fill_buffer target_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // its own, so that the buffer can move
};

}  // namespace hugehist::python
