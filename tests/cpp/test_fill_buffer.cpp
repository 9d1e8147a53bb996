#include "catch.hpp"
#include "support_delta.hpp"

#include "base/simd.hpp"
#include "write/delta_data.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/error.hpp>

#include <boost/histogram.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <random>

using namespace hugehist;
using support::cell_map;
using support::content;
namespace bh = boost::histogram;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// std::vector<bool> has no contiguous elements.
struct bools {
  explicit bools(std::size_t n) : data{std::make_unique<bool[]>(n)}, size{n} {}
  bools(std::initializer_list<bool> values) : bools(values.size()) {
    std::copy(values.begin(), values.end(), data.get());
  }
  bool& operator[](std::size_t i) { return data[i]; }
  bool operator[](std::size_t i) const { return data[i]; }
  array_view<bool> view() const { return std::span<const bool>{data.get(), size}; }
  array_view<bool> view(std::size_t columns) const { return {data.get(), size / columns, columns}; }
  std::unique_ptr<bool[]> data;
  std::size_t size;
};

axis::any labels_axis(const std::string& name) { return {axis::str_category{}, name}; }
axis::any score_axis(std::int64_t bins = 10) { return {axis::regular{bins, 0, 1}, "score"}; }

numbers view(const std::vector<double>& values) { return array_view<double>{values}; }

/// Bin counts of one axis after filling `values`, by hugehist and by Boost.Histogram.
template <class T>
std::vector<double> counts(const axis::any& axis, const std::vector<T>& values) {
  fill_buffer buffer{{axis}, storage::double_};
  buffer.fill({.columns = {numbers{array_view<T>{values}}}});
  std::vector<double> result(axis.extent(), 0);
  for (const auto& [key, cell] : content(buffer.take())) result.at(key.second) = cell[0];
  return result;
}

template <class Axis, class T>
std::vector<double> boost_counts(const Axis& axis, const std::vector<T>& values) {
  auto h = bh::make_histogram_with(bh::dense_storage<double>{}, axis);
  for (auto x : values) h(x);
  std::vector<double> result;
  for (auto&& cell : bh::indexed(h, bh::coverage::all)) result.push_back(*cell);
  return result;
}

/// Values on and beside every edge, far outside, and not finite.
std::vector<double> probes(const axis::any& axis) {
  std::vector<double> result{nan_value, infinity, -infinity, 0.0, -0.0, 1e300, -1e300};
  std::mt19937 random{7};
  const auto edges = axis.edges();
  std::uniform_real_distribution<double> around{edges.front() - 1, edges.back() + 1};
  for (auto edge : edges)
    for (auto x : {std::nextafter(edge, -infinity), edge, std::nextafter(edge, infinity)}) result.push_back(x);
  for (int i = 0; i < 3000; ++i) result.push_back(around(random));
  return result;
}

}  // namespace

