// To and from Boost.Histogram: the one public header that needs it (Boost 1.81 or newer).
//
// add() and to_delta() take any Boost.Histogram histogram over axes that hugehist knows; to_boost() brings a
// view into memory. Boost's metadata is the axis name where it is a string. Boost.Histogram lays bins
// out with the first axis fastest, hugehist with the last: strides say so, and nothing is transposed twice.
#pragma once

#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>
#include <hugehist/histogram.hpp>
#include <hugehist/view.hpp>

#include <boost/histogram/accumulators/count.hpp>
#include <boost/histogram/accumulators/mean.hpp>
#include <boost/histogram/accumulators/weighted_mean.hpp>
#include <boost/histogram/accumulators/weighted_sum.hpp>
#include <boost/histogram/axis.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>
#include <boost/histogram/unsafe_access.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hugehist {
namespace boost_detail {

namespace bh = boost::histogram;
namespace option = bh::axis::option;

template <class Metadata>
std::string name_of(const Metadata& metadata) {
  if constexpr (std::is_convertible_v<const Metadata&, std::string>)
    return metadata;
  else
    return {};
}

template <class Options>
constexpr void refuse_growth() {
  static_assert(!Options::test(option::growth), "numeric axes that grow would move bins in the file: fix their range");
}

template <class V, class T, class M, class O>
axis::any from_boost_axis(const bh::axis::regular<V, T, M, O>& a) {
  using options = bh::axis::traits::get_options<bh::axis::regular<V, T, M, O>>;
  refuse_growth<options>();
  axis::regular kind{a.size(), static_cast<double>(a.value(0)), static_cast<double>(a.value(a.size()))};
  kind.underflow = options::test(option::underflow);
  kind.overflow = options::test(option::overflow);
  kind.circular = options::test(option::circular);
  using transform = std::decay_t<decltype(a.transform())>;
  if constexpr (std::is_same_v<transform, bh::axis::transform::log>) {
    kind.transform = axis::transform::log;
  } else if constexpr (std::is_same_v<transform, bh::axis::transform::sqrt>) {
    kind.transform = axis::transform::sqrt;
  } else if constexpr (std::is_same_v<transform, bh::axis::transform::pow>) {
    kind.transform = axis::transform::pow;
    kind.power = a.transform().power;
  } else {
    static_assert(std::is_same_v<transform, bh::axis::transform::id>, "a transform that hugehist does not know");
  }
  return {kind, name_of(a.metadata())};
}

template <class V, class M, class O, class A>
axis::any from_boost_axis(const bh::axis::variable<V, M, O, A>& a) {
  using options = bh::axis::traits::get_options<bh::axis::variable<V, M, O, A>>;
  refuse_growth<options>();
  axis::variable kind;
  for (int i = 0; i <= a.size(); ++i) kind.edges.push_back(static_cast<double>(a.value(i)));
  kind.underflow = options::test(option::underflow);
  kind.overflow = options::test(option::overflow);
  kind.circular = options::test(option::circular);
  return {std::move(kind), name_of(a.metadata())};
}

template <class V, class M, class O>
axis::any from_boost_axis(const bh::axis::integer<V, M, O>& a) {
  using options = bh::axis::traits::get_options<bh::axis::integer<V, M, O>>;
  refuse_growth<options>();
  axis::integer kind{static_cast<std::int64_t>(a.value(0)), static_cast<std::int64_t>(a.value(0)) + a.size()};
  kind.underflow = options::test(option::underflow);
  kind.overflow = options::test(option::overflow);
  kind.circular = options::test(option::circular);
  return {kind, name_of(a.metadata())};
}

template <class M>
axis::any from_boost_axis(const bh::axis::boolean<M>& a) {
  return {axis::boolean{}, name_of(a.metadata())};
}

template <class V, class M, class O, class A>
axis::any from_boost_axis(const bh::axis::category<V, M, O, A>& a) {
  using options = bh::axis::traits::get_options<bh::axis::category<V, M, O, A>>;
  const auto describe = [&a](auto kind) -> axis::any {
    for (int i = 0; i < a.size(); ++i) kind.labels.emplace_back(a.value(i));
    kind.growth = options::test(option::growth);
    kind.overflow = options::test(option::overflow);
    return {std::move(kind), name_of(a.metadata())};
  };
  if constexpr (std::is_integral_v<V>)
    return describe(axis::int_category{});
  else
    return describe(axis::str_category{});
}

template <class... Axes>
axis::any from_boost_axis(const bh::axis::variant<Axes...>& a) {
  return bh::axis::visit([](const auto& held) { return from_boost_axis(held); }, a);
}

template <class>
inline constexpr bool is_count = false;
template <class T, bool thread_safe>
inline constexpr bool is_count<bh::accumulators::count<T, thread_safe>> = std::is_integral_v<T>;

/// The storage for cells of a Boost.Histogram.
template <class Cell>
constexpr storage kind_of() {
  if constexpr (std::is_same_v<Cell, bh::accumulators::weighted_sum<double>>)
    return storage::weighted;
  else if constexpr (std::is_same_v<Cell, bh::accumulators::mean<double>>)
    return storage::mean;
  else if constexpr (std::is_same_v<Cell, bh::accumulators::weighted_mean<double>>)
    return storage::weighted_mean;
  else if constexpr (std::is_same_v<Cell, std::int64_t> || is_count<Cell>)
    return storage::int_;
  else
    static_assert(std::is_same_v<Cell, double>, "cells that hugehist does not know: use one of the five UHI storages");
  return storage::double_;
}

// Cells as the planes have them: with the variance where Boost keeps a sum of squared deviations, 0 where it is not
// defined.
inline std::array<double, 1> elements_of(double cell) { return {cell}; }
template <class T, bool thread_safe>
std::array<std::int64_t, 1> elements_of(const bh::accumulators::count<T, thread_safe>& cell) {
  return {static_cast<std::int64_t>(cell.value())};
}
inline std::array<double, 3> elements_of(const bh::accumulators::mean<double>& cell) {
  return {cell.count(), cell.value(), cell.count() == 0 || cell.count() == 1 ? 0 : cell.variance()};
}
inline std::array<double, 4> elements_of(const bh::accumulators::weighted_mean<double>& cell) {
  const auto sum = cell.sum_of_weights(), squares = cell.sum_of_weights_squared();
  return {sum, squares, cell.value(), sum == 0 || sum * sum == squares ? 0 : cell.variance()};
}

/// The cells of a Boost.Histogram as planes; `owner` keeps them alive. Where Boost keeps them otherwise (means,
/// unlimited storage, atomic counts) they are copied.
template <class Histogram>
delta view_of(const Histogram& source, std::shared_ptr<const void> owner) {
  using cell = typename Histogram::value_type;
  constexpr auto kind = kind_of<cell>();
  constexpr std::size_t count = kind == storage::mean            ? 3
                                : kind == storage::weighted_mean ? 4
                                : kind == storage::weighted      ? 2
                                                                 : 1;
  const auto& held = bh::unsafe_access::storage(source);
  using stored = std::decay_t<decltype(*held.begin())>;

  std::vector<axis::any> axes;
  dense_view cells;
  std::ptrdiff_t stride = count;
  source.for_each_axis([&](const auto& a) {
    axes.push_back(from_boost_axis(a));
    cells.strides.push_back(stride);
    stride *= static_cast<std::ptrdiff_t>(axes.back().extent());
  });
  const std::byte* first = nullptr;
  if constexpr (std::is_same_v<stored, cell> && !is_count<cell> && count < 3) {
    static_assert(sizeof(cell) == count * element_size);
    if (source.size() != 0) first = reinterpret_cast<const std::byte*>(&*held.begin());
    cells.owner = std::move(owner);
  } else {
    using element = std::conditional_t<kind == storage::int_, std::int64_t, double>;
    auto copy = std::make_shared<std::vector<element>>();
    copy->reserve(source.size() * count);
    for (const auto& one : held)
      for (auto value : elements_of(static_cast<const cell&>(one))) copy->push_back(value);
    if (source.size() != 0) first = reinterpret_cast<const std::byte*>(copy->data());
    cells.owner = std::move(copy);
  }
  for (std::size_t p = 0; p < count && first != nullptr; ++p) cells.planes[p] = first + p * element_size;
  return delta::from_dense(std::move(axes), kind, std::move(cells));
}

using no_flow = option::none_t;
using both_flow = decltype(option::underflow | option::overflow);
using circular_flow = decltype(option::circular | option::overflow);
using text = std::string;

template <template <class> class Axis, class Circular>
using flow_variants = bh::axis::variant<Axis<both_flow>, Axis<no_flow>, Axis<option::underflow_t>,
                                        Axis<option::overflow_t>, Axis<Circular>>;

template <class Options>
using regular = bh::axis::regular<double, bh::axis::transform::id, text, Options>;
template <class Transform>
using transformed = bh::axis::regular<double, Transform, text, both_flow>;
template <class Options>
using variable = bh::axis::variable<double, text, Options>;
template <class Options>
using integer = bh::axis::integer<int, text, Options>;
template <class Value, class Options>
using category = bh::axis::category<Value, text, Options>;

template <class... Variants>
struct joined;
template <class... A>
struct joined<bh::axis::variant<A...>> {
  using type = bh::axis::variant<A...>;
};
template <class... A, class... B, class... Rest>
struct joined<bh::axis::variant<A...>, bh::axis::variant<B...>, Rest...>
    : joined<bh::axis::variant<A..., B...>, Rest...> {};

}  // namespace boost_detail

