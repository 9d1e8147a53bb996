#include "catch.hpp"
#include "support_delta.hpp"

#include "base/checksum.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace hugehist;
using support::cell_map;
using support::content;

namespace {

axis::any labels_axis(const std::string& name, std::vector<std::string> labels = {}) {
  return {axis::str_category{std::move(labels)}, name};
}
const axis::any x_axis{axis::regular{4, 0, 1}, "x"};

cell_map sum_of(const std::vector<delta>& parts) {
  cell_map result;
  for (const auto& part : parts)
    for (const auto& [key, cell] : content(part)) {
      CHECK_FALSE(result.contains(key));
      result[key] = cell;
    }
  return result;
}

/// Dataset × x × systematic, values and variances interleaved; one block for each dataset, no cell is zero.
delta dense(const std::shared_ptr<std::vector<double>>& memory) {
  for (std::size_t i = 0; i < memory->size(); ++i) (*memory)[i] = static_cast<double>(i + 1);
  return delta::from_dense({labels_axis("dataset", {"a", "b"}), x_axis, labels_axis("s", {"n", "u", "d", "v"})},
                           storage::weighted,
                           {.planes = {memory->data(), memory->data() + 1}, .strides = {48, 8, 2}, .owner = memory});
}

}  // namespace

TEST_CASE("shards are told by the labels' hash") {
  const std::vector<std::string> labels{"ttbar", "sr"};
  CHECK(shard_of(labels, 1) == 0);
  for (const std::size_t shards : {2UL, 3UL, 1000UL}) {
    const std::string joined = "ttbar\x1fsr";
    CHECK(shard_of(labels, shards) == base::checksum(std::as_bytes(std::span{joined})) % shards);
  }
  CHECK_THROWS_AS(shard_of(labels, 0), std::invalid_argument);
}

TEST_CASE("blocks go to their shards whole, or row by row, and dense cells are not copied") {
  const auto memory = std::make_shared<std::vector<double>>(2 * 6 * 4 * 2);
  const auto whole = dense(memory);
  const auto is_shared = [&](const delta& part) {
    for (const auto& block : part.data().blocks) {
      const auto* cells = reinterpret_cast<const double*>(std::get<write::dense_cells>(block.cells).planes[0]);
      if (cells < memory->data() || cells >= memory->data() + memory->size()) return false;
    }
    return true;
  };
  const std::vector<axis_reference> by_dataset{"dataset"}, by_both{"s", 0};
  for (const auto& by : {by_dataset, by_both}) {
    const auto parts = whole.split(by, 3);
    CHECK(parts.size() == 3);
    CHECK(sum_of(parts) == content(whole));
    for (std::size_t shard = 0; shard < parts.size(); ++shard) {
      CHECK(is_shared(parts[shard]));
      for (const auto& [key, cell] : content(parts[shard])) {
        const auto& [dataset, systematic] = std::pair{key.first[0], key.first[1]};
        const auto labels = by.size() == 1 ? std::vector{dataset} : std::vector{systematic, dataset};
        CHECK(shard_of(labels, 3) == shard);
      }
    }
  }
  CHECK_THROWS_AS(whole.split(std::vector<axis_reference>{"y"}, 2), key_error);
  CHECK_THROWS_WITH(whole.split(std::vector<axis_reference>{"x"}, 2), contains("no labels"));
  CHECK_THROWS_WITH(whole.split(std::vector<axis_reference>{"s", -1}, 2), contains("twice"));
  CHECK_THROWS_WITH(whole.split({}, 2), contains("one category axis"));
  CHECK_THROWS_AS(whole.split(by_both, 0), std::invalid_argument);
}

TEST_CASE("pieces are consecutive blocks, which share dense cells and events") {
  fill_buffer buffer{{labels_axis("c"), labels_axis("s"), x_axis}, storage::weighted};
  const std::vector<double> x(100, 0.3), w(300, 0.5);
  buffer.fill({.columns = {"unused", "also unused", numbers{array_view<double>{x.data(), 0, 1}}}});
  for (const auto* label : {"few 1", "many 1", "few 2", "many 2"}) {
    const std::size_t events = label[0] == 'f' ? 2 : 100;
    buffer.fill(
        {.columns = {std::string{label}, variations{{"n", "u", "d"}}, numbers{array_view<double>{x.data(), events, 1}}},
         .weight = array_view<double>{w.data(), events, 3}});
  }
  const auto whole = buffer.take();
  const std::size_t few = 2 * 4 + 6 * 8 + 3 * 4, many = 3 * 6 * 2 * 8 + 3 * 4;
  const auto sizes = [&](std::size_t most) {
    std::vector<std::size_t> result;
    for (const auto& piece : whole.pieces(most)) result.push_back(piece.size_bytes());
    return result;
  };
  CHECK(sizes(0) == std::vector{few, many, few, many});
  CHECK(sizes(few + many) == std::vector{few + many, few + many});
  CHECK(sizes(few + many - 1) == std::vector{few, many, few, many});
  CHECK(sizes(2 * many) == std::vector{2 * few + many, many});
  CHECK(whole.pieces(2 * (few + many)).size() == 1);
  CHECK(&whole.pieces(static_cast<std::size_t>(-1)).at(0).data() == &whole.data());

  const auto pieces = whole.pieces(0);
  CHECK(sum_of(pieces) == content(whole));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& block = pieces[i].data().blocks.at(0);
    const auto& source = whole.data().blocks.at(i);
    CHECK(block.few() == source.few());
    if (block.few() == nullptr)
      CHECK(std::get<write::dense_cells>(block.cells).planes == std::get<write::dense_cells>(source.cells).planes);
  }
  CHECK(pieces[0].data().labels ==
        std::vector<std::vector<std::string>>{{"unused", "few 1"}, {"also unused", "n", "u", "d"}});
  CHECK(pieces[3].data().labels == std::vector<std::vector<std::string>>{{"many 2"}, {"n", "u", "d"}});
}