TEST_CASE("Numbers fall into the bins of Boost.Histogram") {
  namespace option = bh::axis::option;
  const auto check = [](const axis::any& axis, const auto& boost_axis) {
    INFO(to_string(axis));
    for (int set = 0; set < 3; ++set) {
      base::newest_instruction_set = static_cast<base::instruction_set>(set);
      CHECK(counts(axis, probes(axis)) == boost_counts(boost_axis, probes(axis)));
    }
  };
  using meta = bh::axis::null_type;
  using regular = bh::axis::regular<double, bh::use_default, meta>;
  check({axis::regular{7, -0.3, 1.7}}, regular(7, -0.3, 1.7));
  check({axis::regular{7, 1.7, -0.3}}, regular(7, 1.7, -0.3));
  check({axis::regular{.bins = 7, .lower = -0.3, .upper = 1.7, .underflow = false, .overflow = false}},
        bh::axis::regular<double, bh::use_default, meta, option::none_t>(7, -0.3, 1.7));
  check({axis::regular{.bins = 7, .lower = -0.3, .upper = 1.7, .underflow = false}},
        bh::axis::regular<double, bh::use_default, meta, option::overflow_t>(7, -0.3, 1.7));
  check({axis::regular{.bins = 7, .lower = -0.3, .upper = 1.7, .overflow = false}},
        bh::axis::regular<double, bh::use_default, meta, option::underflow_t>(7, -0.3, 1.7));
  check({axis::regular{.bins = 7, .lower = -0.3, .upper = 1.7, .underflow = false, .circular = true}},
        bh::axis::regular<double, bh::use_default, meta, decltype(option::circular | option::overflow)>(7, -0.3, 1.7));
  check({axis::regular{.bins = 9, .lower = 0.1, .upper = 30, .transform = axis::transform::log}},
        bh::axis::regular<double, bh::axis::transform::log, meta>(9, 0.1, 30));
  check({axis::regular{.bins = 9, .lower = 0, .upper = 30, .transform = axis::transform::sqrt}},
        bh::axis::regular<double, bh::axis::transform::sqrt, meta>(9, 0, 30));
  check({axis::regular{.bins = 9, .lower = 1, .upper = 3, .transform = axis::transform::pow, .power = 1.7}},
        bh::axis::regular<double, bh::axis::transform::pow, meta>(bh::axis::transform::pow{1.7}, 9, 1, 3));
  const std::vector<double> edges{-1, -0.1, 0.3, 2, 2.5};
  check({axis::variable{edges}}, bh::axis::variable<double, meta>(edges));
  check({axis::variable{.edges = edges, .underflow = false, .overflow = false}},
        bh::axis::variable<double, meta, option::none_t>(edges));
  check({axis::variable{.edges = edges, .underflow = false, .circular = true}},
        bh::axis::variable<double, meta, decltype(option::circular | option::overflow)>(edges));
}

TEST_CASE("Integers fall into the bins of Boost.Histogram, and far ones do not wrap") {
  namespace option = bh::axis::option;
  using meta = bh::axis::null_type;
  const std::vector<std::int64_t> values{-100, -3, -2, -1, 0, 1, 3, 4, 5, 1000};
  const std::vector<std::int32_t> narrow(values.begin(), values.end());
  CHECK(counts({axis::integer{-2, 4}}, values) == boost_counts(bh::axis::integer<int, meta>(-2, 4), narrow));
  CHECK(counts({axis::integer{-2, 4}}, narrow) == boost_counts(bh::axis::integer<int, meta>(-2, 4), narrow));
  CHECK(counts({axis::integer{.lower = -2, .upper = 4, .underflow = false, .overflow = false}}, values) ==
        boost_counts(bh::axis::integer<int, meta, option::none_t>(-2, 4), narrow));
  CHECK(counts({axis::integer{.lower = -2, .upper = 4, .underflow = false, .overflow = false, .circular = true}},
               values) == boost_counts(bh::axis::integer<int, meta, option::circular_t>(-2, 4), narrow));

  const std::vector<std::int32_t> far{std::numeric_limits<std::int32_t>::min(),
                                      std::numeric_limits<std::int32_t>::max()};
  CHECK(counts({axis::integer{-5, -2}}, far) == std::vector<double>{1, 0, 0, 0, 1});
  CHECK(counts({axis::integer{2, 5}}, far) == std::vector<double>{1, 0, 0, 0, 1});
  CHECK(counts({axis::boolean{}}, values) == std::vector<double>{1, 9});
  CHECK_THROWS_AS(counts({axis::integer{2, 5}}, std::vector<std::int64_t>{std::int64_t{1} << 32}),
                  std::invalid_argument);
  CHECK_THROWS_AS(counts({axis::integer{2, 5}}, std::vector<double>{3}), type_error);
  CHECK_THROWS_AS(counts({axis::boolean{}}, std::vector<float>{1}), type_error);
}

