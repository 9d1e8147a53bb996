#include "catch.hpp"
#include "support_chunks.hpp"
#include "support_delta.hpp"

#include "base/simd.hpp"
#include "base/thread_pool.hpp"
#include "chunk/cache.hpp"
#include "model/category_index.hpp"
#include "store/open.hpp"
#include "write/merge.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/error.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <set>

using namespace hugehist;
using support::cell_map;
using support::content;

namespace {

/// A histogram in a memory store, as the facade would hold it.
struct target {
  explicit target(std::vector<axis::any> axes, storage kind, std::vector<std::size_t> chunks = {},
                  std::size_t budget = std::size_t{64} << 20, unsigned threads = 2)
      : store{store::make_memory_store()}, cache{store, budget}, pool{threads} {
    store::histogram_record record;
    record.schema.axes = std::move(axes);
    record.schema.kind = kind;
    record.chunk_shape = std::move(chunks);
    const auto positions = model::category_axes(record.schema.axes);
    if (!positions.empty()) {
      record.has_variations_axis = true;
      record.variations_axis = positions.back();
    }
    id = store.create("h", record);
    for (auto i : positions) categories.emplace_back(record.schema.axes[i].labels());
    layout = {.id = id, .grid = {}, .codec = record.codec, .planes = planes(kind).size()};
    if (record.has_variations_axis) layout.variations_axis = record.variations_axis;
  }

  void check(const delta& addend) { write::check(addend.data(), {store, cache, pool, id, categories, layout}); }
  void merge(const delta& addend, const std::function<void(std::size_t, std::size_t)>& progress = {}) {
    write::merge(addend.data(), {store, cache, pool, id, categories, layout}, {}, progress);
  }
  const model::schema& schema() const { return store.record(id).schema; }

  /// Bins that are not zero, by label, from all chunks.
  cell_map content() {
    cell_map result;
    const auto extents = model::extents(schema().axes);
    const auto& shape = layout.grid.shape();
    if (shape.empty()) return result;
    std::vector<std::byte> chunk(layout.chunk_bytes());
    store::chunk_coordinate coordinate;
    coordinate.rank = static_cast<std::uint32_t>(shape.size());
    const auto advance = [&](auto& index, const auto& ends) {
      for (auto i = extents.size(); i-- > 0;) {
        if (++index[i] < ends(i)) return true;
        index[i] = 0;
      }
      return false;
    };
    do {
      const std::byte* data = nullptr;
      const auto pin = cache.find(layout, coordinate);
      if (pin)
        data = pin.plane(0);
      else if (cache.read_through(layout, coordinate, chunk))
        data = chunk.data();
      if (data == nullptr) continue;
      std::vector<std::size_t> at(shape.size(), 0);
      do {
        add_cell(result, data, coordinate, at, extents);
      } while (advance(at, [&](std::size_t i) { return shape[i]; }));
    } while (advance(coordinate.index, [&](std::size_t i) { return (extents[i] + shape[i] - 1) / shape[i]; }));
    return result;
  }

  support::watched_store store;
  chunk::chunk_cache cache;
  base::thread_pool pool;
  store::histogram_id id = 0;
  std::vector<model::category_index> categories;
  chunk::layout layout;

 private:
  void add_cell(cell_map& result, const std::byte* data, const store::chunk_coordinate& coordinate,
                const std::vector<std::size_t>& at, const std::vector<std::size_t>& extents) {
    support::cell_key key;
    std::size_t offset = 0, category = 0;
    bool beyond = false;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const auto bin = coordinate.index[i] * layout.grid.shape()[i] + at[i];
      offset += at[i] * layout.grid.strides()[i];
      beyond |= bin >= extents[i];
      if (!schema().axes[i].is_category()) {
        key.second = key.second * extents[i] + bin;
        continue;
      }
      const auto& labels = categories[category++];
      key.first.push_back(bin < labels.size() ? labels.label(bin) : "<overflow>");
    }
    const auto cell = [&](std::size_t p) {
      return support::element(data + p * layout.grid.cells() * 8, static_cast<std::ptrdiff_t>(offset),
                              planes(schema().kind)[p].is_integer);
    };
    const std::array<double, 2> values{cell(0), layout.planes > 1 ? cell(1) : 0.0};
    if (values[0] == 0 && values[1] == 0) return;
    INFO("a cell beyond the extents is not zero");
    REQUIRE_FALSE(beyond);
    result[key] = values;
  }
};