/// Any axis that hugehist knows, as a Boost.Histogram axis with its name for metadata.
using boost_axis = boost_detail::joined<
    boost_detail::flow_variants<boost_detail::regular, boost_detail::circular_flow>,
    boost_detail::flow_variants<boost_detail::variable, boost_detail::circular_flow>,
    boost_detail::flow_variants<boost_detail::integer, boost_detail::option::circular_t>,
    boost::histogram::axis::variant<boost_detail::transformed<boost::histogram::axis::transform::log>,
                                    boost_detail::transformed<boost::histogram::axis::transform::sqrt>,
                                    boost_detail::transformed<boost::histogram::axis::transform::pow>,
                                    boost::histogram::axis::boolean<std::string>,
                                    boost_detail::category<std::string, boost::histogram::axis::option::none_t>,
                                    boost_detail::category<std::string, boost::histogram::axis::option::overflow_t>,
                                    boost_detail::category<std::string, boost::histogram::axis::option::growth_t>,
                                    boost_detail::category<int, boost::histogram::axis::option::none_t>,
                                    boost_detail::category<int, boost::histogram::axis::option::overflow_t>,
                                    boost_detail::category<int, boost::histogram::axis::option::growth_t>>>::type;

namespace boost_detail {

/// `make(options)` for the options that the flags name.
template <class Circular, class Make>
boost_axis with_flow(bool underflow, bool overflow, bool circular, const Make& make) {
  if (circular) return make(Circular{});
  if (underflow && overflow) return make(both_flow{});
  if (underflow) return make(option::underflow_t{});
  if (overflow) return make(option::overflow_t{});
  return make(no_flow{});
}

template <class Value, class Labels>
boost_axis boost_category(const Labels& labels, bool growth, bool overflow, const std::string& name) {
  std::vector<Value> values;
  for (const auto& label : labels) {
    if constexpr (std::is_integral_v<Value>)
      if (!std::in_range<Value>(label))
        throw std::invalid_argument{"axis '" + name + "': to_boost takes labels of 32 bits only, not " +
                                    std::to_string(label)};
    values.push_back(static_cast<Value>(label));
  }
  const auto make = [&](auto options) -> boost_axis {
    return category<Value, decltype(options)>(values.begin(), values.end(), name);
  };
  return growth ? make(option::growth_t{}) : overflow ? make(option::overflow_t{}) : make(no_flow{});
}

inline boost_axis boost_kind(const axis::regular& a, const std::string& name) {
  const auto bins = static_cast<unsigned>(a.bins);
  namespace transform = bh::axis::transform;
  const bool plain_flow = a.underflow && a.overflow && !a.circular;
  if (a.transform != axis::transform::none && !plain_flow)
    throw std::invalid_argument{"axis '" + name + "': to_boost takes transforms with both flow bins only"};
  switch (a.transform) {
    case axis::transform::log:
      return transformed<transform::log>(bins, a.lower, a.upper, name);
    case axis::transform::sqrt:
      return transformed<transform::sqrt>(bins, a.lower, a.upper, name);
    case axis::transform::pow:
      return transformed<transform::pow>(transform::pow{a.power}, bins, a.lower, a.upper, name);
    case axis::transform::none:
      break;
  }
  return with_flow<circular_flow>(a.underflow, a.overflow, a.circular, [&](auto options) -> boost_axis {
    return regular<decltype(options)>(bins, a.lower, a.upper, name);
  });
}

inline boost_axis boost_kind(const axis::variable& a, const std::string& name) {
  return with_flow<circular_flow>(a.underflow, a.overflow, a.circular, [&](auto options) -> boost_axis {
    return variable<decltype(options)>(a.edges, name);
  });
}

inline boost_axis boost_kind(const axis::integer& a, const std::string& name) {
  return with_flow<option::circular_t>(a.underflow, a.overflow, a.circular, [&](auto options) -> boost_axis {
    return integer<decltype(options)>(static_cast<int>(a.lower), static_cast<int>(a.upper), name);
  });
}

inline boost_axis boost_kind(const axis::boolean&, const std::string& name) {
  return bh::axis::boolean<std::string>(name);
}

inline boost_axis boost_kind(const axis::str_category& a, const std::string& name) {
  return boost_category<std::string>(a.labels, a.growth, a.overflow, name);
}

inline boost_axis boost_kind(const axis::int_category& a, const std::string& name) {
  return boost_category<int>(a.labels, a.growth, a.overflow, name);
}

template <class Cell>
void set_cell(Cell& cell, const dense_planes& content, std::size_t i) {
  const auto at = [&content, i](std::size_t plane) {
    return std::visit([i](const auto& values) { return static_cast<double>(values[i]); }, content.planes[plane]);
  };
  if constexpr (std::is_arithmetic_v<Cell>)
    cell = std::visit([i](const auto& values) { return static_cast<Cell>(values[i]); }, content.planes[0]);
  else if constexpr (kind_of<Cell>() == storage::mean)
    cell = Cell{at(0), at(1), at(2)};
  else if constexpr (kind_of<Cell>() == storage::weighted_mean)
    cell = at(0) == 0 ? Cell{} : Cell{at(0), at(1), at(2), at(3)};
  else
    cell = Cell{at(0), content.planes.size() > 1 ? at(1) : at(0)};
}

constexpr bool is_mean(storage kind) { return kind == storage::mean || kind == storage::weighted_mean; }

/// Throws std::invalid_argument where cells of means meet others.
template <class Cell>
void check_storage(const histogram& source) {
  const auto kind = source.kind();
  bool fits = !is_mean(kind);
  if constexpr (!std::is_arithmetic_v<Cell>) {
    constexpr auto asked = kind_of<Cell>();
    if (is_mean(kind) || is_mean(asked)) fits = kind == asked;
  }
  if (!fits)
    throw std::invalid_argument{"histogram '" + source.name() + "' has storage '" + std::string{to_string(kind)} +
                                "': to_boost takes profile_storage for mean, weighted_profile_storage for "
                                "weighted_mean, and neither for others"};
}

}  // namespace boost_detail

