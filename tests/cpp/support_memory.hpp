// A test program in which allocations fail when a test says so.
//
// support_memory.cpp takes the place of operator new and delete. Where sanitizers have their own, memory::is_counted
// is false, and nothing fails.
#pragma once

#include <cstddef>

namespace memory {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_counted = false;
#else
inline constexpr bool is_counted = true;
#endif

/// From now on so many allocations of any thread succeed, and then one fails.
void fail_after(std::size_t allocations);
/// No more fails. Whether one has.
bool stop_failing();

/// Blocks that are allocated and not given back.
std::size_t blocks();

/// From now on the most bytes are remembered that are allocated at one time, beyond those that are now.
void watch_peak();
std::size_t peak_bytes();

}  // namespace memory
