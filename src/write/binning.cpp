#include "write/binning.hpp"

#include "base/overloaded.hpp"
#include "write/bin_kernels.hpp"
#include "write/delta_data.hpp"

#include <hugehist/error.hpp>

#include <boost/histogram/axis/traits.hpp>
#include <boost/histogram/axis/variant.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace hugehist::write {
namespace {

constexpr auto dropped = event_rows::dropped;
// Values of so many events at once: they and their offsets stay in the first-level cache.
constexpr std::size_t batch = 1024;

template <class>
struct is_integer_axis : std::false_type {};
template <class... Parameters>
struct is_integer_axis<boost::histogram::axis::integer<Parameters...>> : std::true_type {};

/// Integer axes compute in int, where a far value overflows and lands anywhere; the nearest value that falls
/// in the same flow bin does not. A circular axis takes the value's place in its first turn.
template <class Value, class Options>
Value nearest(const model::boost_integer<Options, Value>& axis, std::int64_t x) {
  constexpr bool circular = Options::test(boost::histogram::axis::option::circular);
  const auto lower = static_cast<std::int64_t>(axis.value(0));
  const auto size = static_cast<std::int64_t>(axis.size());
  if constexpr (circular) {
    const auto turn = (x - lower) % size;
    return static_cast<Value>(lower + (turn < 0 ? turn + size : turn));
  } else {
    return static_cast<Value>(std::clamp(x, lower - 1, lower + size));
  }
}

/// offsets[i] = stride * bin of x[i], or dropped: by Boost.Histogram's own axis.
template <class Axis, class Value>
void boost_offsets(const Axis& axis, const Value* x, std::size_t n, std::uint32_t stride, std::uint32_t* offsets) {
  constexpr auto options = Axis::options();
  constexpr bool underflow = options & boost::histogram::axis::option::underflow_t::value;
  constexpr bool overflow = options & boost::histogram::axis::option::overflow_t::value;
  const auto extent = static_cast<std::uint32_t>(axis.size()) + underflow + overflow;
  for (std::size_t i = 0; i < n; ++i) {
    boost::histogram::axis::index_type index;
    if constexpr (is_integer_axis<Axis>::value)
      index = axis.index(nearest(axis, static_cast<std::int64_t>(x[i])));
    else if constexpr (std::is_same_v<Axis, model::boost_boolean>)
      index = axis.index(x[i] != 0);
    else
      index = axis.index(x[i]);
    const auto bin = static_cast<std::uint32_t>(index + underflow);  // -1 without underflow bin: beyond extent
    offsets[i] = bin < extent ? bin * stride : dropped;
  }
}

/// Axes of integers take integers, all others doubles; no other pair is ever asked for.
template <class Axis, class Value>
constexpr bool takes = (is_integer_axis<Axis>::value ||
                        std::is_same_v<Axis, model::boost_boolean>) == std::is_same_v<Value, std::int32_t>;

[[noreturn]] void refuse_wide(const axis::any& axis, std::int64_t value, std::size_t event) {
  throw std::invalid_argument{"axis '" + axis.name() + "': the value " + std::to_string(value) + " of event " +
                              std::to_string(event) + " does not fit a 32-bit signed integer, which integer axes take"};
}

/// A column's values as the axis takes them, batch by batch; `use` is called with (values, first element, n).
/// Elements count events * columns, the columns of an event side by side.
template <class Value, class T, class Use>
void for_each_batch(const axis::any& axis, const array_view<T>& column, std::size_t first, std::size_t last,
                    const Use& use) {
  const auto columns = column.columns;
  constexpr bool narrows = std::is_same_v<Value, std::int32_t> && std::is_same_v<T, std::int64_t>;
  const bool contiguous =
      column.event_stride == static_cast<std::ptrdiff_t>(columns) && (columns == 1 || column.column_stride == 1);
  Value scratch[batch];
  for (auto begin = first * columns; begin < last * columns; begin += batch) {
    const auto n = std::min(batch, last * columns - begin);
    if constexpr (std::is_same_v<Value, T>) {
      if (contiguous) {
        use(column.data + begin, begin, n);
        continue;
      }
    }
    bool wide = false;
    const auto convert = [&](T value) {
      if constexpr (narrows) wide |= value != static_cast<std::int32_t>(value);
      return static_cast<Value>(value);
    };
    if (contiguous) {
      for (std::size_t i = 0; i < n; ++i) scratch[i] = convert(column.data[begin + i]);
    } else {
      auto event = begin / columns, j = begin % columns;
      for (std::size_t i = 0; i < n; ++i) {
        scratch[i] = convert(column(event, j));
        if (++j == columns) ++event, j = 0;
      }
    }
    if constexpr (narrows)
      for (std::size_t i = 0; wide && i < n; ++i) {
        const auto value = column((begin + i) / columns, (begin + i) % columns);
        if (value != static_cast<std::int32_t>(value)) refuse_wide(axis, value, (begin + i) / columns);
      }
    use(scratch, begin, n);
  }
}

/// Whether a value can fall into no bin at all.
bool can_drop(const axis::any& axis) {
  return std::visit(base::overloaded{
                        [](const axis::boolean&) { return false; },
                        [](const axis::integer& a) { return !a.circular && !(a.underflow && a.overflow); },
                        [](const axis::regular& a) { return a.circular ? !a.overflow : !(a.underflow && a.overflow); },
                        // Rounding leaves a denormal below the first edge where it is, which is no bin of a circle.
                        [](const axis::variable& a) { return a.circular || !(a.underflow && a.overflow); },
                        [](const auto&) { return false; },
                    },
                    axis.kind());
}

}  // namespace

