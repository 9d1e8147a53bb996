// Replaces bins of a histogram in a store by given content.
#pragma once

#include "write/edit_chunks.hpp"

#include <hugehist/selection.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hugehist::write {

/// `bins` has for each axis the storage bins to replace; the bins replaced are their product. `content` has one
/// value for each, or length 1 along an axis to repeat it; `chosen` is empty, or says for each of these values whether
/// it replaces anything. Chunks that would stay zero are not made. Throws std::invalid_argument where bins or content
/// do not fit; on any exception nothing has changed.
void overwrite(std::span<const std::vector<std::size_t>> bins, const dense_planes& content,
               std::span<const std::uint8_t> chosen, const write_target& target);

}  // namespace hugehist::write