void add_to(cell_map& sum, const cell_map& addend) {
  for (const auto& [key, cell] : addend) {
    auto& mine = sum[key];
    for (std::size_t p = 0; p < 2; ++p) mine[p] += cell[p];
  }
  std::erase_if(sum, [](const auto& entry) { return entry.second[0] == 0 && entry.second[1] == 0; });
}

axis::any labels_axis(const std::string& name, std::vector<std::string> labels = {}) {
  return {axis::str_category{std::move(labels)}, name};
}
axis::any overflow_axis(const std::string& name, std::vector<std::string> labels) {
  return {axis::str_category{.labels = std::move(labels), .growth = false, .overflow = true}, name};
}

/// Random axes in random order: two growing category axes, perhaps a fixed one with overflow, one to three dense.
std::vector<axis::any> random_axes(std::mt19937& random) {
  std::vector<axis::any> axes{labels_axis("dataset"), labels_axis("systematic")};
  if (random() % 3 == 0) axes.push_back(overflow_axis("channel", {"e", "mu"}));
  axes.push_back({axis::regular{static_cast<std::int64_t>(1 + random() % 20), 0, 1}, "x"});
  if (random() % 2 == 0) axes.push_back({axis::integer{.lower = 0, .upper = 3, .underflow = false}, "n"});
  if (random() % 3 == 0) axes.push_back({axis::boolean{}, "b"});
  if (random() % 2 == 0) std::shuffle(axes.begin(), axes.end(), random);
  return axes;
}

std::vector<std::string> some_labels(std::mt19937& random, const char* prefix, std::size_t most) {
  std::set<std::string> chosen;
  for (auto n = 1 + random() % most; n > 0; --n) chosen.insert(prefix + std::to_string(random() % (most + 3)));
  std::vector<std::string> result{chosen.begin(), chosen.end()};
  std::shuffle(result.begin(), result.end(), random);
  return result;
}

/// Dyadic numbers: sums are exact in any order.
double small_number(std::mt19937& random) { return static_cast<double>(static_cast<int>(random() % 65) - 32); }

delta random_fill(const std::vector<axis::any>& axes, storage kind, std::mt19937& random) {
  fill_buffer buffer{axes, kind};
  for (auto fills = 1 + random() % 3; fills > 0; --fills) {
    const auto n = random() % 5 == 0 ? 400 : 1 + random() % 8;
    const auto systematics = some_labels(random, "s", 24);
    const auto datasets = some_labels(random, "d", 4);
    std::vector<double> x, w;
    std::vector<std::int64_t> integers;
    std::vector<std::int32_t> codes;
    const bool x_by_row = random() % 3 == 0;
    for (std::size_t i = 0; i < n * systematics.size(); ++i) {
      x.push_back(static_cast<double>(random() % 1000) / 800 - 0.1);
      w.push_back(small_number(random));
    }
    for (std::size_t i = 0; i < n; ++i) {
      integers.push_back(static_cast<std::int64_t>(random() % 4));
      codes.push_back(static_cast<std::int32_t>(random() % datasets.size()));
    }
    fill_arguments arguments;
    for (const auto& axis : axes) {
      const auto name = axis.name();
      if (name == "dataset") arguments.columns.push_back(label_codes{datasets, array_view<std::int32_t>{codes}});
      if (name == "systematic") arguments.columns.push_back(variations{systematics});
      if (name == "channel") arguments.columns.push_back(std::string{random() % 2 == 0 ? "mu" : "tau"});
      if (name == "x")
        arguments.columns.push_back(numbers{array_view<double>{x.data(), n, x_by_row ? systematics.size() : 1}});
      if (name == "n" || name == "b") arguments.columns.push_back(numbers{array_view<std::int64_t>{integers}});
    }
    arguments.weight = array_view<double>{w.data(), n, systematics.size()};
    buffer.fill(arguments);
  }
  return buffer.take();
}

