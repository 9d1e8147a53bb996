// Working without the GIL, and taking it again at any time, also while the interpreter goes down.
//
// Python before 3.14 then ends each other thread that wants the GIL by pthread_exit, which glibc turns into unwinding:
// through destructors that may not throw, and ones that need the GIL. Here it sleeps instead, as it does in 3.14, until
// the process ends.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

namespace hugehist::python {

/// take() waits for the GIL.
template <class Take>
void take_gil(const Take& take) {
  try {
    take();
  } catch (const std::exception&) {
    throw;
  } catch (...) {  // the unwinding: to leave here would end the process
    for (;;) std::this_thread::sleep_for(std::chrono::hours{1});
  }
}

/// The GIL is released while it lives. REQUIRES: GIL
class released_gil {
 public:
  released_gil() : state_{PyEval_SaveThread()} {}
  ~released_gil() {
    take_gil([this] { PyEval_RestoreThread(state_); });
  }
  released_gil(const released_gil&) = delete;
  released_gil& operator=(const released_gil&) = delete;

 private:
  PyThreadState* state_;
};

/// Runs `work` without the GIL.
template <class Work>
decltype(auto) unlocked(Work&& work) {
  const released_gil released;
  return std::forward<Work>(work)();
}

}  // namespace hugehist::python