namespace {

/// Random events over (dataset codes, category, systematic variations, score, integer) and their reference: one
/// Boost.Histogram fill for each event, category and variation.
struct random_case {
  using reference_axes = std::tuple<bh::axis::category<std::string, bh::axis::null_type, bh::axis::option::growth_t>,
                                    bh::axis::category<std::string, bh::axis::null_type, bh::axis::option::growth_t>,
                                    bh::axis::category<std::string, bh::axis::null_type, bh::axis::option::growth_t>,
                                    bh::axis::regular<double, bh::use_default, bh::axis::null_type>,
                                    bh::axis::integer<int, bh::axis::null_type, bh::axis::option::none_t>>;
  using reference = bh::histogram<reference_axes, bh::weight_storage>;

  std::size_t n, k;
  bool score_by_row, mask_by_row, float_weights, fortran, weight_by_row;
  std::vector<std::string> datasets{"ttbar", "zjets", "w", "unused"};
  std::vector<std::int32_t> codes;
  bools sr, cr;
  std::vector<double> score;
  std::vector<std::int64_t> jets;
  std::vector<double> weight;
  std::vector<float> weight_float;
  std::vector<std::string> systematics;

  random_case(std::size_t events, std::size_t rows, unsigned seed)
      : n{events},
        k{rows},
        score_by_row{seed % 2 == 1},
        mask_by_row{seed % 3 == 1},
        float_weights{seed % 5 < 2},
        fortran{seed % 7 < 3},
        weight_by_row{seed % 11 != 0},
        sr(n * k),
        cr(n) {
    std::mt19937 random{seed};
    std::uniform_real_distribution<double> uniform{-0.2, 1.2};
    for (std::size_t j = 0; j < k; ++j) systematics.push_back("sys" + std::to_string(j));
    for (std::size_t e = 0; e < n; ++e) {
      codes.push_back(static_cast<std::int32_t>(random() % 3));
      jets.push_back(static_cast<std::int64_t>(random() % 7) - 1);
      cr[e] = random() % 2 == 0;
      for (std::size_t j = 0; j < k; ++j) {
        sr[e * k + j] = random() % 3 == 0;
        score.push_back(uniform(random));
        weight.push_back(uniform(random));
        weight_float.push_back(static_cast<float>(weight.back()));
      }
    }
  }

  bool in_sr(std::size_t e, std::size_t j) const { return mask_by_row ? sr[e * k + j] : sr[e]; }
  double score_of(std::size_t e, std::size_t j) const { return score_by_row ? score[e * k + j] : score[e]; }
  double weight_of(std::size_t e, std::size_t j) const {
    const auto i = !weight_by_row ? e : fortran ? j * n + e : e * k + j;
    return float_weights ? static_cast<double>(weight_float[i]) : weight[i];
  }

  void fill(fill_buffer& buffer, unsigned threads) const {
    const auto weights_of = [&](const auto& values) -> weights {
      using T = typename std::decay_t<decltype(values)>::value_type;
      if (!weight_by_row) return array_view<T>{values.data(), n, 1};
      if (fortran) return array_view<T>{values.data(), n, k, 1, static_cast<std::ptrdiff_t>(n)};
      return array_view<T>{values.data(), n, k};
    };
    const auto by = [&](const auto& values, bool by_row) {
      using T = std::decay_t<decltype(values[0])>;
      return array_view<T>{values.data(), n, by_row ? k : 1};
    };
    fill_arguments arguments;
    arguments.columns = {
        label_codes{datasets, array_view<std::int32_t>{codes}},
        label_masks{{"sr", "cr"}, {array_view<bool>{sr.data.get(), n, mask_by_row ? k : 1}, cr.view()}},
        variations{systematics}, numbers{by(score, score_by_row)}, numbers{array_view<std::int64_t>{jets}}};
    arguments.weight = float_weights ? weights_of(weight_float) : weights_of(weight);
    buffer.fill(arguments, threads);
  }

