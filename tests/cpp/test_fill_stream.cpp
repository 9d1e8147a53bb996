#include "catch.hpp"
#include "support_delta.hpp"

#include <hugehist/buffer.hpp>

#include <random>
#include <string>
#include <vector>

using namespace hugehist;
using support::content;

namespace {

constexpr std::size_t events = 20000;  // so many in one call find their bins some at a time
constexpr std::size_t few = 1000;

struct columns {
  std::vector<double> x, y, weight, sample;
  std::vector<float> narrow;
  std::vector<std::int64_t> jets;

  columns() {
    std::mt19937_64 random{21};
    std::normal_distribution<double> normal{0.5, 0.3};
    for (std::size_t i = 0; i < events; ++i) {
      x.push_back(normal(random));
      jets.push_back(static_cast<std::int64_t>(random() % 9) - 1);
      for (int column = 0; column < 2; ++column) {
        y.push_back(normal(random));
        weight.push_back(static_cast<double>(random() % 5));  // whole, so that int storage takes them
        sample.push_back(normal(random));
        narrow.push_back(static_cast<float>(random() % 7));
      }
    }
  }

  /// Every second number, counted from event `first`.
  template <class T>
  static array_view<T> strided(const std::vector<T>& values, std::size_t first, std::size_t n) {
    return {values.data() + 2 * first, n, 1, 2, 1};
  }

  fill_arguments arguments(std::size_t first, std::size_t n, storage kind, unsigned variant) const {
    fill_arguments result{.columns = {std::string{"ttbar"}, numbers{array_view<double>{x.data() + first, n, 1}},
                                      numbers{strided(y, first, n)}}};
    if (variant == 1) result.columns[2] = numbers{0.25};
    if (variant == 2) result.columns.push_back(numbers{array_view<std::int64_t>{jets.data() + first, n, 1}});
    if (variant == 0) result.weight = strided(weight, first, n);
    if (variant == 1) result.weight = 2.0;
    if (variant == 2) result.weight = array_view<float>{narrow.data() + first, n, 1};
    if (variant == 3) {  // two variations of one event
      result.columns.push_back(variations{{"up", "down"}});
      result.weight = array_view<double>{weight.data() + 2 * first, n, 2};
    }
    const bool has_sample = kind == storage::mean || kind == storage::weighted_mean;
    if (has_sample) result.sample = strided(sample, first, n);
    return result;
  }

  static std::vector<axis::any> axes(unsigned variant) {
    std::vector<axis::any> result{{axis::str_category{}, "dataset"},
                                  {axis::regular{50, 0, 1}, "x"},
                                  {axis::regular{.bins = 7, .lower = 0, .upper = 1, .underflow = false}, "y"}};
    if (variant == 2) result.push_back({axis::integer{.lower = 0, .upper = 6, .overflow = false}, "jets"});
    if (variant == 3) result.push_back({axis::str_category{}, "systematic"});
    return result;
  }
};

}  // namespace

TEST_CASE("Labels count as what a buffer holds, also those that no event has") {
  fill_buffer buffer{{{axis::str_category{}, "category"}, {axis::regular{10, 0, 1}, "x"}}, storage::double_};
  const std::size_t n = 100000, length = 50;
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < n; ++i) labels.push_back(std::string(length - 6, 'x') + std::to_string(n + i));
  for (const auto& label : labels)  // a mask that no event is in names its label
    buffer.fill({.columns = {label_masks{{label}, {array_view<bool>{}}}, numbers{array_view<double>{}}}});
  CHECK(buffer.size_bytes() > n * length);
  CHECK(buffer.size_bytes() < n * length * 5);
  const auto delta = buffer.take();
  CHECK(delta.size_bytes() > n * length);
  CHECK(buffer.size_bytes() == 0);
}

TEST_CASE("One call of many events equals many calls of few, bit for bit") {
  const columns data;
  for (const auto kind : {storage::double_, storage::int_, storage::weighted, storage::mean, storage::weighted_mean})
    for (unsigned variant = 0; variant < 4; ++variant) {
      INFO("storage " << to_string(kind) << ", variant " << variant);
      fill_buffer in_parts{columns::axes(variant), kind};
      for (std::size_t first = 0; first < events; first += few)
        in_parts.fill(data.arguments(first, few, kind, variant));
      const auto expected = content(in_parts.take());
      REQUIRE(expected.size() > 10);
      for (unsigned threads : {1U, 3U}) {
        fill_buffer at_once{columns::axes(variant), kind};
        at_once.fill(data.arguments(0, events, kind, variant), threads);
        CHECK(content(at_once.take()) == expected);
      }
    }
}
