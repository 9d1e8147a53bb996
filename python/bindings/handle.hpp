// What hugehist._core.Histogram holds: a handle, and the axes as they were last shown.
//
// Letting go of the last handle commits the file, so it is done without the GIL.
#pragma once

#include "bindings.hpp"

#include <hugehist/histogram.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace hugehist::python {

class handle {
 public:
  explicit handle(histogram target) : target_{std::move(target)} {}
  handle(handle&&) = default;
  handle& operator=(handle&&) = delete;
  ~handle() {
    if (target_) unlocked([this] { target_.reset(); });
  }

  histogram& target() noexcept { return *target_; }

  /// (version, axes as UHI dictionaries): the same version means the same axes.
  py::tuple axes();

 private:
  std::optional<histogram> target_;
  std::vector<axis::any> shown_ = {};
  py::object uhi_ = py::none();
  std::uint64_t version_ = 0;
};

}  // namespace hugehist::python