/// Somebody's histogram in memory, axes in any order of strides, planes apart or interleaved.
delta random_dense(std::vector<axis::any> axes, storage kind, std::mt19937& random) {
  for (auto& axis : axes) {
    if (axis.name() == "dataset") axis = axis.with_labels(some_labels(random, "d", 3));
    if (axis.name() == "systematic") axis = axis.with_labels(some_labels(random, "s", 12));
  }
  std::size_t cells = 1;
  for (const auto& axis : axes) cells *= axis.extent();
  auto memory = std::make_shared<std::vector<double>>(cells * 2, 0.0);
  const bool mostly_zero = random() % 3 == 0;
  for (auto& cell : *memory) {
    const auto value = mostly_zero && random() % 50 != 0 ? 0.0 : small_number(random);
    if (kind == storage::int_) {
      const auto integer = static_cast<std::int64_t>(value);
      std::memcpy(&cell, &integer, 8);
    } else {
      cell = value;
    }
  }
  std::vector<std::size_t> order(axes.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (random() % 2 == 0) std::shuffle(order.begin(), order.end(), random);
  const bool interleaved = kind == storage::weighted && random() % 2 == 0;
  dense_view view;
  view.strides.resize(axes.size());
  auto stride = static_cast<std::ptrdiff_t>(interleaved ? 2 : 1);
  for (auto i = order.size(); i-- > 0;) {
    view.strides[order[i]] = stride;
    stride *= static_cast<std::ptrdiff_t>(axes[order[i]].extent());
  }
  view.planes = {memory->data(), memory->data() + (interleaved ? 1 : cells)};
  view.owner = memory;
  return delta::from_dense(std::move(axes), kind, std::move(view));
}

std::vector<std::size_t> random_chunks(const std::vector<axis::any>& axes, std::mt19937& random) {
  if (random() % 3 == 0) return {};
  std::vector<std::size_t> shape;
  for (const auto& axis : axes) shape.push_back(axis.is_growing() ? 1 + random() % 20 : 1 + random() % axis.extent());
  return shape;
}

}  // namespace

TEST_CASE("Random merges equal the sum of their deltas, with and without eviction, on every instruction set") {
  for (unsigned seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    base::newest_instruction_set = static_cast<base::instruction_set>(seed % 3);
    const auto axes = random_axes(random);
    const auto kind = static_cast<storage>(random() % 3);
    const auto chunks = random_chunks(axes, random);
    const auto deltas = [&] {
      std::vector<delta> result;
      for (int i = 0; i < 4; ++i)
        result.push_back(random() % 2 == 0 ? random_fill(axes, kind, random) : random_dense(axes, kind, random));
      return result;
    }();
    std::vector<cell_map> expected(1);
    for (const auto& delta : deltas) add_to(expected.emplace_back(expected.back()), content(delta));

    target roomy{axes, kind, chunks};
    for (std::size_t i = 0; i < deltas.size(); ++i) {
      roomy.merge(deltas[i]);
      REQUIRE(roomy.content() == expected[i + 1]);
    }
    // Room for one chunk, not for two, and more threads than that.
    target tight{axes, kind, roomy.layout.grid.shape(), 3 * roomy.layout.chunk_bytes() / 2 + 64, 4};
    for (std::size_t i = 0; i < deltas.size(); ++i) {
      tight.merge(deltas[i]);
      REQUIRE(tight.content() == expected[i + 1]);
    }
    CHECK(roomy.schema().axes == tight.schema().axes);
    const auto first_category = model::category_axes(axes).front();
    CHECK(roomy.schema().axes[first_category].labels() == roomy.categories[0].labels());
    roomy.store.commit();
  }
  base::newest_instruction_set = base::instruction_set::avx512;
}

