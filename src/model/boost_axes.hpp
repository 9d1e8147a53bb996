// Our axes as Boost.Histogram's own, so that each value falls into the bin where a boost-histogram puts it.
//
// axis::any says what an axis is; here it turns into something that can be filled. (bin_kernels.hpp has faster loops
// for the plain kinds, which are held against these.)
// Boost.Histogram 1.81 and the version inside boost-histogram 1.8 have the same index functions, line by line.
#pragma once

#include <hugehist/axis.hpp>

#include <boost/histogram/axis/boolean.hpp>
#include <boost/histogram/axis/integer.hpp>
#include <boost/histogram/axis/option.hpp>
#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/axis/variable.hpp>
#include <boost/histogram/axis/variant.hpp>

namespace hugehist::model {

namespace bh = boost::histogram;

namespace boost_option {
using none = bh::axis::option::none_t;
using underflow = bh::axis::option::underflow_t;
using overflow = bh::axis::option::overflow_t;
using both = decltype(underflow{} | overflow{});
using circular = bh::axis::option::circular_t;
using circular_overflow = decltype(circular{} | overflow{});
}  // namespace boost_option

template <class Options, class Transform = bh::axis::transform::id>
using boost_regular = bh::axis::regular<double, Transform, bh::axis::null_type, Options>;
template <class Options>
using boost_variable = bh::axis::variable<double, bh::axis::null_type, Options>;
template <class Options, class Value = int>
using boost_integer = bh::axis::integer<Value, bh::axis::null_type, Options>;
using boost_boolean = bh::axis::boolean<bh::axis::null_type>;

/// Every axis that an axis::any can be and that is no category axis.
using boost_axis = bh::axis::variant<
    boost_regular<boost_option::both>, boost_regular<boost_option::none>, boost_regular<boost_option::underflow>,
    boost_regular<boost_option::overflow>, boost_regular<boost_option::circular>,
    boost_regular<boost_option::circular_overflow>,  //
    boost_regular<boost_option::both, bh::axis::transform::log>,
    boost_regular<boost_option::none, bh::axis::transform::log>,
    boost_regular<boost_option::underflow, bh::axis::transform::log>,
    boost_regular<boost_option::overflow, bh::axis::transform::log>,  //
    boost_regular<boost_option::both, bh::axis::transform::sqrt>,
    boost_regular<boost_option::none, bh::axis::transform::sqrt>,
    boost_regular<boost_option::underflow, bh::axis::transform::sqrt>,
    boost_regular<boost_option::overflow, bh::axis::transform::sqrt>,  //
    boost_regular<boost_option::both, bh::axis::transform::pow>,
    boost_regular<boost_option::none, bh::axis::transform::pow>,
    boost_regular<boost_option::underflow, bh::axis::transform::pow>,
    boost_regular<boost_option::overflow, bh::axis::transform::pow>,  //
    boost_variable<boost_option::both>, boost_variable<boost_option::none>, boost_variable<boost_option::underflow>,
    boost_variable<boost_option::overflow>, boost_variable<boost_option::circular>,
    boost_variable<boost_option::circular_overflow>,  //
    boost_integer<boost_option::both>, boost_integer<boost_option::none>, boost_integer<boost_option::underflow>,
    boost_integer<boost_option::overflow>, boost_integer<boost_option::circular>,
    // With integers for values Boost allows no overflow bin on a circular axis; with doubles it does.
    boost_integer<boost_option::circular_overflow, double>,  //
    boost_boolean>;

/// REQUIRES: !axis.is_category()
boost_axis to_boost_axis(const axis::any& axis);

}  // namespace hugehist::model