  void fill(reference& h) const {
    for (std::size_t e = 0; e < n; ++e)
      for (std::size_t j = 0; j < k; ++j) {
        const auto& dataset = datasets[static_cast<std::size_t>(codes[e])];
        const auto add = [&](const char* category) {
          h(dataset, category, systematics[j], score_of(e, j), static_cast<int>(jets[e]), bh::weight(weight_of(e, j)));
        };
        if (in_sr(e, j)) add("sr");
        if (cr[e]) add("cr");
      }
  }

  static std::vector<axis::any> axes() {
    return {labels_axis("dataset"),
            labels_axis("category"),
            labels_axis("systematic"),
            score_axis(7),
            {axis::integer{.lower = 0, .upper = 5, .underflow = false, .overflow = false}, "jets"}};
  }
  static reference make_reference() {
    using score_axis = std::tuple_element_t<3, reference_axes>;  // whose constructor is explicit in later versions
    using jets_axis = std::tuple_element_t<4, reference_axes>;
    return {reference_axes{{}, {}, {}, score_axis{7, 0.0, 1.0}, jets_axis{0, 5}}, bh::weight_storage{}};
  }

  static cell_map content_of(const reference& h) {
    cell_map result;
    for (auto&& cell : bh::indexed(h, bh::coverage::all)) {
      if (cell->value() == 0 && cell->variance() == 0) continue;
      const auto bin = static_cast<std::size_t>(cell.index(3) + 1) * 5 + static_cast<std::size_t>(cell.index(4));
      const std::vector<std::string> labels{h.axis(std::integral_constant<unsigned, 0>{}).value(cell.index(0)),
                                            h.axis(std::integral_constant<unsigned, 1>{}).value(cell.index(1)),
                                            h.axis(std::integral_constant<unsigned, 2>{}).value(cell.index(2))};
      result[{labels, bin}] = {cell->value(), cell->variance()};
    }
    return result;
  }
};

}  // namespace

TEST_CASE("Random fills equal Boost.Histogram to the last bit, for any number of threads") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const std::size_t k = seed % 4 == 0 ? 1 : 3 + seed % 30;
    const std::size_t n = seed % 10 == 9 ? 60000 : 1 + seed * 37 % 900;
    INFO("seed " << seed << ", " << n << " events, " << k << " variations");
    const random_case first{n, k, seed}, second{n / 2 + 1, k, seed + 1000};
    auto reference = random_case::make_reference();
    first.fill(reference);
    const auto after_first = random_case::content_of(reference);
    second.fill(reference);

    for (unsigned threads : {1U, 4U}) {
      base::newest_instruction_set = static_cast<base::instruction_set>((seed + threads) % 3);
      fill_buffer buffer{random_case::axes(), storage::weighted};
      first.fill(buffer, threads);
      if (seed % 2 == 0) {
        CHECK(content(buffer.take()) == after_first);
        first.fill(buffer, threads);
      }
      second.fill(buffer, threads);
      // Both fills have their own blocks where one has a bin for each weight: sums in another order.
      const auto got = content(buffer.take());
      const auto expected = random_case::content_of(reference);
      REQUIRE(got.size() == expected.size());
      for (const auto& [key, cell] : expected) {
        REQUIRE(got.count(key) == 1);
        for (int p : {0, 1}) REQUIRE(got.at(key)[p] == Approx(cell[p]).epsilon(1e-12).margin(1e-12));
      }
    }
  }
  base::newest_instruction_set = base::instruction_set::avx512;
}

