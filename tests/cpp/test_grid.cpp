#include "catch.hpp"
#include "chunk/grid.hpp"

using hugehist::chunk::grid;

TEST_CASE("a grid has C-order strides within a chunk") {
  const grid g{{2, 3, 5}};
  CHECK(g.rank() == 3);
  CHECK(g.cells() == 30);
  CHECK(g.strides() == std::vector<std::size_t>{15, 5, 1});
  CHECK(g.shape() == std::vector<std::size_t>{2, 3, 5});
}

TEST_CASE("a grid that was never fixed has no axes") {
  CHECK(grid{}.rank() == 0);
  CHECK(grid{}.shape().empty());
}

TEST_CASE("a chunk whose size overflows is refused") {
  CHECK_THROWS_AS(grid({std::size_t{1} << 40, std::size_t{1} << 40}), std::invalid_argument);
}
