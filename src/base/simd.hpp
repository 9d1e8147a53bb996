// Instruction sets chosen at run time: the library is built for the oldest x86-64, and kernels are compiled
// again for newer ones. Every variant does the same operations in the same order, without fused multiply-adds
// (-ffp-contract=off in cmake/options.cmake), so results do not depend on the machine.
#pragma once

#include <algorithm>
#include <atomic>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HUGEHIST_X86_KERNELS 1
#else
#define HUGEHIST_X86_KERNELS 0
#endif

namespace hugehist::base {

enum class instruction_set { baseline, avx2, avx512 };

/// Nothing newer than this is used: for tests, which compare the variants on one machine.
inline std::atomic<instruction_set> newest_instruction_set{instruction_set::avx512};

inline instruction_set best_instruction_set() noexcept {
#if HUGEHIST_X86_KERNELS
  static const instruction_set best = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      return instruction_set::avx512;
    return __builtin_cpu_supports("avx2") ? instruction_set::avx2 : instruction_set::baseline;
  }();
  return std::min(best, newest_instruction_set.load(std::memory_order_relaxed));
#else
  return instruction_set::baseline;
#endif
}

}  // namespace hugehist::base
