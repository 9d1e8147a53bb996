// Adds a rectangular piece of a delta to a chunk, whatever the order of both in memory.
//
// A piece has rows (one for each label of the span axis) and bins (of the dense axes). Fill buffers lay cells
// out as [bin][row][plane], chunks as [plane][row][bin]: that case is a blocked transposing add. Nothing here
// allocates or throws; strides and offsets count elements of eight bytes.
#pragma once

#include <hugehist/storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::write {

/// Where a row begins.
struct row_offset {
  std::ptrdiff_t source = 0;
  std::ptrdiff_t target = 0;
};

/// One dense axis of a piece.
struct piece_axis {
  std::size_t extent = 0;
  std::ptrdiff_t source_stride = 0;
  std::ptrdiff_t target_stride = 0;
};

struct piece {
  storage kind = storage::double_;
  std::array<const std::byte*, max_planes> source = {};
  std::array<std::byte*, max_planes> target = {};
  std::span<const row_offset> rows;
  std::span<const piece_axis> bins;  ///< as compact() leaves them
};

/// Leaves out axes of one bin and joins neighbours that are one run in both memories, in place; returns how many
/// axes remain, at least one. REQUIRES: room for one axis at `axes`
std::size_t compact(piece_axis* axes, std::size_t count) noexcept;

/// target += source, cells of means combined. int64 sums wrap, as in Boost.Histogram.
void add_piece(const piece& piece) noexcept;

/// Whether cells are added up plane by plane: where they are not (means), rows cannot be taken one by one.
bool is_additive(storage kind) noexcept;

// Runs of `n` elements side by side, of double or std::uint64_t. `later` is what the next call reads: it is fetched
// meanwhile, wherever it is (it need not be memory of ours).

/// target += source
template <class T>
void add_run(T* target, const T* source, std::size_t n, const T* later) noexcept;
/// target = 0 + source (which is 0 for -0), for a target that may hold anything.
template <class T>
void set_run(T* target, const T* source, std::size_t n, const T* later) noexcept;
/// Whether they are equal, bit for bit.
template <class T>
bool is_same_run(const T* a, const T* b, std::size_t n, const T* later) noexcept;

/// Whether an element of the source is not zero (the target is not looked at).
bool any_nonzero(const piece& piece) noexcept;

}  // namespace hugehist::write