TEST_CASE("One weight for each event equals Boost.Histogram's own fill to the last bit") {
  std::mt19937 random{3};
  std::normal_distribution<double> normal{0.5, 0.3};
  std::vector<double> x, w;
  for (int i = 0; i < 50000; ++i) x.push_back(normal(random)), w.push_back(normal(random));
  auto reference = bh::make_histogram_with(bh::weight_storage{}, bh::axis::regular<>(100, 0, 1));
  reference.fill(x, bh::weight(w));
  fill_buffer buffer{{score_axis(100)}, storage::weighted};
  for (std::size_t begin = 0; begin < x.size(); begin += 5000)
    buffer.fill({.columns = {numbers{array_view<double>{x.data() + begin, 5000, 1}}},
                 .weight = array_view<double>{w.data() + begin, 5000, 1}});
  const auto got = content(buffer.take());
  for (auto&& cell : bh::indexed(reference, bh::coverage::all)) {
    const auto& mine = got.at({{}, static_cast<std::size_t>(cell.index() + 1)});
    CHECK(mine[0] == cell->value());
    CHECK(mine[1] == cell->variance());
  }
}

TEST_CASE("Storages count what they should") {
  const std::vector<double> x{0.05, 0.15, 0.15};
  const std::vector<double> w{2, 3, -4};
  const auto fill = [&](storage kind, std::optional<weights> weight) {
    fill_buffer buffer{{score_axis()}, kind};
    buffer.fill({.columns = {view(x)}, .weight = weight});
    return buffer.take();
  };
  CHECK(content(fill(storage::int_, {})).at({{}, 2}) == std::array<double, 2>{2, 0});
  CHECK(content(fill(storage::int_, array_view<double>{w})).at({{}, 2}) == std::array<double, 2>{-1, 0});
  CHECK(content(fill(storage::weighted, {})).at({{}, 2}) == std::array<double, 2>{2, 2});
  CHECK(content(fill(storage::weighted, 0.5)).at({{}, 2}) == std::array<double, 2>{1, 0.5});
  CHECK(content(fill(storage::weighted, array_view<double>{w})).at({{}, 2}) == std::array<double, 2>{-1, 25});
  CHECK(content(fill(storage::weighted, infinity)).at({{}, 1}) == std::array<double, 2>{infinity, infinity});
  CHECK(fill(storage::double_, {}).data().variance_known);
  CHECK_FALSE(fill(storage::double_, 2.0).data().variance_known);
  CHECK(fill(storage::weighted, 2.0).data().variance_known);
}

TEST_CASE("Int storage keeps whole numbers exactly and refuses others") {
  fill_buffer buffer{{score_axis()}, storage::int_};
  const auto fill = [&](double weight) { buffer.fill({.columns = {numbers{0.5}}, .weight = weight}); };
  for (auto bad : {0.5, nan_value, infinity, 0x1p63, -0x1.8p63}) CHECK_THROWS_AS(fill(bad), std::invalid_argument);
  CHECK(buffer.empty());
  fill(0x1p62);
  const auto delta = buffer.take();
  CHECK(content(delta).at({{}, 6})[0] == 0x1p62);
}

TEST_CASE("Labels that are named exist, others only when an event has them") {
  fill_buffer buffer{{labels_axis("a"), labels_axis("b"), labels_axis("c"), labels_axis("d"), score_axis()},
                     storage::weighted};
  const std::vector<double> none;
  const std::vector<std::int32_t> no_codes;
  buffer.fill({.columns = {std::string{"one"}, label_codes{{"x", "y"}, array_view<std::int32_t>{no_codes}},
                           label_masks{{"sr", "cr"}, {bools(0).view(), bools(0).view()}}, variations{{"up", "down"}},
                           view(none)}});
  CHECK_FALSE(buffer.empty());
  const auto delta = buffer.take();
  CHECK(delta.empty());
  CHECK(delta.data().labels == std::vector<std::vector<std::string>>{{"one"}, {}, {"sr", "cr"}, {"up", "down"}});
  CHECK(buffer.empty());
  CHECK(delta.axes().at(2).labels() == std::vector<std::string>{"sr", "cr"});

  const std::vector<double> x{0.1, 0.2, 0.3};
  const std::vector<std::int32_t> codes{2, 0, 2};
  fill_buffer other{{labels_axis("b"), score_axis()}, storage::weighted};
  other.fill({.columns = {label_codes{{"x", "y", "z"}, array_view<std::int32_t>{codes}}, view(x)}});
  CHECK(other.take().data().labels == std::vector<std::vector<std::string>>{{"z", "x"}});
}

