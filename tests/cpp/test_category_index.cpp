#include "catch.hpp"

#include "model/category_index.hpp"

using hugehist::model::category_index;

TEST_CASE("labels are found, appended once, and forgotten again") {
  category_index index{std::vector<std::string>{"a", "b"}};
  CHECK(index.find("b") == 1u);
  CHECK_FALSE(index.find("c"));
  CHECK(index.add("c") == 2u);
  CHECK(index.add("a") == 0u);
  index.truncate(1);
  CHECK(index.labels() == std::vector<std::string>{"a"});
  CHECK_FALSE(index.find("c"));
  CHECK(index.add("b") == 1u);
}

TEST_CASE("copies do not share labels") {
  category_index original{std::vector<std::string>{"a"}};
  category_index copy = original;
  for (int i = 0; i < 100; ++i) copy.add(std::to_string(i));
  CHECK(original.size() == 1);
  CHECK(copy.find("99") == 100u);
  const category_index moved = std::move(copy);
  CHECK(moved.find("a") == 0u);
  CHECK(moved.label(100) == "99");
}
