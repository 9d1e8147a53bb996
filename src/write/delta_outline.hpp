// What a delta holds, read from its compact form and checked as if it were kept, in the memory of one frame.
#pragma once

#include "write/delta_data.hpp"

#include <cstddef>
#include <span>

namespace hugehist::write {

/// Of delta::from_bytes, with the same errors, but for dense cells: they are decoded, and dropped. Good for check(),
/// and for nothing else.
delta_data read_outline(std::span<const std::byte> bytes, std::size_t max_memory);

}  // namespace hugehist::write
