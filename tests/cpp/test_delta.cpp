#include "catch.hpp"
#include "support_delta.hpp"

#include "base/checksum.hpp"
#include "codec/codec.hpp"
#include "write/delta_format.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>

#include <cstring>
#include <random>

using namespace hugehist;
using support::cell_map;
using support::content;

namespace {

axis::any labels_axis(const std::string& name, std::vector<std::string> labels = {}) {
  return {axis::str_category{std::move(labels)}, name};
}
const axis::any x_axis{axis::regular{4, 0, 1}, "x"};

/// Every kind of axis, metadata of every kind, dense, thin and bin-per-weight blocks.
delta rich_delta(storage kind, std::size_t events = 200) {
  const std::vector<axis::any> axes{
      labels_axis("dataset"),
      labels_axis("systematic"),
      {axis::int_category{}, "run"},
      {axis::str_category{.labels = {"e", "mu"}, .growth = false, .overflow = true}, "channel"},
      {axis::regular{.bins = 3, .lower = 1, .upper = 10, .transform = axis::transform::log},
       metadata_map{{"name", std::string{"x"}},
                    {"label", std::string{"$x$"}},
                    {"a", true},
                    {"b", std::int64_t{-4}},
                    {"c", 0.5}}},
      {axis::variable{{0, 1, 3}}, "v"},
      {axis::boolean{}, "b"},
      {axis::integer{.lower = 0, .upper = 2, .underflow = false, .overflow = false}, "i"}};
  fill_buffer buffer{axes, kind};
  std::mt19937 random{5};
  const auto add = [&](std::size_t n, const char* dataset, const char* channel, std::size_t k, bool by_row) {
    std::vector<std::string> names;
    for (std::size_t j = 0; j < k; ++j) names.push_back("s" + std::to_string(j));
    std::vector<double> x, v, w;
    std::vector<std::int64_t> i;
    for (std::size_t e = 0; e < n; ++e) {
      v.push_back(static_cast<double>(random() % 4));
      i.push_back(static_cast<std::int64_t>(random() % 3));
      for (std::size_t j = 0; j < k; ++j) {
        x.push_back(static_cast<double>(1 + random() % 10));
        w.push_back(static_cast<double>(random() % 5));
      }
    }
    buffer.fill({.columns = {std::string{dataset}, variations{names}, std::string{"-12"}, std::string{channel},
                             numbers{array_view<double>{x.data(), n, by_row ? k : 1}}, numbers{array_view<double>{v}},
                             numbers{std::int64_t{1}}, numbers{array_view<std::int64_t>{i}}},
                 .weight = array_view<double>{w.data(), n, k}});
  };
  add(events, "ttbar", "e", 5, false);
  add(3, "zjets", "mu", 5, false);
  add(2, "zjets", "other", 3, true);
  add(0, "named only", "e", 2, false);
  return buffer.take();
}

void check_equal(const delta& a, const delta& b) {
  CHECK(a.kind() == b.kind());
  CHECK(a.axes() == b.axes());
  CHECK(a.data().labels == b.data().labels);
  CHECK(a.data().variance_known == b.data().variance_known);
  CHECK(content(a) == content(b));
}

}  // namespace

TEST_CASE("from_dense cuts a histogram into blocks that share its memory") {
  auto memory = std::make_shared<std::vector<double>>(2 * 2 * 3 * 6 * 2);
  for (std::size_t i = 0; i < memory->size(); ++i) (*memory)[i] = static_cast<double>(i + 1);
  // Axis order dataset, x, systematic; values and variances interleaved.
  dense_view view{.planes = {memory->data(), memory->data() + 1}, .strides = {36, 6, 2}, .owner = memory};
  const auto delta = delta::from_dense({labels_axis("dataset", {"a", "b"}), x_axis, labels_axis("s", {"n", "u", "d"})},
                                       storage::weighted, view);
  CHECK(delta.data().blocks.size() == 2);
  CHECK(memory.use_count() == 4);
  const auto got = content(delta);
  CHECK(got.size() == 36);
  CHECK(got.at({{"b", "d"}, 4}) == std::array<double, 2>{36 + 24 + 4 + 1, 36 + 24 + 4 + 2});
  CHECK(got.at({{"a", "u"}, 0}) == std::array<double, 2>{3, 4});
  CHECK(delta.axes()[0].labels() == std::vector<std::string>{"a", "b"});
  view.strides.pop_back();
  CHECK_THROWS_AS(
      delta::from_dense({labels_axis("dataset", {"a"}), x_axis, labels_axis("s", {"n"})}, storage::weighted, view),
      std::invalid_argument);
}