column_shape shape_of(const numbers& column) noexcept {
  return std::visit(base::overloaded{
                        [](double) { return column_shape{.is_scalar = true}; },
                        [](std::int64_t) { return column_shape{.is_scalar = true}; },
                        [](const auto& view) {
                          return column_shape{view.events, view.columns, false};
                        },
                    },
                    column);
}

binning::binning(const std::vector<axis::any>& axes) : strides_(axes.size()) {
  for (const auto& axis : axes) {
    values_.push_back(axis);
    axes_.push_back(model::to_boost_axis(axis));
    may_drop_ |= can_drop(axis);
    takes_integers_.push_back(std::holds_alternative<axis::integer>(axis.kind()) ||
                              std::holds_alternative<axis::boolean>(axis.kind()));
  }
  for (auto i = axes.size(); i-- > 0;) {
    strides_[i] = bins_;
    bins_ *= axes[i].extent();
  }
}

void binning::check_kind(std::size_t position, const numbers& column) const {
  if (!takes_integers_[position]) return;
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, double> || std::is_same_v<T, array_view<double>> ||
                      std::is_same_v<T, array_view<float>>)
          throw type_error{"axis '" + values_[position].name() +
                           "': only integers and booleans fill an integer or boolean axis: convert the values"};
      },
      column);
}

template <class Value>
void binning::to_offsets(std::size_t position, const Value* x, std::size_t n, std::uint32_t* offsets) const {
  const auto stride = static_cast<std::uint32_t>(strides_[position]);
  const auto& kind = values_[position].kind();
  if constexpr (std::is_same_v<Value, double>) {
    if (const auto* a = std::get_if<axis::regular>(&kind);
        a != nullptr && !a->circular && a->transform == axis::transform::none)
      return regular_offsets(x, n, a->lower, a->upper, static_cast<std::int32_t>(a->bins),
                             {a->underflow, a->overflow, stride}, offsets);
    if (const auto* a = std::get_if<axis::variable>(&kind); a != nullptr && !a->circular)
      return variable_offsets(x, n, a->edges.data(), a->edges.size(), {a->underflow, a->overflow, stride}, offsets);
  } else {
    if (const auto* a = std::get_if<axis::integer>(&kind); a != nullptr && !a->circular)
      return integer_offsets(x, n, static_cast<std::int32_t>(a->lower), static_cast<std::int32_t>(a->upper),
                             {a->underflow, a->overflow, stride}, offsets);
  }
  boost::histogram::axis::visit(
      [&](const auto& a) {
        if constexpr (takes<std::decay_t<decltype(a)>, Value>) boost_offsets(a, x, n, stride, offsets);
      },
      axes_[position]);
}

void binning::find_bins(std::span<const numbers* const> columns, std::size_t first, std::size_t last, std::size_t width,
                        std::uint32_t* bins) const {
  if (columns.empty()) std::fill_n(bins, (last - first) * width, 0);
  for (std::size_t i = 0; i < columns.size(); ++i) add_bins(i, *columns[i], first, last, width, bins);
}

bool binning::takes_all(std::span<const numbers* const> columns) const noexcept {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (takes_integers_[i] && (std::holds_alternative<std::int64_t>(*columns[i]) ||
                               std::holds_alternative<array_view<std::int64_t>>(*columns[i])))
      return false;
  return true;
}

void binning::add_bins(std::size_t position, const numbers& column, std::size_t first, std::size_t last,
                       std::size_t width, std::uint32_t* bins) const {
  const auto& axis = values_[position];
  std::uint32_t offsets[batch];

  const auto add_view = [&]<class Value>(const auto& view, Value) {
    for_each_batch<Value>(axis, view, first, last, [&](const Value* values, std::size_t begin, std::size_t n) {
      if (position == 0 && view.columns == width)
        return to_offsets(position, values, n, bins + (begin - first * width));
      to_offsets(position, values, n, offsets);
      if (position == 0) {
        for (std::size_t i = 0; i < n; ++i) std::fill_n(bins + (begin + i - first) * width, width, offsets[i]);
        return;
      }
      if (view.columns == width) return add_offsets(bins + (begin - first * width), offsets, n, may_drop_);
      for (std::size_t i = 0; i < n; ++i)  // one value for all variations of an event
        add_same_offset(bins + (begin + i - first) * width, offsets[i], width, may_drop_);
    });
  };
  const auto add_scalar = [&](auto value) {
    to_offsets(position, &value, 1, offsets);
    if (position == 0) {
      std::fill_n(bins, (last - first) * width, offsets[0]);
      return;
    }
    std::fill_n(offsets, batch, offsets[0]);
    const auto count = (last - first) * width;
    for (std::size_t begin = 0; begin < count; begin += batch)
      add_offsets(bins + begin, offsets, std::min(batch, count - begin), may_drop_);
  };
  std::visit(base::overloaded{
                 [&](double value) { add_scalar(value); },
                 [&](std::int64_t value) {
                   if (!takes_integers_[position]) return add_scalar(static_cast<double>(value));
                   if (value != static_cast<std::int32_t>(value)) refuse_wide(axis, value, 0);
                   add_scalar(static_cast<std::int32_t>(value));
                 },
                 [&](const auto& view) {
                   if (takes_integers_[position])
                     add_view(view, std::int32_t{});
                   else
                     add_view(view, double{});
                 },
             },
             column);
}

}  // namespace hugehist::write
