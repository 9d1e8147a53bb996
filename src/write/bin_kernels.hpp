// The inner loops of binning for the axes that fills spend their time on.
//
// They compute what Boost.Histogram's index functions compute, operation by operation, but without branches on
// the values, so that they vectorise or overlap; tests hold them against Boost.Histogram bit by bit. Each writes
// offsets[i] = stride * bin of x[i], flow bins counted, or event_rows::dropped.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hugehist::write {

/// What the loops need to know of an axis besides its edges.
struct bin_flow {
  bool underflow = true, overflow = true;
  std::uint32_t stride = 1;
};

/// As axis::regular without transform, not circular.
void regular_offsets(const double* x, std::size_t n, double lower, double upper, std::int32_t bins, bin_flow flow,
                     std::uint32_t* offsets) noexcept;

/// As axis::variable, not circular. REQUIRES: edges >= 2
void variable_offsets(const double* x, std::size_t n, const double* edges, std::size_t edge_count, bin_flow flow,
                      std::uint32_t* offsets) noexcept;

/// As axis::integer, not circular, but that far values do not wrap.
void integer_offsets(const std::int32_t* x, std::size_t n, std::int32_t lower, std::int32_t upper, bin_flow flow,
                     std::uint32_t* offsets) noexcept;

/// bins[i] += offsets[i]; dropped stays dropped. Without `may_drop` no offset is dropped, and no bin.
void add_offsets(std::uint32_t* bins, const std::uint32_t* offsets, std::size_t n, bool may_drop) noexcept;
/// The same with one offset for all of them.
void add_same_offset(std::uint32_t* bins, std::uint32_t offset, std::size_t n, bool may_drop) noexcept;

}  // namespace hugehist::write
