#include "watched.hpp"

#include <chrono>
#include <stdexcept>

namespace hugehist::python {

void watch::advance(std::size_t done, std::size_t all) {
  const std::lock_guard lock{mutex_};
  done_ = done;
  all_ = all;
  if (is_stopped_) throw std::runtime_error{"stopped"};  // ends the work; the caller sees why it was stopped instead
}

void watch::finish() noexcept {
  // Notified under the lock: the waiting thread may leave, and take the watch with it, as soon as it can look.
  const std::lock_guard lock{mutex_};
  is_finished_ = true;
  finished_.notify_all();
}

void watch::wait(const py::object& report) {
  std::size_t told = 0;
  for (bool over = false; !over;) {
    std::size_t done = 0, all = 0;
    unlocked([&] {
      std::unique_lock lock{mutex_};
      over = finished_.wait_for(lock, std::chrono::milliseconds{20}, [this] { return is_finished_; });
      done = done_;
      all = all_;
    });
    if (PyErr_CheckSignals() != 0) throw py::error_already_set{};
    if (!report.is_none() && done != told) report(done, all);
    told = done;
  }
}

void watch::stop() noexcept {
  const std::lock_guard lock{mutex_};
  is_stopped_ = true;
}

bool is_watched(const py::object& report) {
  if (!report.is_none()) return true;
  const auto threading = py::module_::import("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

}  // namespace hugehist::python
