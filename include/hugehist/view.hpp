// A part of a histogram that is read when its content is asked for.
//
// A view keeps the steps that lead to it and follows when axes grow. Copies are cheap, as copies of a histogram are.
// The same threads rule as for histogram.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/export.hpp>
#include <hugehist/histogram.hpp>
#include <hugehist/selector.hpp>

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hugehist {

class HUGEHIST_EXPORT view {
 public:
  /// All of a histogram.
  explicit view(histogram source);
  ~view();
  view(const view&);
  view(view&&) noexcept;
  view& operator=(const view&);
  view& operator=(view&&) noexcept;

  const histogram& source() const noexcept;
  /// The axes that are left; nothing is read.
  std::vector<axis::any> axes() const;

  /// Takes a part: axes that are not named stay whole. The rules are boost-histogram's. Throws key_error for an axis or
  /// a label that is not there, std::out_of_range for a bin that is not, std::invalid_argument for what cannot be done.
  view select(std::initializer_list<axis_selector> parts) const;
  view select(std::span<const axis_selector> parts) const;
  /// Sums over all axes but these, flow bins included; they come in that order. Throws as select does.
  view project(std::initializer_list<axis_reference> kept) const;
  view project(std::span<const axis_reference> kept) const;
  /// Multiplies the values while they are read, their variances by the square: one factor for each bin, with or
  /// without flow bins, or by label, and labels that are not named stay. Throws as select does.
  view scale(const axis_reference& axis, std::span<const double> factors) const;
  view scale(const axis_reference& axis, const std::map<std::string, double>& factors) const;

  /// The content, flow bins included: one length for each of axes(), in C order. Throws as histogram::read does.
  dense_planes read(const histogram::progress_callback& progress = {}) const;
  /// The content of several projections, in one pass over the chunks: that of project(…).read() for each, to the last
  /// bit. Throws as project and read do.
  std::vector<dense_planes> project_many(std::span<const std::vector<axis_reference>> kept,
                                         const histogram::progress_callback& progress = {}) const;

 private:
  friend HUGEHIST_EXPORT std::vector<dense_planes> read_many(std::span<const view> views,
                                                             const histogram::progress_callback& progress);
  struct state;
  explicit view(std::shared_ptr<const state> made) noexcept;
  std::shared_ptr<const state> state_;
};

/// The content of each view: those of one histogram are read in one pass over its chunks. Progress begins anew for
/// each histogram. Throws as view::read does.
HUGEHIST_EXPORT std::vector<dense_planes> read_many(std::span<const view> views,
                                                    const histogram::progress_callback& progress = {});

}  // namespace hugehist