TEST_CASE("from_dense without category axes, without labels, and with overflow bins") {
  auto memory = std::make_shared<std::vector<std::int64_t>>(std::vector<std::int64_t>{0, 1, 2, 3, 0, 5});
  const dense_view line{.planes = {memory->data()}, .strides = {1}, .owner = memory};
  CHECK(content(delta::from_dense({x_axis}, storage::int_, line)).size() == 4);

  const dense_view plane{.planes = {memory->data()}, .strides = {6, 1}, .owner = memory};
  CHECK(delta::from_dense({labels_axis("s"), x_axis}, storage::int_, plane).empty());
  const axis::any fixed{axis::str_category{.labels = {}, .growth = false, .overflow = true}, "s"};
  CHECK(content(delta::from_dense({fixed, x_axis}, storage::int_, plane)).at({{"<overflow>"}, 5})[0] == 5);
  CHECK(delta::from_dense({fixed, {axis::regular{1, 0, 1, false, false}}}, storage::int_, plane)
            .data()
            .blocks.at(0)
            .rows() == 0);
}

TEST_CASE("The compact form comes back the same") {
  for (auto kind : {storage::int_, storage::double_, storage::weighted})
    for (std::size_t events : {0UL, 4UL, 500UL}) {
      const auto made = rich_delta(kind, events);
      const auto bytes = made.to_bytes();
      const auto back = delta::from_bytes(bytes);
      check_equal(made, back);
      check_equal(made, delta::from_bytes(back.to_bytes()));
    }
  const auto empty = fill_buffer{{x_axis}, storage::double_}.take();
  CHECK(delta::from_bytes(empty.to_bytes()).empty());
}

TEST_CASE("Counts are packed as counts, also in a storage of weights") {
  fill_buffer buffer{{labels_axis("c"), {axis::regular{400, 0, 1}, "x"}}, storage::weighted};
  std::mt19937 random{3};
  std::uniform_real_distribution<double> uniform;
  std::vector<double> x(2000);
  for (int c = 0; c < 200; ++c) {
    for (auto& value : x) value = uniform(random);
    buffer.fill({.columns = {std::to_string(c), numbers{array_view<double>{x}}}});
  }
  const auto made = buffer.take();
  const auto bytes = made.to_bytes();
  check_equal(made, delta::from_bytes(bytes));
  CHECK(bytes.size() < made.size_bytes() / 20);
}

TEST_CASE("Many blocks and large ones, sparse and full, come back the same and small") {
  const std::vector<axis::any> axes{labels_axis("c"), labels_axis("s"), {axis::regular{400, 0, 1}, "x"}};
  std::vector<std::string> names;
  for (int j = 0; j < 152; ++j) names.push_back("s" + std::to_string(j));
  std::mt19937 random{1};
  std::uniform_real_distribution<double> uniform;
  fill_buffer buffer{axes, storage::weighted};
  for (int c = 0; c < 6; ++c) {
    const std::size_t n = c < 2 ? 4000 : 30;
    std::vector<double> x, w;
    for (std::size_t e = 0; e < n; ++e) {
      x.push_back(c == 1 ? 0.5 : uniform(random));
      const auto nominal = uniform(random);
      for (std::size_t j = 0; j < names.size(); ++j) w.push_back(j % 4 == 1 ? uniform(random) : nominal);
    }
    buffer.fill({.columns = {"c" + std::to_string(c), variations{names}, numbers{array_view<double>{x}}},
                 .weight = array_view<double>{w.data(), n, names.size()}});
  }
  for (int c = 0; c < 3000; ++c)
    buffer.fill({.columns = {"thin " + std::to_string(c), std::string{"s0"}, numbers{0.5}}});
  const auto made = buffer.take();
  const auto bytes = made.to_bytes();
  check_equal(made, delta::from_bytes(bytes));
  CHECK(bytes.size() < made.size_bytes() / 2);

  // All but nothing in much room: the announced memory stays in proportion.
  fill_buffer wide{{{axis::regular{1'000'000, 0, 1}, "x"}}, storage::double_};
  std::vector<double> same(2'000'000, 0.5);
  wide.fill({.columns = {numbers{array_view<double>{same}}}});
  const auto lone = wide.take();
  check_equal(lone, delta::from_bytes(lone.to_bytes()));
}