TEST_CASE("Sums are the same to the last bit for any number of threads and any instruction set") {
  std::mt19937 random{11};
  std::normal_distribution<double> normal;
  const std::vector<axis::any> axes{labels_axis("d"), labels_axis("s"), {axis::regular{30, 0, 1}, "x"}};
  std::vector<delta> deltas;
  for (int i = 0; i < 6; ++i) {
    fill_buffer buffer{axes, storage::weighted};
    std::vector<double> x, w;
    for (int e = 0; e < 500; ++e) x.push_back(normal(random));
    for (int e = 0; e < 500 * 3; ++e) w.push_back(normal(random));
    for (const char* dataset : {"a", "b", "c", "d"})
      buffer.fill({.columns = {std::string{dataset}, variations{{"s0", "s1", "s2"}}, numbers{array_view<double>{x}}},
                   .weight = array_view<double>{w.data(), 500, 3}});
    deltas.push_back(buffer.take());
  }
  std::vector<cell_map> results;
  for (unsigned threads : {1U, 4U})
    for (int set = 0; set < 3; ++set) {
      base::newest_instruction_set = static_cast<base::instruction_set>(set);
      target t{axes, storage::weighted, {}, std::size_t{64} << 20, threads};
      for (const auto& delta : deltas) t.merge(delta);
      results.push_back(t.content());
    }
  base::newest_instruction_set = base::instruction_set::avx512;
  for (const auto& result : results) CHECK(result == results.front());
}

namespace {

delta one_cell(std::vector<axis::any> axes, storage kind, double value, bool variance_known = true) {
  std::size_t cells = 1;
  for (const auto& axis : axes) cells *= axis.extent();
  auto memory = std::make_shared<std::vector<double>>(cells, 0.0);
  if (cells > 0) memory->back() = value;
  dense_view view;
  view.strides.resize(axes.size());
  std::ptrdiff_t stride = 1;
  for (auto i = axes.size(); i-- > 0;) {
    view.strides[i] = stride;
    stride *= static_cast<std::ptrdiff_t>(axes[i].extent());
  }
  view.planes = {memory->data(), memory->data()};
  view.owner = memory;
  return delta::from_dense(std::move(axes), kind, std::move(view), variance_known);
}

const axis::any x_axis{axis::regular{4, 0, 1}, "x"};

}  // namespace

TEST_CASE("The first addition to a chunk is one to zeros, whatever the memory held") {
  const std::vector<axis::any> axes{labels_axis("d", {"a"}), labels_axis("s", {"nominal", "up"}), x_axis};
  for (const auto kind : {storage::double_, storage::weighted}) {
    target t{axes, kind, {1, 2, 6}, std::size_t{1} << 10};  // room for few chunks, whose memory is used again
    for (int i = 0; i < 40; ++i) {
      const auto label = std::to_string(i);
      t.merge(one_cell({labels_axis("d", {label}), labels_axis("s", {"nominal", "up"}), x_axis}, kind, 2));
      t.merge(one_cell({labels_axis("d", {"-" + label}), labels_axis("s", {"up"}), x_axis}, kind, 3));
    }
    t.merge(one_cell({labels_axis("d", {"-0"}), labels_axis("s", {"up"}), x_axis}, kind, -3));
    double sum = 0;
    for (const auto& [key, cell] : t.content()) sum += cell[0];
    CHECK(t.content().size() == 79);
    CHECK(sum == 40 * 2 + 39 * 3);
  }
  // -0 is not what 0 + -0 is
  target t{{x_axis}, storage::double_};
  auto memory = std::make_shared<std::vector<double>>(6, -0.0);
  memory->front() = 1;
  t.merge(delta::from_dense({x_axis}, storage::double_, {.planes = {memory->data()}, .strides = {1}, .owner = memory}));
  const auto pin = t.cache.find(t.layout, support::at({0}));
  const auto* cells = reinterpret_cast<const double*>(pin.plane(0));
  for (int i = 1; i < 6; ++i) CHECK_FALSE(std::signbit(cells[i]));
}

