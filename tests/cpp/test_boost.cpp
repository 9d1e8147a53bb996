#include "catch.hpp"

#include <hugehist/boost.hpp>
#include <hugehist/file.hpp>

#include <boost/histogram.hpp>

#include <string>
#include <vector>

namespace bh = boost::histogram;
namespace axis = hugehist::axis;

namespace {

using growing = bh::axis::category<std::string, std::string, bh::axis::option::growth_t>;
using regular = bh::axis::regular<double, bh::use_default, std::string>;

auto filled(const std::vector<std::string>& labels, double shift) {
  auto h = bh::make_histogram_with(bh::weight_storage{}, growing{std::vector<std::string>{}, "channel"},
                                   regular{4, 0.0, 1.0, "x"});
  for (std::size_t i = 0; i < 100; ++i)
    h(labels[i % labels.size()], static_cast<double>(i) / 90 + shift, bh::weight(1.0 + static_cast<double>(i % 8)));
  return h;
}

hugehist::histogram create(hugehist::file& file) {
  return file.create("h", {{axis::str_category{}, "channel"}, {axis::regular{4, 0, 1}, "x"}},
                     hugehist::storage::weighted);
}

}  // namespace

TEST_CASE("Boost histograms with other label orders add up by label") {
  auto file = hugehist::file::in_memory();
  auto h = create(file);
  const auto first = filled({"ee", "mm", "em"}, 0.0);
  const auto second = filled({"em", "ee"}, -0.2);
  CHECK(add(h, first));
  CHECK(h.merge(hugehist::to_delta(second)));
  auto expected = first;
  expected += second;  // Boost merges growing categories by label, too

  const auto back = hugehist::to_boost(h.project({"channel", "x"}));
  REQUIRE(back.rank() == 2);
  const auto& labels = back.axis(0);
  REQUIRE(labels.size() == 3);
  for (int i = 0; i < 3; ++i) {
    const auto& category = bh::axis::get<growing>(labels);
    const auto j = expected.axis(std::integral_constant<unsigned, 0>{}).index(category.value(i));
    for (int bin = -1; bin <= 4; ++bin) {
      CHECK(back.at(i, bin).value() == expected.at(j, bin).value());
      CHECK(back.at(i, bin).variance() == expected.at(j, bin).variance());
    }
  }
}

TEST_CASE("an id merges once") {
  auto file = hugehist::file::in_memory();
  auto h = create(file);
  const auto part = filled({"ee"}, 0.0);
  CHECK(add(h, part, "run1/part0"));
  CHECK_FALSE(add(h, part, "run1/part0"));
  CHECK(file.merged("run1/part0"));
  const auto back = hugehist::to_boost(h.project({"x"}));
  double sum = 0, expected = 0;
  for (auto&& cell : bh::indexed(back, bh::coverage::all)) sum += cell->value();
  for (auto&& cell : bh::indexed(part, bh::coverage::all)) expected += cell->value();
  CHECK(sum == expected);
}

TEST_CASE("every kind of axis goes to Boost and back unchanged") {
  axis::regular log{3, 1, 8}, power{3, 1, 8}, circular{3, 0, 1, false, true, true}, no_flow{3, 0, 1, false, false};
  log.transform = axis::transform::log;
  power.transform = axis::transform::pow;
  power.power = 0.5;
  const std::vector<axis::any> axes{{axis::regular{3, -1, 2}, "a"},
                                    {log, "b"},
                                    {circular, "d"},
                                    {no_flow, "e"},
                                    {axis::variable{{0, 1, 3, 10}}, "f"},
                                    {axis::boolean{}, "h"},
                                    {axis::integer{-4, 7, true, false}, "g"},
                                    {axis::str_category{{"u", "v"}}, "i"},
                                    {axis::str_category{{"u"}, false, true}, "j"},
                                    {axis::int_category{{4, -2}, false, false}, "k"}};
  for (const auto& given : axes) {
    const auto back = hugehist::boost_detail::from_boost_axis(hugehist::to_boost(given));
    INFO(to_string(given) << " against " << to_string(back));
    if (given.name() == "b") {
      CHECK(back.edges().back() == Approx(8));  // exp(log(8)) is not 8 to the last bit
    } else {
      CHECK(back == given);
    }
  }
  CHECK(to_string(hugehist::boost_detail::from_boost_axis(hugehist::to_boost(axis::any{power, "c"}))).find("pow") !=
        std::string::npos);
}

