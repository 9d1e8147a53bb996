// The threads of one fill: as many as its weights are worth. One thread at a time calls it.
#pragma once

#include "base/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>

namespace hugehist::write {

/// Threads of one fill. They are not kept: a buffer may wait for long, or be in a process that forks.
class fill_threads {
 public:
  /// Starting threads takes some 50 to 200 us, in which so many weights are filled.
  static constexpr std::size_t weights_per_thread = std::size_t{1} << 19;

  fill_threads(unsigned threads, std::size_t weights) {
    const auto useful = static_cast<unsigned>(std::min<std::size_t>(weights / weights_per_thread + 1, 256));
    if (std::min(threads, useful) > 1) pool_.emplace(std::min(threads, useful));
  }
  unsigned size() const noexcept { return pool_ ? pool_->size() : 1; }

  void run(std::size_t items, const std::function<void(std::size_t, unsigned)>& work) {
    if (pool_)
      pool_->parallel_for(items, work);
    else
      for (std::size_t i = 0; i < items; ++i) work(i, 0);
  }

  /// work(first, last) over all of [0, n) in slices.
  template <class Work>
  void slices(std::size_t n, const Work& work) {
    const std::size_t parts = size() == 1 ? 1 : size() * std::size_t{4};
    run(parts, [&](std::size_t i, unsigned) {
      work(n / parts * i + n % parts * i / parts, n / parts * (i + 1) + n % parts * (i + 1) / parts);
    });
  }

 private:
  std::optional<base::thread_pool> pool_;
};

}  // namespace hugehist::write