namespace {

/// A dense delta of one dataset whose rows repeat each other as `sources` says, each with an amount of its own.
delta repeating(const std::string& dataset, storage kind, const std::vector<std::size_t>& sources, std::mt19937& random,
                bool transposed) {
  constexpr std::size_t bins = 18;
  std::vector<std::string> systematics;
  for (std::size_t r = 0; r < sources.size(); ++r) systematics.push_back("s" + std::to_string(r));
  const auto planes_used = planes(kind).size();
  auto memory = std::make_shared<std::vector<double>>(planes_used * sources.size() * bins);
  std::vector<double> rows(planes_used * sources.size() * bins);
  const auto at = [&](std::size_t p, std::size_t r, std::size_t b) { return (p * sources.size() + r) * bins + b; };
  for (std::size_t p = 0; p < planes_used; ++p)
    for (std::size_t r = 0; r < sources.size(); ++r)
      for (std::size_t b = 0; b < bins; ++b)
        rows[at(p, r, b)] = sources[r] == r ? static_cast<double>(random() % 4) / 4 : rows[at(p, sources[r], b)];
  const auto count = static_cast<std::ptrdiff_t>(sources.size());
  for (std::size_t p = 0; p < planes_used; ++p)
    for (std::size_t r = 0; r < sources.size(); ++r)
      for (std::size_t b = 0; b < bins; ++b)
        (*memory)[transposed ? (p * bins + b) * sources.size() + r : at(p, r, b)] = rows[at(p, r, b)];
  dense_view view;
  for (std::size_t p = 0; p < planes_used; ++p) view.planes[p] = memory->data() + p * sources.size() * bins;
  view.strides = transposed ? std::vector<std::ptrdiff_t>{0, 1, count}
                            : std::vector<std::ptrdiff_t>{0, static_cast<std::ptrdiff_t>(bins), 1};
  view.owner = memory;
  return delta::from_dense(
      {labels_axis("d", {dataset}), labels_axis("s", std::move(systematics)), {axis::regular{bins - 2, 0, 1}, "x"}},
      kind, std::move(view));
}

}  // namespace

TEST_CASE("Rows that repeat each other, for a while or for ever, add up like any others") {
  std::mt19937 random{23};
  for (int round = 0; round < 200; ++round) {
    const auto kind = random() % 2 == 0 ? storage::weighted : storage::double_;
    const std::vector<axis::any> axes{labels_axis("d"), labels_axis("s"), {axis::regular{16, 0, 1}, "x"}};
    const std::size_t rows = 1 + random() % 9;
    // Chunks that fit the rows exactly, and others; room for all, or for one.
    const std::vector<std::size_t> chunks{1, random() % 3 == 0 ? rows + 1 : rows, 18};
    const auto chunk_bytes = chunks[1] * 18 * 8 * planes(kind).size();
    target t{axes, kind, chunks, random() % 2 == 0 ? std::size_t{1} << 20 : 2 * chunk_bytes};
    cell_map expected;
    std::vector<std::size_t> sources(rows);
    for (int i = 0; i < 8; ++i) {
      if (i == 0 || random() % 3 == 0)
        for (std::size_t r = 0; r < rows; ++r) {
          sources[r] = random() % 4 == 0 ? r : sources[random() % (r + 1)];
          if (sources[r] > r) sources[r] = r;
          sources[r] = sources[sources[r]];
        }
      const auto given = i > 0 && random() % 5 == 0 ? std::vector<std::size_t>{0} : sources;  // the nominal alone
      const auto addend = repeating(random() % 3 == 0 ? "b" : "a", kind, given, random, random() % 5 == 0);
      t.merge(addend);
      add_to(expected, content(addend));
      if (random() % 3 == 0) REQUIRE(t.content() == expected);
      if (random() % 4 == 0) t.cache.write_back(t.pool);
    }
    REQUIRE(t.content() == expected);
  }
}

TEST_CASE("What does not fit is refused, and nothing changes") {
  const axis::any fixed{axis::str_category{.labels = {"a", "b"}, .growth = false}, "fixed"};
  target t{{fixed, labels_axis("s"), x_axis}, storage::double_};
  t.merge(one_cell({fixed, labels_axis("s", {"nominal"}), x_axis}, storage::double_, 2));
  const auto before = t.content();
  REQUIRE(before.size() == 1);

  const auto refuse = [&](const delta& addend, const char* words) {
    CHECK_THROWS_AS(t.merge(addend), std::invalid_argument);
    CHECK_THROWS_WITH(t.merge(addend), contains(words) && contains("'h'"));
    CHECK_THROWS_AS(t.check(addend), std::invalid_argument);
    CHECK_THROWS_WITH(t.check(addend), contains(words) && contains("'h'"));
    CHECK(t.content() == before);
    CHECK(t.categories[1].size() == 1);
    CHECK(t.schema().axes[1].labels() == std::vector<std::string>{"nominal"});
  };
  const auto other = labels_axis("s", {"other"});
  refuse(one_cell({fixed, other, x_axis}, storage::weighted, 1), "storage");
  refuse(one_cell({fixed, other}, storage::double_, 1), "axes");
  refuse(one_cell({fixed, other, {axis::regular{5, 0, 1}, "x"}}, storage::double_, 1), "axis 2");
  refuse(one_cell({fixed, other, {axis::regular{4, 0, 1}, "y"}}, storage::double_, 1), "names");
  refuse(one_cell({labels_axis("fixed", {"c"}), other, x_axis}, storage::double_, 1), "'c'");
  refuse(one_cell({fixed, overflow_axis("s", {"other"}), x_axis}, storage::double_, 1), "overflow");
  t.check(one_cell({fixed, other, x_axis}, storage::double_, 1));
  CHECK(t.categories[1].size() == 1);
  CHECK(t.content() == before);
  // An overflow bin without content is no obstacle.
  t.merge(one_cell({fixed, overflow_axis("s", {"other"}), x_axis}, storage::double_, 0));
  CHECK(t.categories[1].size() == 2);
}

