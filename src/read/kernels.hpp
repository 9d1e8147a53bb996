// Adds an array to another one through a map of each axis: the inner loops of every read.
//
// A loop nest has one axis_loop for each axis that has more than one bin to visit, outermost first. Each maps
// bins of the input to bins of the output by runs. The order of the additions depends on the nest alone.
// Plain functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hugehist::read {

/// An input bin and the output bin that it goes to.
struct bin_pair {
  std::uint32_t from;
  std::uint32_t to;
};

enum class pattern : std::uint8_t {
  copy,     ///< from, from + 1, … to to, to + 1, …
  sum,      ///< from, from + 1, … all to the bin `to`
  scatter,  ///< pairs[from], pairs[from + 1], …: anything else
};

struct run {
  std::uint32_t from;
  std::uint32_t to;
  std::uint32_t length;
  pattern kind;
};

struct axis_loop {
  std::span<const run> runs;
  const bin_pair* pairs = nullptr;  ///< of the scatter runs
  const double* factors = nullptr;  ///< one for each input bin, or null
  std::size_t in_stride = 1;        ///< in elements
  std::size_t out_stride = 1;
};

/// Bin k of a run.
inline bin_pair bins_of(const axis_loop& loop, const run& r, std::size_t k) noexcept {
  const auto offset = static_cast<std::uint32_t>(k);
  if (r.kind == pattern::scatter) return loop.pairs[r.from + offset];
  return {r.from + offset, r.kind == pattern::copy ? r.to + offset : r.to};
}

/// out[to] += in[from] * scale * factors, for every combination of bins. Integers are added modulo 2^64.
/// Instantiated for double → double, int64 → int64 (REQUIRES: scale 1, no factors), int64 → double.
template <class In, class Out>
void accumulate(std::span<const axis_loop> loops, const In* in, Out* out, double scale);

}  // namespace hugehist::read
