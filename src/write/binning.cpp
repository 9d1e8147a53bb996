#include "write/binning.hpp"

#include "base/overloaded.hpp"
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
struct is_integer_axis<bh::axis::integer<Parameters...>> : std::true_type {};

/// Integer axes compute in int, where a far value overflows and lands anywhere; the nearest value that falls
/// in the same flow bin does not. A circular axis takes the value's place in its first turn.
template <class Value, class Options>
Value nearest(const boost_integer<Options, Value>& axis, std::int64_t x) {
  constexpr bool circular = Options::test(bh::axis::option::circular);
  const auto lower = static_cast<std::int64_t>(axis.value(0));
  const auto size = static_cast<std::int64_t>(axis.size());
  if constexpr (circular) {
    const auto turn = (x - lower) % size;
    return static_cast<Value>(lower + (turn < 0 ? turn + size : turn));
  } else {
    return static_cast<Value>(std::clamp(x, lower - 1, lower + size));
  }
}

/// offsets[i] = stride * bin of x[i], or dropped.
template <class Axis, class Value>
void to_offsets(const Axis& axis, const Value* x, std::size_t n, std::uint32_t stride, std::uint32_t* offsets) {
  constexpr auto options = Axis::options();
  constexpr bool underflow = options & bh::axis::option::underflow_t::value;
  constexpr bool overflow = options & bh::axis::option::overflow_t::value;
  const auto extent = static_cast<std::uint32_t>(axis.size()) + underflow + overflow;
  for (std::size_t i = 0; i < n; ++i) {
    bh::axis::index_type index;
    if constexpr (is_integer_axis<Axis>::value)
      index = axis.index(nearest(axis, static_cast<std::int64_t>(x[i])));
    else if constexpr (std::is_same_v<Axis, boost_boolean>)
      index = axis.index(x[i] != 0);
    else
      index = axis.index(static_cast<double>(x[i]));
    const auto bin = static_cast<std::uint32_t>(index + underflow);  // -1 without underflow bin: beyond extent
    if constexpr (underflow && overflow)
      offsets[i] = bin * stride;
    else
      offsets[i] = bin < extent ? bin * stride : dropped;
  }
}

/// Axes of integers take integers, all others doubles; no other pair is ever asked for.
template <class Axis, class Value>
constexpr bool takes = (is_integer_axis<Axis>::value || std::is_same_v<Axis, boost_boolean>) ==
                       std::is_same_v<Value, std::int64_t>;

template <class Value>
void visit_offsets(const boost_axis& axis, const Value* x, std::size_t n, std::uint32_t stride,
                   std::uint32_t* offsets) {
  bh::axis::visit(
      [&](const auto& a) {
        if constexpr (takes<std::decay_t<decltype(a)>, Value>) to_offsets(a, x, n, stride, offsets);
      },
      axis);
}

void combine(std::uint32_t offset, std::uint32_t& bin) noexcept {
  bin = bin == dropped || offset == dropped ? dropped : bin + offset;
}

/// A column's values as the axis takes them, batch by batch; `use` is called with (values, first element, n).
/// Elements count events * columns, the columns of an event side by side.
template <class Value, class T, class Use>
void for_each_batch(const array_view<T>& column, std::size_t first, std::size_t last, const Use& use) {
  const auto columns = column.columns;
  Value scratch[batch];
  for (auto begin = first * columns; begin < last * columns; begin += batch) {
    const auto n = std::min(batch, last * columns - begin);
    const bool contiguous = column.event_stride == static_cast<std::ptrdiff_t>(columns) &&
                            (columns == 1 || column.column_stride == 1);
    if constexpr (std::is_same_v<Value, T>) {
      if (contiguous) {
        use(column.data + begin, begin, n);
        continue;
      }
    }
    if (columns == 1) {
      const auto* source = column.data + static_cast<std::ptrdiff_t>(begin) * column.event_stride;
      for (std::size_t i = 0; i < n; ++i)
        scratch[i] = static_cast<Value>(source[static_cast<std::ptrdiff_t>(i) * column.event_stride]);
    } else {
      auto event = begin / columns, j = begin % columns;
      for (std::size_t i = 0; i < n; ++i) {
        scratch[i] = static_cast<Value>(column(event, j));
        if (++j == columns) ++event, j = 0;
      }
    }
    use(scratch, begin, n);
  }
}

void check_32_bits(const std::int64_t* x, std::size_t n, std::size_t first, std::size_t columns,
                   const std::string& name) {
  for (std::size_t i = 0; i < n; ++i)
    if (x[i] != static_cast<std::int32_t>(x[i]))
      throw std::invalid_argument{"axis '" + name + "': the value " + std::to_string(x[i]) + " of event " +
                                  std::to_string((first + i) / columns) +
                                  " does not fit a 32-bit signed integer, which integer axes take"};
}

}  // namespace

column_shape shape_of(const numbers& column) noexcept {
  return std::visit(base::overloaded{
                        [](double) { return column_shape{.is_scalar = true}; },
                        [](std::int64_t) { return column_shape{.is_scalar = true}; },
                        [](const auto& view) { return column_shape{view.events, view.columns, false}; },
                    },
                    column);
}

binning::binning(const std::vector<axis::any>& axes) : strides_(axes.size()) {
  for (const auto& axis : axes) {
    axes_.push_back(to_boost_axis(axis));
    names_.push_back(axis.name());
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
          throw type_error{"axis '" + names_[position] +
                           "': only integers and booleans fill an integer or boolean axis: convert the values"};
      },
      column);
}

void binning::add_bins(std::size_t position, const numbers& column, std::size_t first, std::size_t last,
                       std::size_t width, std::uint32_t* bins) const {
  const auto& axis = axes_[position];
  const auto stride = static_cast<std::uint32_t>(strides_[position]);
  std::uint32_t offsets[batch];

  const auto add = [&](std::size_t columns) {
    return [&, columns](const auto* values, std::size_t begin, std::size_t n) {
      if constexpr (std::is_same_v<decltype(values), const std::int64_t*>)
        check_32_bits(values, n, begin, columns, names_[position]);
      visit_offsets(axis, values, n, stride, offsets);
      if (columns == width) {
        for (std::size_t i = 0; i < n; ++i) combine(offsets[i], bins[begin + i]);
      } else {
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < width; ++j) combine(offsets[i], bins[(begin + i) * width + j]);
      }
    };
  };
  const auto add_scalar = [&](const auto& value) {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::int64_t>) {
      if (!takes_integers_[position]) {
        const auto number = static_cast<double>(value);
        visit_offsets(axis, &number, 1, stride, offsets);
      } else {
        check_32_bits(&value, 1, 0, 1, names_[position]);
        visit_offsets(axis, &value, 1, stride, offsets);
      }
    } else {
      visit_offsets(axis, &value, 1, stride, offsets);
    }
    for (auto i = first * width; i < last * width; ++i) combine(offsets[0], bins[i]);
  };
  const auto add_view = [&](const auto& view) {
    if (takes_integers_[position])
      for_each_batch<std::int64_t>(view, first, last, add(view.columns));
    else
      for_each_batch<double>(view, first, last, add(view.columns));
  };
  std::visit(base::overloaded{
                 [&](double value) { add_scalar(value); },
                 [&](std::int64_t value) { add_scalar(value); },
                 [&](const auto& view) { add_view(view); },
             },
             column);
}

}  // namespace hugehist::write