TEST_CASE("Variations without weights fill all rows alike; one of one label works") {
  fill_buffer buffer{{labels_axis("s"), score_axis()}, storage::weighted};
  const std::vector<double> x{0.05, 0.15};
  buffer.fill({.columns = {variations{{"up", "down"}}, view(x)}});
  buffer.fill({.columns = {variations{{"only"}}, view(x)}, .weight = array_view<double>{x}});
  const auto got = content(buffer.take());
  CHECK(got.size() == 6);
  CHECK(got.at({{"up"}, 1}) == std::array<double, 2>{1, 1});
  CHECK(got.at({{"down"}, 2}) == std::array<double, 2>{1, 1});
  CHECK(got.at({{"only"}, 2}) == std::array<double, 2>{0.15, 0.15 * 0.15});
}

TEST_CASE("Fixed category axes: their labels, their overflow bin, or an error") {
  const axis::any closed{axis::str_category{.labels = {"a", "b"}, .growth = false}, "closed"};
  const axis::any open{axis::str_category{.labels = {"a", "b"}, .growth = false, .overflow = true}, "open"};
  const std::vector<double> x{0.05, 0.05, 0.05};
  const std::vector<std::int32_t> codes{0, 1, 2};
  const label_codes column{{"b", "x", "y"}, array_view<std::int32_t>{codes}};

  fill_buffer strict{{closed, score_axis()}, storage::double_};
  CHECK_THROWS_AS(strict.fill({.columns = {column, view(x)}}), key_error);
  CHECK_THROWS_WITH(strict.fill({.columns = {std::string{"q"}, view(x)}}), contains("closed") && contains("'q'"));
  CHECK(strict.empty());
  CHECK(strict.take().data().labels == std::vector<std::vector<std::string>>{{}});

  fill_buffer lenient{{open, score_axis()}, storage::double_};
  lenient.fill({.columns = {column, view(x)}});
  const auto got = content(lenient.take());
  CHECK(got.at({{"b"}, 1})[0] == 1);
  CHECK(got.at({{"<overflow>"}, 1})[0] == 2);
}

TEST_CASE("Integer categories take integers and decimal labels") {
  fill_buffer buffer{{{axis::int_category{}, "run"}, score_axis()}, storage::double_};
  const std::vector<double> x{0.05, 0.05, 0.15};
  const std::vector<std::int64_t> runs{7, -3, 7};
  buffer.fill({.columns = {numbers{array_view<std::int64_t>{runs}}, view(x)}});
  buffer.fill({.columns = {std::string{"7"}, view(x)}});
  buffer.fill({.columns = {numbers{std::int64_t{12}}, view(x)}});
  CHECK_THROWS_AS(buffer.fill({.columns = {std::string{"07"}, view(x)}}), type_error);
  CHECK_THROWS_AS(buffer.fill({.columns = {view(x), view(x)}}), type_error);
  const auto delta = buffer.take();
  CHECK(delta.data().labels.at(0) == std::vector<std::string>{"7", "-3", "12"});
  const auto got = content(delta);
  CHECK(got.at({{"7"}, 1})[0] == 3);
  CHECK(got.at({{"-3"}, 1})[0] == 1);
  CHECK(got.at({{"12"}, 2})[0] == 1);
}

