#include "model/boost_axes.hpp"

#include "base/overloaded.hpp"

#include <hugehist/error.hpp>

namespace hugehist::model {
namespace {

/// make.operator()<Options>() for the options that the flags mean.
template <class Make>
boost_axis with_flow(bool underflow, bool overflow, const Make& make) {
  if (underflow && overflow) return make.template operator()<boost_option::both>();
  if (underflow) return make.template operator()<boost_option::underflow>();
  if (overflow) return make.template operator()<boost_option::overflow>();
  return make.template operator()<boost_option::none>();
}

template <class Make>
boost_axis with_circular(bool overflow, const Make& make) {
  if (overflow) return make.template operator()<boost_option::circular_overflow>();
  return make.template operator()<boost_option::circular>();
}

template <class Transform>
boost_axis make_transformed(const axis::regular& a, Transform transform) {
  return with_flow(a.underflow, a.overflow, [&]<class Options>() -> boost_axis {
    return boost_regular<Options, Transform>(transform, static_cast<unsigned>(a.bins), a.lower, a.upper);
  });
}

boost_axis make(const axis::regular& a) {
  switch (a.transform) {
    case axis::transform::log:
      return make_transformed(a, bh::axis::transform::log{});
    case axis::transform::sqrt:
      return make_transformed(a, bh::axis::transform::sqrt{});
    case axis::transform::pow:
      return make_transformed(a, bh::axis::transform::pow{a.power});
    case axis::transform::none:
      break;
  }
  const auto plain = [&]<class Options>() -> boost_axis {
    return boost_regular<Options>(static_cast<unsigned>(a.bins), a.lower, a.upper);
  };
  return a.circular ? with_circular(a.overflow, plain) : with_flow(a.underflow, a.overflow, plain);
}

boost_axis make(const axis::variable& a) {
  const auto plain = [&]<class Options>() -> boost_axis { return boost_variable<Options>(a.edges); };
  return a.circular ? with_circular(a.overflow, plain) : with_flow(a.underflow, a.overflow, plain);
}

boost_axis make(const axis::integer& a) {
  const auto lower = static_cast<int>(a.lower);
  const auto upper = static_cast<int>(a.upper);
  if (a.circular && a.overflow) return boost_integer<boost_option::circular_overflow, double>(lower, upper);
  if (a.circular) return boost_integer<boost_option::circular>(lower, upper);
  return with_flow(a.underflow, a.overflow,
                   [&]<class Options>() -> boost_axis { return boost_integer<Options>(lower, upper); });
}

boost_axis make(const axis::boolean&) { return boost_boolean{}; }

}  // namespace

boost_axis to_boost_axis(const axis::any& axis) {
  return std::visit(
      base::overloaded{
          [](const axis::str_category&) -> boost_axis { throw type_error{"a category axis is no block axis"}; },
          [](const axis::int_category&) -> boost_axis { throw type_error{"a category axis is no block axis"}; },
          [](const auto& a) -> boost_axis { return make(a); },
      },
      axis.kind());
}

}  // namespace hugehist::model