TEST_CASE("counts and doubles keep their storage") {
  auto file = hugehist::file::in_memory();
  auto counts = file.create("n", {{axis::integer{0, 3}, "n"}}, hugehist::storage::int_);
  auto plain =
      bh::make_histogram_with(bh::dense_storage<std::int64_t>{}, bh::axis::integer<int, std::string>{0, 3, "n"});
  for (int i = -1; i < 5; ++i) plain(i);
  add(counts, plain);
  const auto back = hugehist::to_boost<bh::dense_storage<std::int64_t>>(counts.project({"n"}));
  CHECK(back.at(-1) == 1);
  CHECK(back.at(3) == 2);

  auto weighted = file.create("w", {{axis::integer{0, 3}, "n"}}, hugehist::storage::weighted);
  CHECK_THROWS_AS(add(weighted, plain), std::invalid_argument);
}

TEST_CASE("means go into a file and come back") {
  auto file = hugehist::file::in_memory();
  auto means = file.create("m", {{axis::integer{0, 3}, "n"}}, hugehist::storage::mean);
  auto weighted = file.create("w", {{axis::integer{0, 3}, "n"}}, hugehist::storage::weighted_mean);
  const auto bins = bh::axis::integer<int, std::string>{0, 3, "n"};
  auto profile = bh::make_histogram_with(bh::profile_storage{}, bins);
  auto weighted_profile = bh::make_histogram_with(bh::weighted_profile_storage{}, bins);
  for (int part = 0; part < 2; ++part) {
    profile.reset();
    weighted_profile.reset();
    for (int i = 0; i < 4; ++i) {
      profile(i / 2, bh::sample(1.5 * i * i + part));
      weighted_profile(i / 2, bh::weight(0.1 + i), bh::sample(1.5 * i * i + part));
    }
    profile(2, bh::sample(1.0 * part));  // one count in each part, none in the flow bins
    CHECK(add(means, profile));
    CHECK(weighted.merge(hugehist::to_delta(weighted_profile)));
  }
  const auto back = hugehist::to_boost<bh::profile_storage>(means.project({"n"}));
  const auto weighted_back = hugehist::to_boost<bh::weighted_profile_storage>(weighted.project({"n"}));
  bh::accumulators::mean<double> expected, single;
  bh::accumulators::weighted_mean<double> weighted_expected;
  for (int part = 0; part < 2; ++part) {
    for (int i = 0; i < 2; ++i) {
      expected(1.5 * i * i + part);
      weighted_expected(bh::weight(0.1 + i), 1.5 * i * i + part);
    }
    single(part);
  }
  CHECK(back.at(0).count() == expected.count());
  CHECK(back.at(0).value() == Approx(expected.value()));
  CHECK(back.at(0).variance() == Approx(expected.variance()));
  CHECK(back.at(2).variance() == Approx(single.variance()));
  CHECK(back.at(-1) == bh::accumulators::mean<double>{});
  CHECK(weighted_back.at(0).sum_of_weights() == Approx(weighted_expected.sum_of_weights()));
  CHECK(weighted_back.at(0).sum_of_weights_squared() == Approx(weighted_expected.sum_of_weights_squared()));
  CHECK(weighted_back.at(0).value() == Approx(weighted_expected.value()));
  CHECK(weighted_back.at(0).variance() == Approx(weighted_expected.variance()));
  CHECK(weighted_back.at(3) == bh::accumulators::weighted_mean<double>{});

  CHECK_THROWS_AS(hugehist::to_boost(means.project({"n"})), std::invalid_argument);
  CHECK_THROWS_AS(hugehist::to_boost<bh::profile_storage>(weighted.project({"n"})), std::invalid_argument);
  CHECK_THROWS_AS(hugehist::to_boost<bh::dense_storage<double>>(weighted.project({"n"})), std::invalid_argument);
}

TEST_CASE("Boost's other storages are taken as counts and doubles") {
  auto file = hugehist::file::in_memory();
  auto counts = file.create("n", {{axis::integer{0, 3}, "n"}}, hugehist::storage::int_);
  auto doubles = file.create("d", {{axis::integer{0, 3}, "n"}}, hugehist::storage::double_);
  const auto bins = bh::axis::integer<int, std::string>{0, 3, "n"};
  auto atomic = bh::make_histogram_with(bh::dense_storage<bh::accumulators::count<std::int64_t, true>>{}, bins);
  auto unlimited = bh::make_histogram(bins);
  for (int i = -1; i < 5; ++i) {
    atomic(i);
    unlimited(i, bh::weight(0.5));
  }
  CHECK(add(counts, atomic));
  CHECK(add(doubles, unlimited));
  CHECK(hugehist::to_boost<bh::dense_storage<std::int64_t>>(counts.project({"n"})).at(3) == 2);
  CHECK(hugehist::to_boost<bh::dense_storage<double>>(doubles.project({"n"})).at(3) == 1);
  CHECK(hugehist::to_boost<bh::dense_storage<double>>(doubles.project({"n"})).at(0) == 0.5);
}
