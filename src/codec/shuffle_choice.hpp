// Whether to shuffle a plane: learned from the planes before it.
//
// Planes fall into few classes by the look of a few elements: integers, doubles with short mantissas (counts),
// doubles with long ones (weights). For integers shuffling pays always. For doubles every 32nd plane of a class
// is encoded both ways, which costs 3 %, and the smaller way is used until the next such probe.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace hugehist::codec {

class shuffle_choice {
 public:
  enum class verdict { plain, shuffled, try_both };

  /// What to do with this plane. After try_both call learn().
  verdict decide(std::span<const std::byte> plane) noexcept;
  void learn(std::size_t plain_bytes, std::size_t shuffled_bytes) noexcept;

 private:
  static constexpr unsigned probe_interval = 32;
  struct memory {
    bool shuffled = false;
    unsigned until_probe = 0;
  };
  std::array<memory, 2> classes_;
  memory* probed_ = nullptr;
};

}  // namespace hugehist::codec
