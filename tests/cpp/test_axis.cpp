#include "catch.hpp"

#include <hugehist/axis.hpp>
#include <hugehist/error.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace axis = hugehist::axis;

TEST_CASE("an axis counts its bins and flow bins") {
  const axis::any regular{axis::regular{4, 0, 1}, "x"};
  CHECK(regular.name() == "x");
  CHECK(regular.size() == 4);
  CHECK(regular.extent() == 6);

  axis::integer bare{-2, 3};
  bare.underflow = bare.overflow = false;
  CHECK(axis::any{bare}.extent() == 5);
  CHECK(axis::any{axis::boolean{}}.extent() == 2);
  CHECK(axis::any{axis::str_category{}}.extent() == 0);
  CHECK(axis::any{axis::str_category{{"a", "b"}, false, true}}.extent() == 3);
}

TEST_CASE("edges are those of Boost.Histogram's formula") {
  const auto edges = axis::any{axis::regular{10, 0, 1}}.edges();
  REQUIRE(edges.size() == 11);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto z = static_cast<double>(i) / 10;
    CHECK(edges[i] == (1.0 - z) * 0.0 + z * (0.0 + 1.0));
  }
  axis::regular log{2, 1, 100};
  log.transform = axis::transform::log;
  CHECK(axis::any{log}.edges()[1] == Approx(10));
  CHECK(axis::any{axis::integer{-1, 2}}.edges() == std::vector<double>{-1, 0, 1, 2});
  CHECK_THROWS_AS(axis::any{axis::str_category{}}.edges(), hugehist::type_error);
}

TEST_CASE("what makes no axis is refused, and the message names the axis") {
  constexpr auto inf = std::numeric_limits<double>::infinity();
  const auto refused = [](const axis::kind& kind) {
    CHECK_THROWS_WITH((axis::any{kind, "jet_pt"}), contains("'jet_pt'"));
    CHECK_THROWS_AS((axis::any{kind, "jet_pt"}), std::invalid_argument);
  };
  refused(axis::regular{0, 0, 1});
  refused(axis::regular{-3, 0, 1});
  refused(axis::regular{std::int64_t{1} << 32, 0, 1});
  refused(axis::regular{4, 1, 1});
  refused(axis::regular{4, 0, inf});
  refused(axis::regular{4, std::nan(""), 1});
  refused(axis::regular{4, 0, 1, true, true, true});
  refused(axis::regular{4, -1, 1, true, true, false, axis::transform::log});
  refused(axis::regular{4, -1, 1, true, true, false, axis::transform::sqrt});
  refused(axis::regular{4, 0, 1, true, true, false, axis::transform::pow, 0.0});
  refused(axis::variable{{1}});
  refused(axis::variable{{0, 2, 1}});
  refused(axis::variable{{0, std::nan(""), 1}});
  refused(axis::integer{3, 3});
  refused(axis::integer{0, std::int64_t{1} << 40});
  refused(axis::str_category{{"a", "a"}});
  refused(axis::str_category{{"a"}, true, true});
  refused(axis::str_category{{}, false, false});
  refused(axis::str_category{{std::string{"a\0b", 3}}});
  refused(axis::int_category{{1, 2, 1}});
}

TEST_CASE("labels of integer categories are canonical decimals") {
  CHECK(axis::is_integer_label("-3"));
  CHECK(axis::is_integer_label("0"));
  for (const auto* text : {"", "-", "03", "+3", "-0", "3 ", "1.0", "x", "9223372036854775808"})
    CHECK_FALSE(axis::is_integer_label(text));

  axis::any category{axis::int_category{{5}}, "n"};
  const std::vector<std::string> more{"-7"};
  category.append_labels(more);
  CHECK(category.labels() == std::vector<std::string>{"5", "-7"});
  const std::vector<std::string> wrong{"8", "seven"};
  CHECK_THROWS_AS(category.append_labels(wrong), hugehist::type_error);
  CHECK(category.size() == 2);
}

TEST_CASE("axes that cannot be added say how they differ") {
  const axis::any a{axis::regular{4, 0, 1}, "x"};
  CHECK(axis::incompatibility(a, axis::any{axis::regular{4, 0, 1}}).empty());
  CHECK_THAT(axis::incompatibility(a, axis::any{axis::regular{5, 0, 1}, "x"}), contains("regular(5, 0, 1"));
  CHECK_THAT(axis::incompatibility(a, axis::any{axis::regular{4, 0, 1}, "y"}), contains("names"));
  CHECK_FALSE(axis::incompatibility(a, axis::any{axis::boolean{}, "x"}).empty());

  const axis::any growing{axis::str_category{{"a"}}, "c"};
  const axis::any fixed{axis::str_category{{"b"}, false, true}, "c"};
  CHECK(axis::incompatibility(growing, fixed).empty());
  CHECK_FALSE(axis::incompatibility(fixed, axis::any{axis::str_category{{"b"}, false, false}, "c"}).empty());
  CHECK_FALSE(axis::incompatibility(growing, axis::any{axis::int_category{{1}}, "c"}).empty());
}