TEST_CASE("Overflow bins of fixed axes are added to overflow bins") {
  const auto axis = overflow_axis("c", {"a"});
  target t{{axis, x_axis}, storage::double_};
  t.merge(one_cell({axis, x_axis}, storage::double_, 3));
  t.merge(one_cell({overflow_axis("c", {}), x_axis}, storage::double_, 4));
  CHECK(t.content() == cell_map{{{{"<overflow>"}, 5}, {7, 0}}});
}

TEST_CASE("Zeros touch no chunk; labels come all the same") {
  target t{{labels_axis("a"), labels_axis("s"), x_axis}, storage::double_};
  t.merge(one_cell({labels_axis("a", {"x", "y"}), labels_axis("s", {"nominal"}), x_axis}, storage::double_, 0));
  t.merge(one_cell({labels_axis("a", {"z"}), labels_axis("s"), x_axis}, storage::double_, 0));
  CHECK(t.schema().axes[0].labels() == std::vector<std::string>{"x", "y", "z"});
  CHECK(t.cache.size_bytes() == 0);
  CHECK(t.layout.grid.rank() == 0);
  t.merge(one_cell({labels_axis("a", {"x", "y"}), labels_axis("s", {"nominal"}), x_axis}, storage::double_, 1));
  CHECK(t.cache.size_bytes() == t.layout.chunk_bytes());
  CHECK(t.store.record(t.id).chunk_shape == t.layout.grid.shape());
}

TEST_CASE("Variances stay known until weights were filled into double storage") {
  target t{{labels_axis("s"), x_axis}, storage::double_};
  t.merge(one_cell({labels_axis("s", {"a"}), x_axis}, storage::double_, 1));
  CHECK(t.schema().variance_known);
  t.merge(one_cell({labels_axis("s", {"a"}), x_axis}, storage::double_, 1, false));
  CHECK_FALSE(t.schema().variance_known);
  t.merge(one_cell({labels_axis("s", {"a"}), x_axis}, storage::double_, 1));
  CHECK_FALSE(t.schema().variance_known);
}

TEST_CASE("A merge that fails midway undoes itself, and earlier ones stay") {
  const std::vector<axis::any> axes{labels_axis("d"), labels_axis("s"), {axis::regular{100, 0, 1}, "x"}};
  const auto filled = [&](int from, int to) {
    fill_buffer buffer{axes, storage::weighted};
    const std::vector<double> x{0.1, 0.5, 0.9};
    for (int d = from; d < to; ++d)
      buffer.fill(
          {.columns = {"d" + std::to_string(d), std::string{"s"}, numbers{array_view<double>{x}}}, .weight = 2.0});
    return buffer.take();
  };
  for (unsigned threads : {1U, 3U}) {
    constexpr std::size_t chunk_bytes = 102 * 2 * 8;
    target t{axes, storage::weighted, {1, 1, 102}, 4 * chunk_bytes, threads};
    t.merge(filled(0, 20));
    t.merge(filled(0, 2));
    const auto before = t.content();
    const auto shape = t.layout.grid.shape();

    for (int allowed = 0; allowed < 30; allowed += 7) {
      const auto writes = t.store.writes.load();
      t.store.before_write = [&](auto&&...) {
        if (t.store.writes > writes + allowed) support::throw_disk_full();
      };
      CHECK_THROWS_AS(t.merge(filled(0, 40)), std::system_error);
      t.store.before_write = [](auto&&...) {};
      CHECK(t.content() == before);
      CHECK(t.categories[0].size() == 20);
      CHECK(t.schema().axes[0].labels().size() == 20);
    }
    t.store.after_read = [](auto& chunk) { chunk.bytes.back() ^= std::byte{1}; };
    CHECK_THROWS_AS(t.merge(filled(0, 3)), corruption_error);
    CHECK_THROWS_AS(t.merge(filled(5, 40)), corruption_error);
    t.store.after_read = [](auto&) {};
    CHECK(t.content() == before);

    auto expected = before;
    add_to(expected, content(filled(0, 40)));
    t.merge(filled(0, 40));
    CHECK(t.content() == expected);
    CHECK(t.layout.grid.shape() == shape);
  }
}