/// The axis as a Boost.Histogram axis.
inline boost_axis to_boost(const axis::any& axis) {
  return std::visit([name = axis.name()](const auto& kind) { return boost_detail::boost_kind(kind, name); },
                    axis.kind());
}

/// A copy of a Boost.Histogram as a delta, for merging elsewhere or later.
template <class Axes, class Storage>
delta to_delta(boost::histogram::histogram<Axes, Storage> source) {
  auto kept = std::make_shared<const boost::histogram::histogram<Axes, Storage>>(std::move(source));
  return boost_detail::view_of(*kept, kept);
}

/// Adds a Boost.Histogram, matching category labels. Copies no cells but those of means. Throws and returns as
/// histogram::merge.
template <class Axes, class Storage>
bool add(histogram& target, const boost::histogram::histogram<Axes, Storage>& source,
         const std::optional<std::string>& id = {}) {
  return target.merge(boost_detail::view_of(source, nullptr), id);
}

/// What a view shows, as a Boost.Histogram in memory. The default storage holds any kind but means: counts come back
/// with themselves for variances. Means take profile_storage or weighted_profile_storage; else std::invalid_argument
/// is thrown.
template <class Storage = boost::histogram::weight_storage>
auto to_boost(const view& source) {
  boost_detail::check_storage<typename Storage::value_type>(source.source());
  const auto all = source.axes();
  const auto content = source.read();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (content.shape[i] != all[i].extent())
      throw std::invalid_argument{"another thread let an axis grow meanwhile: read again"};
  std::vector<boost_axis> axes;
  for (const auto& axis : all) axes.push_back(to_boost(axis));
  boost::histogram::histogram<std::vector<boost_axis>, Storage> result{std::move(axes), Storage{}};

  // From C order (last axis fastest) to Boost's (first axis fastest), counting the bins through.
  auto& cells = boost::histogram::unsafe_access::storage(result);
  std::vector<std::size_t> strides, position(all.size(), 0);
  std::size_t stride = 1;
  for (const auto length : content.shape) {
    strides.push_back(stride);
    stride *= length;
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::size_t target = 0;
    for (std::size_t d = 0; d < position.size(); ++d) target += position[d] * strides[d];
    using cell = std::decay_t<decltype(*cells.begin())>;
    cell value{};
    boost_detail::set_cell(value, content, i);
    cells[target] = value;
    for (auto d = position.size(); d-- > 0 && ++position[d] == content.shape[d];) position[d] = 0;
  }
  return result;
}

}  // namespace hugehist
