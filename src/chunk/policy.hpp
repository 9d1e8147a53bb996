// The choice of a chunk shape.
#pragma once

#include "store/store.hpp"

#include <cstddef>
#include <vector>

namespace hugehist::chunk {

inline constexpr std::size_t max_chunk_plane_bytes = std::size_t{1} << 20;
inline constexpr std::size_t min_chunk_plane_bytes = std::size_t{1} << 18;
/// What a user may ask for with `chunks=`.
inline constexpr std::size_t max_requested_plane_bytes = std::size_t{1} << 30;

/// The shape for a histogram as it is now or is expected to be: dense axes whole where a plane stays within
/// 1 MiB (else the outer ones are cut), the variations axis as far as it fits, 1 along other category axes.
std::vector<std::size_t> choose_chunk_shape(const store::histogram_record& record);

/// Throws std::invalid_argument when a requested shape does not fit the axes (rank, zeros, too large).
void validate_chunk_shape(const std::vector<std::size_t>& shape, const model::schema& schema);

}  // namespace hugehist::chunk