TEST_CASE("A fill that fails changes nothing") {
  const std::vector<double> x{0.05, 0.15, 0.25};
  const std::vector<double> w{1, 2, 3};
  const std::vector<double> six{1, 2, 3, 4, 5, 6};
  const bools in{true, true, false}, short_mask{true};
  const std::vector<std::int32_t> codes{0, 1, 1}, bad_codes{0, 5, 1}, negative{0, -1, 0};
  const std::vector<double> bad_weights{1, nan_value, 1};
  fill_buffer buffer{{labels_axis("dataset"), labels_axis("systematic"), score_axis()}, storage::weighted};
  const fill_arguments good{.columns = {std::string{"tt"}, variations{{"a", "b"}}, view(x)},
                            .weight = array_view<double>{six.data(), 3, 2}};
  buffer.fill(good);

  const auto string = [](const char* text) { return column{std::string{text}}; };
  const std::vector<std::pair<const char*, fill_arguments>> refused{
      {"number of columns", {.columns = {string("x"), string("y")}}},
      {"lengths", {.columns = {string("x"), string("y"), view(six)}, .weight = array_view<double>{w}}},
      {"NaN", {.columns = {string("x"), string("y"), view(x)}, .weight = array_view<double>{bad_weights}}},
      {"scalar NaN", {.columns = {string("x"), string("y"), view(x)}, .weight = nan_value}},
      {"weight columns without variations", {.columns = {string("x"), string("y"), view(x)}, .weight = good.weight}},
      {"wrong number of columns",
       {.columns = {string("x"), variations{{"p", "q", "r"}}, view(x)}, .weight = good.weight}},
      {"two lists", {.columns = {variations{{"p", "q"}}, variations{{"p", "q"}}, view(x)}, .weight = good.weight}},
      {"list repeats", {.columns = {string("x"), variations{{"p", "p"}}, view(x)}, .weight = good.weight}},
      {"empty list", {.columns = {string("x"), variations{}, view(x)}}},
      {"masks repeat", {.columns = {label_masks{{"x", "x"}, {in.view(), in.view()}}, string("y"), view(x)}}},
      {"mask missing", {.columns = {label_masks{{"x", "z"}, {in.view()}}, string("y"), view(x)}}},
      {"mask length", {.columns = {label_masks{{"x"}, {short_mask.view()}}, string("y"), view(x)}}},
      {"code too large",
       {.columns = {label_codes{{"n1", "n2"}, array_view<std::int32_t>{bad_codes}}, string("y"), view(x)}}},
      {"code -1", {.columns = {label_codes{{"n1", "n2"}, array_view<std::int32_t>{negative}}, string("y"), view(x)}}},
      {"label on a number axis", {.columns = {string("x"), string("y"), string("z")}}},
      {"list on a number axis", {.columns = {string("x"), string("y"), variations{{"z"}}}}},
      {"number on a label axis", {.columns = {numbers{std::int64_t{3}}, string("y"), view(x)}}},
      {"NUL", {.columns = {column{std::string{"a\0b", 3}}, string("new"), view(x)}}},
  };
  for (const auto& [what, arguments] : refused) {
    INFO(what);
    CHECK_THROWS_AS(buffer.fill(arguments), std::invalid_argument);
  }
  const auto delta = buffer.take();
  CHECK(delta.data().labels == std::vector<std::vector<std::string>>{{"tt"}, {"a", "b"}});
  fill_buffer fresh{buffer.axes(), storage::weighted};
  fresh.fill(good);
  CHECK(content(delta) == content(fresh.take()));
}

TEST_CASE("NaN weights come in when they are asked for") {
  fill_buffer buffer{{score_axis()}, storage::weighted};
  const std::vector<double> x{0.05, 0.15}, w{nan_value, 2};
  buffer.fill({.columns = {view(x)}, .weight = array_view<double>{w}, .allow_nan = true});
  const auto got = content(buffer.take());
  CHECK(std::isnan(got.at({{}, 1})[0]));
  CHECK(got.at({{}, 2})[0] == 2);
}

