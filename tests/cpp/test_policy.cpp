#include <random>

#include "catch.hpp"
#include "chunk/policy.hpp"
#include "model/schema.hpp"
#include "support_chunks.hpp"

using namespace hugehist;
using chunk::choose_chunk_shape;
using chunk::validate_chunk_shape;
using support::bins;
using support::growing;
using shape_t = std::vector<std::size_t>;

namespace {

store::histogram_record record_of(std::vector<axis::any> axes, std::optional<std::size_t> variations = {},
                                  std::vector<std::size_t> expected = {}) {
  store::histogram_record record;
  record.schema.axes = std::move(axes);
  record.schema.kind = storage::weighted;
  record.expected = std::move(expected);
  record.has_variations_axis = variations.has_value();
  record.variations_axis = variations.value_or(0);
  return record;
}

axis::any fixed(std::string name, std::size_t labels, bool overflow = false) {
  axis::str_category category;
  category.growth = false;
  category.overflow = overflow;
  for (std::size_t i = 0; i < labels; ++i) category.labels.push_back(name + std::to_string(i));
  return {std::move(category), std::move(name)};
}

}  // namespace

TEST_CASE("one (dataset, category) of the usual analysis is one chunk") {
  const auto record = record_of(
      {growing("dataset", 1), growing("category", 12), growing("systematic", 152), {axis::regular{400, 0, 1}, "score"}},
      2);
  CHECK(choose_chunk_shape(record) == shape_t{1, 1, 152, 402});
}

TEST_CASE("the variations axis is named by the record, wherever it stands") {
  const auto record =
      record_of({growing("systematic", 152), {axis::regular{400, 0, 1}, "score"}, growing("dataset", 3)}, 0);
  CHECK(choose_chunk_shape(record) == shape_t{152, 402, 1});
}

TEST_CASE("an expected number of variations counts before they are there") {
  const auto axes = std::vector<axis::any>{growing("dataset"), growing("systematic", 1), bins(402, "score")};
  CHECK(choose_chunk_shape(record_of(axes, 1, {0, 152, 0})) == shape_t{1, 152, 402});
  CHECK(choose_chunk_shape(record_of(axes, 1, {0, 0, 9999})) == choose_chunk_shape(record_of(axes, 1)));
  CHECK_THROWS_AS(choose_chunk_shape(record_of(axes, 1, {1, 2})), std::invalid_argument);
}

TEST_CASE("few known variations leave room for 256 KiB of them") {
  const auto shape = choose_chunk_shape(record_of({growing("dataset"), growing("systematic", 1), bins(402, "x")}, 1));
  CHECK(shape == shape_t{1, chunk::min_chunk_plane_bytes / (402 * 8), 402});
}

TEST_CASE("a tiny histogram gets no room for thousands of variations") {
  const auto shape = choose_chunk_shape(record_of({growing("dataset"), growing("systematic", 1), bins(2, "x")}, 1));
  CHECK(shape == shape_t{1, 256, 2});
}

TEST_CASE("a variations axis that does not fit is cut evenly") {
  const auto shape =
      choose_chunk_shape(record_of({growing("dataset"), growing("systematic", 1000), bins(402, "x")}, 1));
  CHECK(shape == shape_t{1, 250, 402});  // 326 would fit, and leave a last chunk of 22
}

TEST_CASE("a variations axis that does not grow is never longer than it is") {
  CHECK(choose_chunk_shape(record_of({growing("dataset"), fixed("systematic", 3), bins(10, "x")}, 1)) ==
        shape_t{1, 3, 10});
}

TEST_CASE("dense axes beyond 1 MiB are cut from the outside, evenly") {
  CHECK(choose_chunk_shape(record_of({bins(1000, "x"), bins(1000, "y")})) == shape_t{125, 1000});
  CHECK(choose_chunk_shape(record_of({bins(7, "x"), bins(300000, "y")})) == shape_t{1, 100000});
  CHECK(choose_chunk_shape(record_of({bins(100, "x"), bins(100, "y"), bins(13, "z")})) == shape_t{100, 100, 13});
}

TEST_CASE("small histograms with fixed categories are joined into few chunks") {
  CHECK(choose_chunk_shape(record_of({fixed("a", 5), fixed("b", 4), bins(10, "x")}, 1)) == shape_t{5, 4, 10});
  CHECK(choose_chunk_shape(record_of({growing("a", 5), fixed("b", 4), fixed("c", 4), bins(10, "x")}, 2)) ==
        shape_t{1, 1, 4, 10});
  const auto shape = choose_chunk_shape(record_of({fixed("a", 1000), fixed("b", 1000), fixed("c", 2)}, 2));
  CHECK(shape == shape_t{4, 1000, 2});
}

TEST_CASE("axes without bins yet still have chunks") {
  CHECK(choose_chunk_shape(record_of({growing("dataset")}, 0)) == shape_t{256});
  CHECK(choose_chunk_shape(record_of({growing("dataset"), bins(5, "x")})) == shape_t{1, 5});
}

TEST_CASE("chosen shapes keep their promises for any axes") {
  std::mt19937 random{20240817};
  const auto draw = [&](std::size_t most) {
    return std::size_t{1} + static_cast<std::size_t>(std::pow(static_cast<double>(most), random() / 4294967296.0));
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<axis::any> axes;
    std::optional<std::size_t> variations;
    const auto rank = 1 + random() % 5;
    for (std::size_t i = 0; i < rank; ++i) {
      const auto name = std::string{'a'}.append(std::to_string(i));
      const auto which = random() % 3;
      if (which == 0) axes.push_back(growing(name, draw(500)));
      if (which == 1) axes.push_back(fixed(name, draw(50), random() % 2 == 0));
      if (which == 2) axes.push_back(bins(draw(100000), name));
      if (which != 2 && random() % 2 == 0) variations = i;
    }
    const auto record = record_of(axes, variations);
    const auto shape = choose_chunk_shape(record);
    CAPTURE(round, shape);
    REQUIRE_NOTHROW(validate_chunk_shape(shape, record.schema));
    std::size_t cells = 1;
    for (auto length : shape) cells *= length;
    REQUIRE(cells * 8 <= chunk::max_chunk_plane_bytes);
    for (std::size_t i = 0; i < rank; ++i)
      if (axes[i].is_category() && axes[i].is_growing() && variations != i) REQUIRE(shape[i] == 1);
  }
}

TEST_CASE("a requested shape that does not fit says where") {
  model::schema schema;
  schema.axes = {growing("dataset"), bins(100, "x")};
  CHECK_NOTHROW(validate_chunk_shape({7, 100}, schema));
  CHECK_THROWS_WITH(validate_chunk_shape({7}, schema), contains("one length for each axis"));
  CHECK_THROWS_WITH(validate_chunk_shape({0, 100}, schema), contains("'dataset'"));
  CHECK_THROWS_WITH(validate_chunk_shape({1, 101}, schema), contains("'x'"));
  CHECK_THROWS_WITH(validate_chunk_shape({std::size_t{1} << 21, 100}, schema), contains("1024 MiB"));
  CHECK_THROWS_AS(validate_chunk_shape({std::size_t{1} << 63, 100}, schema), std::invalid_argument);
}
