// What reading a delta takes in memory: never more than was allowed, and told before it is taken.
#include "catch.hpp"
#include "support_memory.hpp"

#include "base/checksum.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>

#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace hugehist;

namespace {

axis::any labels_axis(std::string name) { return {axis::str_category{}, std::move(name)}; }
axis::any bins_axis(int bins) { return {axis::regular{bins, 0, 1}, std::string{"x"}}; }

fill_buffer buffer_of(int bins, storage kind) { return {{labels_axis("c"), labels_axis("s"), bins_axis(bins)}, kind}; }

void fill(fill_buffer& to, const std::string& label, std::size_t events, std::size_t rows, bool is_mean = false) {
  std::mt19937_64 random{events};
  std::uniform_real_distribution<double> uniform;
  std::vector<std::string> names;
  for (std::size_t j = 0; j < rows; ++j) names.push_back("s" + std::to_string(j));
  std::vector<double> x(events), w(events * rows);
  for (auto& value : x) value = uniform(random);
  for (auto& value : w) value = uniform(random);
  fill_arguments call{.columns = {label, variations{names}, numbers{array_view<double>{x}}},
                      .weight = array_view<double>{w.data(), events, rows}};
  if (is_mean) call.sample = array_view<double>{w.data(), events, rows};
  to.fill(call);
}

struct named_delta {
  const char* name;
  delta content;
};

std::vector<named_delta> deltas() {
  std::vector<named_delta> result;
  result.push_back({"nothing", buffer_of(10, storage::double_).take()});
  auto dense = buffer_of(400, storage::weighted);
  for (int c = 0; c < 8; ++c) fill(dense, "c" + std::to_string(c), 4000, 40);
  result.push_back({"dense", dense.take()});
  auto sparse = buffer_of(100'000, storage::double_);
  for (int c = 0; c < 4; ++c) fill(sparse, "c" + std::to_string(c), 3000, 4);
  result.push_back({"sparse", sparse.take()});
  auto one_block = buffer_of(400'000, storage::double_);
  fill(one_block, "all", 1'000'000, 1);
  result.push_back({"one block", one_block.take()});
  auto few = buffer_of(10'000, storage::weighted);
  for (int c = 0; c < 20'000; ++c) fill(few, "c" + std::to_string(c), 1, 3);
  result.push_back({"few events each", few.take()});
  auto means = buffer_of(10'000, storage::weighted_mean);
  for (int c = 0; c < 300; ++c) fill(means, "c" + std::to_string(c), 20, 3, true);
  result.push_back({"means", means.take()});
  auto labels = buffer_of(10, storage::double_);
  for (int c = 0; c < 100'000; ++c) fill(labels, std::to_string(c), 0, 1);
  result.push_back({"labels alone", labels.take()});
  std::vector<std::string> known;
  known.reserve(100'000);
  for (int c = 0; c < 100'000; ++c) known.push_back(std::to_string(c));
  fill_buffer fixed{{{axis::str_category{known, false}, std::string{"c"}}, bins_axis(10)}, storage::double_};
  for (int c = 0; c < 100'000; ++c) fixed.fill({.columns = {std::to_string(c), numbers{0.5}}});
  result.push_back({"fixed labels", fixed.take()});
  std::vector<axis::any> axes{labels_axis("c")};
  for (int i = 0; i < 12; ++i) axes.push_back({axis::boolean{}});
  fill_buffer deep{axes, storage::double_};
  for (int c = 0; c < 20; ++c) {
    std::vector<column> columns{"c" + std::to_string(c)};
    for (int i = 0; i < 12; ++i) columns.emplace_back(numbers{std::int64_t{1}});
    deep.fill({.columns = columns});
  }
  result.push_back({"many axes", deep.take()});
  return result;
}

/// What a delta says that it takes: first its head does, and where that is allowed, all of it.
std::size_t announced(const std::vector<std::byte>& bytes) {
  for (std::size_t allowed = 0;;) {
    try {
      delta::from_bytes(bytes, allowed);
      return allowed;
    } catch (const error& refused) {
      const std::string message = refused.what(), before = "that it takes ";
      const auto said = std::stoull(message.substr(message.find(before) + before.size()));
      REQUIRE(said > allowed);
      allowed = said;
    }
  }
}

}  // namespace

TEST_CASE("reading a delta takes no more memory than it was allowed") {
  if (!memory::is_counted) return;
  for (const auto& [name, made] : deltas()) {
    INFO(name);
    const auto bytes = made.to_bytes();
    const auto allowed = announced(bytes);
    memory::watch_peak();
    const auto read = delta::from_bytes(bytes, allowed);
    const auto taken = memory::peak_bytes();
    constexpr std::size_t objects = 4096;  // of the reader itself
    CHECK(taken <= allowed + objects);
    CHECK(read.size_bytes() <= allowed);
    // And it does not announce much more than it takes, but for small ones.
    CHECK(allowed <= 8 * taken + (std::size_t{1} << 16));
    WARN(name << ": " << bytes.size() << " bytes take " << taken << ", " << allowed << " announced");
  }
}

TEST_CASE("a delta that announces more than is allowed is refused before any of it is taken") {
  // Zeros, of which a few bytes make very many.
  auto buffer = buffer_of(1'000'000, storage::weighted);
  fill(buffer, "ttbar", 2'000'000, 1);
  fill(buffer, "wjets", 10, 40);
  const auto bytes = buffer.take().to_bytes();
  const auto least = announced(bytes);
  memory::watch_peak();
  CHECK_THROWS_WITH(delta::from_bytes(bytes, least - 1),
                    contains(std::to_string(least) + " bytes of memory") &&
                        contains("max_memory allows " + std::to_string(least - 1)));
  if (memory::is_counted) CHECK(memory::peak_bytes() < least / 20);
  CHECK_THROWS_AS(delta::from_bytes(bytes, 0), error);
  CHECK_FALSE(delta::from_bytes(bytes, least).empty());
}

TEST_CASE("a head that announces more than is allowed is refused before it is decoded") {
  auto bytes = buffer_of(10, storage::double_).take().to_bytes();
  for (const std::uint64_t claimed : {std::uint64_t{1} << 20, std::uint64_t{1} << 36, std::uint64_t{1} << 63}) {
    std::memcpy(bytes.data() + 16, &claimed, sizeof claimed);
    const auto checksum = base::checksum(std::span{bytes}.first(56));
    std::memcpy(bytes.data() + 56, &checksum, sizeof checksum);
    memory::watch_peak();
    CHECK_THROWS_AS(delta::from_bytes(bytes, std::size_t{1} << 20), error);
    if (memory::is_counted) CHECK(memory::peak_bytes() < 4096);
  }
}
