#include "catch.hpp"

#include "store/hdf5/file_space.hpp"

using hugehist::store::hdf5::file_space;
using extents = std::vector<file_space::extent>;

namespace {

/// The file of one commit, 100 bytes long and full.
file_space full_file() {
  file_space space;
  space.set_hdf5_end(100);
  space.begin({{1, 100, {}}}, 0);
  space.release({1, {}}, {});
  return space;
}

}  // namespace

TEST_CASE("what a commit uses is free after the one that does not, once nobody sees it") {
  auto space = full_file();
  CHECK(space.claim(50) == 100);
  space.retire(10, 20);
  space.committed(space.settle(2));
  space.release({1, {}}, {});
  CHECK(space.retired_bytes() == 20);
  CHECK(space.place(20) == 150);
  space.release({2, {}}, {});
  CHECK(space.usable_bytes() == 20);
  CHECK(space.place(20) == 10);
}

TEST_CASE("nothing is placed before the end of a longer state that somebody sees") {
  auto space = full_file();
  CHECK(space.claim(50) == 100);
  space.committed(space.settle(2));
  space.release({2, {}}, {});
  space.retire(100, 50);
  const auto shorter = space.settle(3);
  CHECK(shorter == file_space::state{3, 100, {}});
  space.committed(shorter);
  space.release({3, {2}}, {});
  const auto behind = space.place(40);
  CHECK(behind == 150);
  space.give_back(behind);
  space.release({3, {}}, {});
  CHECK(space.place(40) == 100);
}

TEST_CASE("nothing is placed before the ends of the states that an opening found") {
  const file_space::state longer{1, 200, {}}, shorter{2, 100, {{20, 10}}};
  file_space space;
  space.set_hdf5_end(shorter.end);
  space.begin({longer, shorter}, 0);
  CHECK(space.place(10) == 200);
  space.begin({longer, shorter}, 300);
  CHECK(space.place(10) == 300);
  space.release({2, {}}, {});
  CHECK(space.place(10) == 20);
  CHECK(space.place(10) == 100);
  CHECK(space.placed_end() == 310);
}

TEST_CASE("what is still to be written to the file is not used, nor what lies before it at the end") {
  auto space = full_file();
  CHECK(space.claim(50) == 100);
  space.committed(space.settle(2));
  space.release({2, {}}, {});
  space.retire(0, 30);
  space.retire(100, 50);
  space.committed(space.settle(3));
  const extents unapplied{{10, 5}, {130, 10}};
  space.release({3, {}}, unapplied);
  CHECK(space.usable_bytes() == 10 + 15 + 30);
  CHECK(space.place(30) == 100);
  CHECK(space.place(15) == 15);
  CHECK(space.place(11) == 140);
}

TEST_CASE("where somebody sees a state that is not known, nothing is used again") {
  file_space space;
  space.set_hdf5_end(100);
  space.begin({{5, 100, {{10, 50}}}}, 0);
  space.release({5, {4}}, {});
  CHECK(space.usable_bytes() == 0);
  space.release({5, {}}, {});
  CHECK(space.usable_bytes() == 50);
}

TEST_CASE("a state stands for the commits after it up to the next that is known") {
  file_space space;
  space.set_hdf5_end(100);
  space.begin({{2, 100, {{10, 10}}}, {6, 100, {{10, 10}, {30, 10}}}, {9, 100, {{10, 30}}}}, 0);
  space.release({9, {4, 7}}, {});
  CHECK(space.states().size() == 3);
  CHECK(space.usable_bytes() == 10);
  space.release({9, {7}}, {});
  CHECK(space.states().size() == 2);
  CHECK(space.usable_bytes() == 20);
}

TEST_CASE("a place that a commit leaves is used once that commit is made") {
  auto space = full_file();
  const auto left = space.place(20);
  space.leave(left);
  space.release({1, {}}, {});
  CHECK(space.place(20) != left);
  space.committed(space.settle(2));
  space.release({2, {}}, {});
  CHECK(space.place(20) == left);
}
