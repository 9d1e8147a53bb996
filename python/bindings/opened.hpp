// What hugehist._core.File holds.
#pragma once

#include "bindings.hpp"

#include <hugehist/file.hpp>

#include <optional>
#include <utility>

namespace hugehist::python {

/// The last handle commits when it goes, so it goes without the GIL.
class opened {
 public:
  explicit opened(file target) : target_{std::move(target)} {}
  opened(opened&&) = default;
  opened& operator=(opened&&) = delete;
  ~opened() {
    if (target_) unlocked([this] { target_.reset(); });
  }
  file& target() noexcept { return *target_; }

 private:
  std::optional<file> target_;
};

}  // namespace hugehist::python