TEST_CASE("Thin blocks stay small, and become dense when that is smaller") {
  fill_buffer buffer{{labels_axis("category"), labels_axis("systematic"), score_axis(400)}, storage::weighted};
  std::vector<std::string> systematics;
  for (int j = 0; j < 152; ++j) systematics.push_back("s" + std::to_string(j));
  const std::vector<double> x(20, 0.5), w(20 * 152, 1.0);
  for (int c = 0; c < 366; ++c)
    buffer.fill({.columns = {"c" + std::to_string(c), variations{systematics}, view(x)},
                 .weight = array_view<double>{w.data(), 20, 152}});
  CHECK(buffer.size_bytes() < 366 * 40'000);
  CHECK(buffer.size_bytes() >= 366 * 20 * 152 * 8);
  for (int i = 0; i < 100; ++i)
    buffer.fill({.columns = {std::string{"c0"}, variations{systematics}, view(x)},
                 .weight = array_view<double>{w.data(), 20, 152}});
  const auto delta = buffer.take();
  CHECK(buffer.size_bytes() == 0);
  const auto& blocks = delta.data().blocks;
  REQUIRE(blocks.size() == 366);
  CHECK(std::holds_alternative<write::dense_cells>(blocks[0].cells));
  CHECK(blocks[1].few() != nullptr);
  const auto got = content(delta);
  CHECK(got.at({{"c0", "s151"}, 201}) == std::array<double, 2>{2020, 2020});
  CHECK(got.at({{"c365", "s0"}, 201}) == std::array<double, 2>{20, 20});
}

TEST_CASE("A hundred thousand categories in one fill and one by one") {
  constexpr std::size_t n = 100'000;
  std::vector<std::string> labels;
  std::vector<std::int32_t> codes;
  std::vector<double> x;
  for (std::size_t i = 0; i < n; ++i) {
    labels.push_back("category " + std::to_string(i));
    codes.push_back(static_cast<std::int32_t>(n - 1 - i));
    x.push_back(static_cast<double>(i) / n);
  }
  fill_buffer buffer{{labels_axis("c"), labels_axis("d"), score_axis()}, storage::weighted};
  buffer.fill({.columns = {label_codes{labels, array_view<std::int32_t>{codes}}, std::string{"one"}, view(x)}});
  for (std::size_t i = 0; i < n; ++i) buffer.fill({.columns = {labels[i], std::string{"two"}, numbers{0.95}}});
  CHECK(buffer.size_bytes() < n * 2 * 1000);
  CHECK(buffer.size_bytes() > n * 100);
  const auto delta = buffer.take();
  CHECK(delta.data().labels[0].size() == n);
  CHECK(delta.data().labels[0][0] == labels[n - 1]);
  const auto got = content(delta);
  CHECK(got.size() == 2 * n);
  CHECK(got.at({{labels[0], "one"}, 10})[0] == 1);
  CHECK(got.at({{labels[n - 1], "one"}, 1})[0] == 1);
  CHECK(got.at({{labels[5], "two"}, 10})[0] == 1);
}

TEST_CASE("Strides of any kind are followed") {
  const std::vector<double> x{0.05, 9, 0.15, 9, 0.25, 9};
  const std::vector<float> w{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  fill_buffer buffer{{labels_axis("s"), score_axis()}, storage::double_};
  // Every second x, backwards; weights with two columns out of four, the later one first.
  buffer.fill({.columns = {variations{{"a", "b"}}, numbers{array_view<double>{x.data() + 4, 3, 1, -2, 0}}},
               .weight = array_view<float>{w.data() + 2, 3, 2, 4, -2}});
  const auto got = content(buffer.take());
  CHECK(got.at({{"a"}, 3})[0] == 3);
  CHECK(got.at({{"b"}, 3})[0] == 1);
  CHECK(got.at({{"a"}, 1})[0] == 11);
  CHECK(got.at({{"b"}, 1})[0] == 9);
}
