// How much memory an answer may take, so that a read that cannot succeed is refused instead of killed.
#pragma once

#include <cstddef>

namespace hugehist::read {

/// Bytes that this process can still get without being killed, as the system tells; SIZE_MAX where it does not
/// tell. Any thread.
std::size_t available_memory() noexcept;

}  // namespace hugehist::read