TEST_CASE("Damaged bytes are refused: every truncation, every flipped bit") {
  const auto bytes = rich_delta(storage::weighted, 20).to_bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n) REQUIRE_THROWS_AS(delta::from_bytes(std::span{bytes}.first(n)), error);
  auto longer = bytes;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(delta::from_bytes(longer), corruption_error);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      auto damaged = bytes;
      damaged[i] ^= static_cast<std::byte>(1 << bit);
      REQUIRE_THROWS_AS(delta::from_bytes(damaged), error);
    }
  auto newer = bytes;
  newer[8] = std::byte{2};
  CHECK_THROWS_AS(delta::from_bytes(newer), format_error);
}

namespace {

std::uint64_t number_at(const std::vector<std::byte>& bytes, std::size_t at) {
  std::uint64_t value;
  std::memcpy(&value, bytes.data() + at, 8);
  return value;
}
void put_at(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, 8);
}

/// The same delta with its head changed by `change` and all checksums made good again: what only somebody who means
/// it can send.
template <class Change>
std::vector<std::byte> forge_head(const std::vector<std::byte>& bytes, const Change& change) {
  std::uint32_t mask;
  std::memcpy(&mask, bytes.data() + 12, 4);
  const auto head_bytes = number_at(bytes, 24);
  std::vector<std::byte> head(number_at(bytes, 16));
  codec::coder coder;
  coder.decode(std::span{bytes}.subspan(64, head_bytes), mask, write::delta_format::settings, head);
  change(head);
  const auto encoded = coder.encode(head, write::delta_format::settings);
  std::vector<std::byte> result{bytes.begin(), bytes.begin() + 64};
  std::memcpy(result.data() + 12, &encoded.filter_mask, 4);
  put_at(result, 16, head.size());
  put_at(result, 24, encoded.bytes.size());
  put_at(result, 40, base::checksum(encoded.bytes));
  put_at(result, 56, base::checksum(std::span{result}.first(56)));
  result.insert(result.end(), encoded.bytes.begin(), encoded.bytes.end());
  result.insert(result.end(), bytes.begin() + static_cast<std::ptrdiff_t>(64 + head_bytes), bytes.end());
  return result;
}

}  // namespace

TEST_CASE("A forged head is refused or makes a delta that is sound") {
  const auto bytes = rich_delta(storage::weighted, 20).to_bytes();
  check_equal(delta::from_bytes(forge_head(bytes, [](auto&) {})), rich_delta(storage::weighted, 20));
  std::mt19937 random{9};
  std::size_t refused = 0, sound = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto forged = forge_head(bytes, [&](std::vector<std::byte>& head) {
      for (auto n = 1 + random() % 3; n > 0; --n) {
        const auto at = random() % head.size();
        const std::uint8_t choices[] = {0, 1, 0x7f, 0xff, static_cast<std::uint8_t>(random())};
        head[at] = std::byte{choices[random() % 5]};
      }
    });
    try {
      const auto delta = delta::from_bytes(forged);
      content(delta);  // reads every cell, under the sanitizers too
      ++sound;
    } catch (const error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(sound > 1000);
}