TEST_CASE("A merge tells its progress, and undoes itself when it is told to stop") {
  const std::vector<axis::any> axes{labels_axis("d"), x_axis};
  const auto filled = [&](int from, int to) {
    fill_buffer buffer{axes, storage::double_};
    const std::vector<double> x{0.1};
    for (int d = from; d < to; ++d)
      buffer.fill({.columns = {"d" + std::to_string(d), numbers{array_view<double>{x}}}, .weight = 2.0});
    return buffer.take();
  };
  struct stopped {};
  for (const std::size_t budget : {std::size_t{4096}, std::size_t{64} << 20}) {  // less and more than is touched
    target t{axes, storage::double_, {1, x_axis.extent()}, budget, 3};
    t.merge(filled(0, 20));
    const auto before = t.content();
    for (std::size_t allowed = 0; allowed < 100; allowed += 9) {
      std::size_t told = 0;
      CHECK_THROWS_AS(t.merge(filled(10, 110),
                              [&](std::size_t done, std::size_t all) {
                                CHECK(all == 100);
                                CHECK(done == ++told);
                                if (done > allowed) throw stopped{};
                              }),
                      stopped);
      CHECK(t.content() == before);
      CHECK(t.categories[0].size() == 20);
      CHECK(t.schema().axes[0].labels().size() == 20);
    }
    std::size_t told = 0;
    t.merge(filled(10, 110), [&](std::size_t done, std::size_t) { told = done; });
    CHECK(told == 100);
    auto expected = before;
    add_to(expected, content(filled(10, 110)));
    CHECK(t.content() == expected);
  }
}

TEST_CASE("A first merge that fails leaves no chunk shape and no labels") {
  const std::vector<axis::any> axes{labels_axis("d"), {axis::regular{100, 0, 1}, "x"}};
  target t{axes, storage::double_, {}, 64};
  fill_buffer buffer{axes, storage::double_};
  buffer.fill({.columns = {std::string{"a"}, numbers{0.5}}});
  const auto addend = buffer.take();
  CHECK_THROWS_AS(t.merge(addend), std::invalid_argument);  // the budget has no room for one chunk
  CHECK(t.layout.grid.rank() == 0);
  CHECK(t.store.record(t.id).chunk_shape.empty());
  CHECK(t.categories[0].size() == 0);
  CHECK(t.schema().axes[0].labels().empty());
}

TEST_CASE("A hundred thousand categories in one merge") {
  constexpr std::size_t n = 100'000;
  const std::vector<axis::any> axes{labels_axis("c"), labels_axis("s"), {axis::regular{2, 0, 1}, "x"}};
  fill_buffer buffer{axes, storage::weighted};
  std::vector<std::string> labels;
  std::vector<std::int32_t> codes;
  for (std::size_t i = 0; i < n; ++i) {
    labels.push_back("category " + std::to_string(i));
    codes.push_back(static_cast<std::int32_t>(i));
  }
  buffer.fill(
      {.columns = {label_codes{labels, array_view<std::int32_t>{codes}}, std::string{"nominal"}, numbers{0.7}}});
  const auto addend = buffer.take();
  target t{axes, storage::weighted, {1000, 1, 4}};
  t.merge(addend);
  t.merge(addend);
  CHECK(t.categories[0].size() == n);
  const auto got = t.content();
  CHECK(got.size() == n);
  CHECK(got.at({{"category 99999", "nominal"}, 2}) == std::array<double, 2>{2, 2});
}
