// The cells of the mean storages, and how two of them become one: what `+` is to a number.
//
// Both storages are one case. The counts of `mean` are a sum of weights that is its own sum of squares, as it is
// where all weights are 1. Planes hold the variance, as the UHI schema has it; the sum of squared deviations, which
// is what adds up, is variance times degrees_of_freedom. Plain functions; any thread.
#pragma once

#include <hugehist/storage.hpp>

#include <cmath>
#include <cstddef>

namespace hugehist::model {

/// True for the storages whose cells are combined; those of the others are added plane by plane.
constexpr bool is_mean(storage kind) noexcept { return kind == storage::mean || kind == storage::weighted_mean; }

struct moments {
  double weight = 0;    ///< sum of weights, or counts
  double squares = 0;   ///< sum of squared weights; of `mean` storage the counts
  double mean = 0;      ///< of the samples; of no meaning where weight is 0
  double variance = 0;  ///< of the samples; 0 where it is not defined
};

/// One sample.
constexpr moments one_sample(storage kind, double weight, double x) noexcept {
  return {weight, kind == storage::mean ? weight : weight * weight, x, 0};
}

/// What divides the sum of squared deviations to make the variance; 0 where that is not defined: no entry, or one.
inline double degrees_of_freedom(const moments& cell) noexcept {
  if (cell.weight == 0 || cell.weight * cell.weight == cell.squares) return 0;
  return cell.weight - cell.squares / cell.weight;
}

/// The variance of a cell with this sum of squared deviations.
inline double variance_of(const moments& cell, double deviations) noexcept {
  const auto freedom = degrees_of_freedom(cell);
  return freedom == 0 ? 0 : deviations / freedom;
}

/// The sum of squared deviations from the mean, weighted.
inline double deviations_of(const moments& cell) noexcept {
  const auto freedom = degrees_of_freedom(cell);
  return freedom == 0 ? 0 : cell.variance * freedom;
}

/// Both samples together (Chan, Golub and LeVeque). Cells without entries contribute nothing. Where weights of both
/// signs cancel to 0 there is no mean, and 0 stands for it.
inline moments combine(const moments& a, const moments& b) noexcept {
  if (b.weight == 0 && b.squares == 0) return a;
  if (a.weight == 0 && a.squares == 0) return b;
  moments sum{a.weight + b.weight, a.squares + b.squares, 0, 0};
  if (sum.weight == 0) return sum;
  auto deviations = deviations_of(a) + deviations_of(b);
  if (a.weight == 0 || b.weight == 0) {
    sum.mean = a.weight == 0 ? b.mean : a.mean;
  } else {
    const auto shift = b.mean - a.mean;
    sum.mean = (a.weight * a.mean + b.weight * b.mean) / sum.weight;
    deviations += shift * shift * (a.weight * b.weight / sum.weight);
  }
  sum.variance = variance_of(sum, deviations);
  return sum;
}

/// The cell with all samples multiplied by `factor`, which is what boost-histogram's `*` does.
inline moments scaled(moments cell, double factor) noexcept {
  cell.mean *= factor;
  cell.variance *= factor * factor;
  return cell;
}

/// The planes of a mean storage in memory; T is double or const double.
template <class T>
struct moment_planes {
  T* weight = nullptr;
  T* squares = nullptr;  ///< null for `mean`
  T* mean = nullptr;
  T* variance = nullptr;

  /// The same from element i on.
  moment_planes at(std::ptrdiff_t i) const noexcept {
    return {weight + i, squares == nullptr ? nullptr : squares + i, mean + i, variance + i};
  }
  moments load(std::ptrdiff_t i) const noexcept {
    moments cell{weight[i], squares == nullptr ? weight[i] : squares[i], mean[i], variance[i]};
    // Other libraries have NaN, infinity or anything else where mean and variance are not defined: up to one
    // effective count, which may have been rounded to four bytes.
    constexpr double one_count = 1 + 1e-6;
    if (cell.weight == 0) cell.mean = cell.variance = 0;
    if (!std::isfinite(cell.variance) && cell.weight * cell.weight <= cell.squares * one_count) cell.variance = 0;
    return cell;
  }
  void store(std::ptrdiff_t i, const moments& cell) const noexcept {
    weight[i] = cell.weight;
    if (squares != nullptr) squares[i] = cell.squares;
    mean[i] = cell.mean;
    variance[i] = cell.variance;
  }
};

/// REQUIRES: is_mean(kind); plane(p) is where plane p begins
template <class T, class Plane>
moment_planes<T> moment_planes_of(storage kind, const Plane& plane) {
  const std::size_t squared = kind == storage::weighted_mean ? 1 : 0;
  return {plane(0), squared == 1 ? plane(1) : nullptr, plane(1 + squared), plane(2 + squared)};
}

}  // namespace hugehist::model
