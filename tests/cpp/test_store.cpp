// The contract of store::store, run over every store there is.
#include "catch.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <chrono>

using namespace store_support;

namespace {

/// growing_record with two datasets, three numbers and a chunk shape.
store::histogram_id make_histogram(store::store& store, const std::string& name = "h",
                                   const store::histogram_record& record = growing_record()) {
  const auto id = store.create(name, record);
  store.append_labels(id, 0, labels{"ttbar", "wjets"});
  store.append_labels(id, 1, labels{"7", "-3", "11"});
  store.set_chunk_shape(id, growing_shape());
  return id;
}

}  // namespace

TEST_CASE("a new store is empty and has no changes") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  CHECK((*store)->histograms().empty());
  CHECK((*store)->writable());
  CHECK_FALSE((*store)->has_changes());
  CHECK((*store)->pending_bytes() == 0);
  CHECK((*store)->file() == store::file_record{});
  CHECK((*store)->ledger().entries().empty());
  CHECK_THROWS_AS((*store)->find("h"), key_error);
}

TEST_CASE("what is created and committed is there, before and after reopening") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  const auto record = (*store)->record(id);
  CHECK((*store)->has_changes());
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 1, some_chunk(2));
  (*store)->write_chunk({id, coordinate({1, 1, 0})}, 0, some_chunk(3));
  CHECK((*store)->pending_bytes() > 0);
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, 1));

  (*store)->commit();
  CHECK_FALSE((*store)->has_changes());
  CHECK((*store)->pending_bytes() == 0);
  CHECK((*store)->find("h") == id);
  if (store->persistent()) store->reopen();

  const auto again = (*store)->find("h");
  CHECK((*store)->histograms() == labels{"h"});
  CHECK((*store)->record(again).schema == record.schema);
  CHECK((*store)->record(again).chunk_shape == growing_shape());
  CHECK((*store)->record(again).codec == record.codec);
  CHECK((*store)->record(again).variations_axis == 1);
  CHECK((*store)->record(again).has_variations_axis);
  CHECK((*store)->record(again).growable);
  CHECK(holds(**store, again, coordinate({0, 0, 0}), 0, 1));
  CHECK(holds(**store, again, coordinate({0, 0, 0}), 1, 2));
  CHECK(holds(**store, again, coordinate({1, 1, 0}), 0, 3));
  CHECK(is_absent(**store, again, coordinate({1, 1, 0}), 1));
  CHECK(is_absent(**store, again, coordinate({1, 0, 0}), 0));
  CHECK(is_absent(**store, again, coordinate({9, 9, 9}), 0));
  CHECK((*store)->usage(again).chunks == 2);
  CHECK((*store)->usage(again).bytes ==
        some_chunk(1).bytes.size() + some_chunk(2).bytes.size() + some_chunk(3).bytes.size());
}

TEST_CASE("nothing uncommitted survives closing or rollback") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  set_file(**store, {{{"a", std::int64_t{1}}}, {{{"n"}, 1.0}}});
  (*store)->add_to_ledger("first");
  (*store)->commit();

  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(2));
  (*store)->write_chunk({id, coordinate({1, 0, 0})}, 0, some_chunk(3));
  (*store)->append_labels(id, 0, labels{"qcd"});
  (*store)->set_variance_known(id, false);
  set_file(**store, {});
  (*store)->add_to_ledger("second");
  const auto other = make_histogram(**store, "other");
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, 2));

  const bool reopen = GENERATE(false, true);
  if (reopen)
    store->reopen();
  else
    (*store)->rollback();
  const auto now = (*store)->find("h");
  CHECK((*store)->histograms() == labels{"h"});
  if (!reopen) CHECK_THROWS_AS((*store)->record(other), key_error);
  CHECK((*store)->record(now).schema.axes[0].labels() == labels{"ttbar", "wjets"});
  CHECK((*store)->record(now).schema.variance_known);
  CHECK(holds(**store, now, coordinate({0, 0, 0}), 0, 1));
  CHECK(is_absent(**store, now, coordinate({1, 0, 0}), 0));
  CHECK((*store)->file() == store::file_record{{{"a", std::int64_t{1}}}, {{{"n"}, 1.0}}});
  CHECK((*store)->ledger().entries() == ids{"first"});
  CHECK_FALSE((*store)->ledger().has("second"));
  CHECK_FALSE((*store)->has_changes());
  CHECK((*store)->pending_bytes() == 0);
}

TEST_CASE("rollback brings a removed histogram back and forgets a chunk shape") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  const auto shapeless = (*store)->create("shapeless", growing_record());
  (*store)->commit();
  (*store)->remove(id);
  CHECK_THROWS_AS((*store)->record(id), key_error);
  CHECK_THROWS_AS((*store)->read_chunk({id, coordinate({0, 0, 0})}, 0), key_error);
  const auto another = make_histogram(**store, "h");
  CHECK(another != id);
  CHECK(is_absent(**store, another, coordinate({0, 0, 0}), 0));
  (*store)->set_chunk_shape(shapeless, growing_shape());
  (*store)->rollback();
  CHECK((*store)->find("h") == id);
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, 1));
  CHECK((*store)->record(shapeless).chunk_shape.empty());
  CHECK((*store)->create("third", growing_record()) > another);
}

TEST_CASE("a mark is reverted to exactly, and a released one is not") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  const auto fresh = (*store)->create("fresh", growing_record());
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->commit();
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 1, some_chunk(2));
  (*store)->add_to_ledger("kept");
  const auto pending = (*store)->pending_bytes();

  const auto change = [&] {
    (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(3));
    (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(4));
    (*store)->write_chunk({id, coordinate({0, 0, 0})}, 1, some_chunk(5));
    (*store)->write_chunk({id, coordinate({1, 0, 0})}, 0, some_chunk(6));
    (*store)->append_labels(id, 0, labels{"qcd", "data"});
    (*store)->append_labels(id, 1, labels{"99"});
    (*store)->append_labels(id, 0, labels{"more"});
    (*store)->set_chunk_shape(fresh, growing_shape());
    (*store)->set_variance_known(id, false);
    (*store)->add_to_ledger("undone");
  };
  (*store)->mark();
  change();
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, 4));
  (*store)->revert();
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, 1));
  CHECK(holds(**store, id, coordinate({0, 0, 0}), 1, 2));
  CHECK(is_absent(**store, id, coordinate({1, 0, 0}), 0));
  CHECK((*store)->record(id).schema.axes[0].labels() == labels{"ttbar", "wjets"});
  CHECK((*store)->record(id).schema.axes[1].labels() == labels{"7", "-3", "11"});
  CHECK((*store)->record(id).schema.variance_known);
  CHECK((*store)->record(fresh).chunk_shape.empty());
  CHECK((*store)->ledger().entries() == ids{"kept"});
  CHECK((*store)->pending_bytes() == pending);

  (*store)->mark();
  change();
  (*store)->release();
  (*store)->commit();
  if (store->persistent()) store->reopen();
  const auto now = (*store)->find("h");
  CHECK(holds(**store, now, coordinate({0, 0, 0}), 0, 4));
  CHECK(holds(**store, now, coordinate({0, 0, 0}), 1, 5));
  CHECK(holds(**store, now, coordinate({1, 0, 0}), 0, 6));
  CHECK((*store)->record(now).schema.axes[0].labels() == labels{"ttbar", "wjets", "qcd", "data", "more"});
  CHECK_FALSE((*store)->record(now).schema.variance_known);
  CHECK((*store)->record((*store)->find("fresh")).chunk_shape == growing_shape());
  CHECK((*store)->ledger().has("undone"));
}

TEST_CASE("a mark on an unchanged store leaves it unchanged when reverted") {
  auto store = make_store(GENERATE(0, 1, 2));
  make_histogram(**store);
  (*store)->commit();
  (*store)->mark();
  (*store)->append_labels((*store)->find("h"), 0, labels{"x"});
  CHECK((*store)->has_changes());
  CHECK_THROWS_AS((*store)->mark(), std::logic_error);
  CHECK_THROWS_AS((*store)->commit(), std::logic_error);
  (*store)->revert();
  CHECK_FALSE((*store)->has_changes());
}

TEST_CASE("labels grow over commits, longer ones too, and no chunk moves") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  (*store)->write_chunk({id, coordinate({1, 1, 0})}, 0, some_chunk(1));
  (*store)->commit();
  labels expected{"ttbar", "wjets"};
  for (const auto& more :
       {labels{"a"}, labels{std::string(70, 'x'), ""}, labels{"ünïcödé", std::string(300, 'y')}, labels{"z"}}) {
    (*store)->append_labels((*store)->find("h"), 0, more);
    expected.insert(expected.end(), more.begin(), more.end());
    (*store)->commit();
    if (store->persistent()) store->reopen();
    const auto now = (*store)->find("h");
    CHECK((*store)->record(now).schema.axes[0].labels() == expected);
    CHECK((*store)->record(now).schema.axes[1].labels() == labels{"7", "-3", "11"});
    CHECK(holds(**store, now, coordinate({1, 1, 0}), 0, 1));
  }
  const auto now = (*store)->find("h");
  (*store)->write_chunk({now, coordinate({static_cast<std::uint32_t>(expected.size()) - 1, 0, 0})}, 1, some_chunk(9));
  (*store)->commit();
  CHECK(holds(**store, now, coordinate({static_cast<std::uint32_t>(expected.size()) - 1, 0, 0}), 1, 9));
}

TEST_CASE("labels are appended in time proportional to them") {
  auto store = make_store(GENERATE(0, 1));
  const auto id = make_histogram(**store);
  (*store)->commit();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100000; ++i) (*store)->append_labels(id, 0, labels{"label " + std::to_string(i)});
  CHECK(std::chrono::steady_clock::now() - begin <
        std::chrono::seconds{5});  // about 0.1 s; quadratic would take minutes
  (*store)->commit();
  if (store->persistent()) store->reopen();
  const auto& axis = (*store)->record((*store)->find("h")).schema.axes[0];
  REQUIRE(axis.size() == 100002);
  CHECK(axis.labels().back() == "label 99999");
}

TEST_CASE("chunks are replaced by smaller and larger ones") {
  auto store = make_store(GENERATE(0, 1, 2));
  const auto id = make_histogram(**store);
  for (unsigned seed = 0; seed < 20; ++seed) {
    for (std::uint32_t dataset = 0; dataset < 2; ++dataset)
      (*store)->write_chunk({id, coordinate({dataset, 0, 0})}, 0, some_chunk(seed * 2 + dataset));
    if (seed % 3 == 0) (*store)->commit();
    CHECK(holds(**store, id, coordinate({0, 0, 0}), 0, seed * 2));
    CHECK(holds(**store, id, coordinate({1, 0, 0}), 0, seed * 2 + 1));
  }
}

// HDF5 1.10.8 gave the filter mask from before the write to a reader in the same session, and kept it for good where
// the chunk had the same size.
TEST_CASE("a filter mask is read as written, right after the commit") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store);
  const store::chunk_key key{id, coordinate({0, 0, 0})};
  for (std::uint32_t mask : {1u, 0u, 3u, 1u}) {
    auto chunk = some_chunk(mask + 1);
    chunk.filter_mask = mask;
    (*store)->write_chunk(key, 0, chunk);
    (*store)->commit();
    const auto stored = (*store)->read_chunk(key, 0);
    REQUIRE(stored);
    CHECK(stored->filter_mask == mask);
    CHECK(stored->bytes == chunk.bytes);
  }
  store->reopen();
  const auto stored = (*store)->read_chunk({(*store)->find("h"), key.coordinate}, 0);
  REQUIRE(stored);
  CHECK(stored->filter_mask == 1u);
}

TEST_CASE("a histogram can be removed and made again under its name") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = make_histogram(**store, "group/h");
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->commit();
  (*store)->remove(id);
  const auto other = make_histogram(**store, "group/h", growing_record(storage::int_));
  (*store)->write_chunk({other, coordinate({1, 0, 0})}, 0, some_chunk(2));
  (*store)->commit();
  CHECK_THROWS_AS((*store)->record(id), key_error);
  if (store->persistent()) store->reopen();
  const auto now = (*store)->find("group/h");
  CHECK((*store)->record(now).schema.kind == storage::int_);
  CHECK(is_absent(**store, now, coordinate({0, 0, 0}), 0));
  CHECK(holds(**store, now, coordinate({1, 0, 0}), 0, 2));

  (*store)->remove(now);
  (*store)->commit();
  CHECK((*store)->histograms().empty());
  // The group that held it is no obstacle now.
  make_histogram(**store, "group");
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK((*store)->histograms() == labels{"group"});
}

TEST_CASE("a histogram that is created and removed before a commit leaves nothing") {
  auto store = make_store(GENERATE(0, 1, 2));
  const auto id = make_histogram(**store);
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->remove(id);
  (*store)->commit();
  CHECK((*store)->histograms().empty());
  if (store->persistent()) store->reopen();
  CHECK((*store)->histograms().empty());
}

TEST_CASE("names that no histogram can have are refused, and nothing is changed") {
  auto store = make_store(GENERATE(0, 1, 2));
  make_histogram(**store, "a/b");
  for (const auto* name : {"", "/", "/x", "x/", "x//y", ".", "x/..", "hugehist", "x/hugehist", "hugehist/x", "a/b", "a",
                           "a/b/c", "\xff", "\xed\xa0\x80"})
    CHECK_THROWS_AS((*store)->create(name, growing_record()), std::invalid_argument);
  CHECK_THROWS_AS((*store)->create(std::string{"x\0y", 3}, growing_record()), std::invalid_argument);
  CHECK((*store)->histograms() == labels{"a/b"});
  CHECK_NOTHROW((*store)->create("a/c", growing_record()));
  CHECK_NOTHROW((*store)->create("hugehists", growing_record()));
  CHECK_NOTHROW((*store)->create("ab", growing_record()));
  (*store)->commit();
}

TEST_CASE("records that cannot be kept are refused") {
  auto store = make_store(GENERATE(0, 1, 2));
  auto record = growing_record();
  record.schema.axes.clear();
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  record = growing_record();
  record.chunk_shape = {1, 2, 7};  // x has six bins and does not grow
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  record.chunk_shape = {1, 2};
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  record.chunk_shape = {1, 0, 6};
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  record.chunk_shape = {std::size_t{1} << 40, std::size_t{1} << 40, 6};
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  record = growing_record();
  record.schema.metadata["text"] = std::string{"\xc3"};
  CHECK_THROWS_AS((*store)->create("h", record), std::invalid_argument);
  CHECK((*store)->histograms().empty());
  CHECK_FALSE((*store)->has_changes());
}

TEST_CASE("labels that cannot be kept are refused, and those of fixed axes") {
  auto store = make_store(GENERATE(0, 1, 2));
  const auto id = make_histogram(**store);
  CHECK_THROWS_AS((*store)->append_labels(id, 0, labels{"fine", std::string{"a\0b", 3}}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->append_labels(id, 0, labels{"\xc0\x80"}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->append_labels(id, 0, labels{std::string(5000, 'x')}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->append_labels(id, 1, labels{"word"}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->append_labels(id, 2, labels{"x"}), std::invalid_argument);
  CHECK((*store)->record(id).schema.axes[0].labels() == labels{"ttbar", "wjets"});
}

TEST_CASE("attributes, counters and ledger are kept") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  store::file_record record;
  record.attributes = {
      {"flag", true},          {"off", false}, {"int", std::int64_t{-5}}, {"float", 2.5}, {"text", std::string{"häß"}},
      {"empty", std::string{}}};
  record.counters = {{{"sumw", "ttbar"}, 1.25}, {{"sumw"}, -3.0}, {{"", ""}, 0.5}, {{std::string(100, 'k')}, 1e300}};
  set_file(**store, record);
  const std::string binary{"\0\x1f\xff id", 6};
  for (const auto& id : {std::string{"first"}, binary, std::string(100000, 'i')}) (*store)->add_to_ledger(id);
  (*store)->add_to_ledger("first");
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK((*store)->file() == record);
  CHECK((*store)->ledger().entries() == ids{"first", binary, std::string(100000, 'i')});
  CHECK((*store)->ledger().has(binary));

  record.attributes.erase("int");
  record.attributes["flag"] = std::string{"now a text"};
  record.counters.erase({"sumw"});
  record.counters[{"new"}] = 7;
  set_file(**store, record);
  (*store)->add_to_ledger("fifth");
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK((*store)->file() == record);
  CHECK((*store)->ledger().entries().size() == 4);
  set_file(**store, {});
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK((*store)->file() == store::file_record{});
}

TEST_CASE("attributes and counters that cannot be kept are refused") {
  auto store = make_store(GENERATE(0, 1, 2));
  CHECK_THROWS_AS((*store)->set_attribute("uhi_schema", std::int64_t{1}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_attribute("", 1.0), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_attribute("a", std::string(100000, 'x')), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_counter({}, 1.0), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_counter({"a\x1f"}, 1.0), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_counter({"\xff"}, 1.0), std::invalid_argument);
  CHECK_FALSE((*store)->has_changes());
}

TEST_CASE("what is open for reading refuses every change") {
  auto store = make_store(GENERATE(1, 2));
  const auto id = make_histogram(**store);
  (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->commit();
  store->reopen(false);
  const auto now = (*store)->find("h");
  CHECK_FALSE((*store)->writable());
  CHECK(holds(**store, now, coordinate({0, 0, 0}), 0, 1));
  CHECK_THROWS_AS((*store)->create("x", growing_record()), std::invalid_argument);
  CHECK_THROWS_AS((*store)->remove(now), std::invalid_argument);
  CHECK_THROWS_AS((*store)->append_labels(now, 0, labels{"x"}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_chunk_shape(now, growing_shape()), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_variance_known(now, false), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_chunk({now, coordinate({0, 0, 0})}, 0, {}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_attribute("a", 1.0), std::invalid_argument);
  CHECK_THROWS_AS((*store)->set_counter({"a"}, {}), std::invalid_argument);
  CHECK_THROWS_AS((*store)->add_to_ledger("x"), std::invalid_argument);
  CHECK_NOTHROW((*store)->commit());
  CHECK_NOTHROW((*store)->rollback());
}

TEST_CASE("a chunk shape that is fixed after a commit makes the planes anew") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  const auto id = (*store)->create("h", growing_record());
  (*store)->commit();
  if (store->persistent()) store->reopen();
  auto now = (*store)->find("h");
  CHECK((*store)->record(now).chunk_shape.empty());
  CHECK(is_absent(**store, now, coordinate({0, 0, 0}), 0));
  (*store)->append_labels(now, 0, labels{"a"});
  (*store)->append_labels(now, 1, labels{"1"});
  (*store)->set_chunk_shape(now, growing_shape());
  (*store)->write_chunk({now, coordinate({0, 0, 0})}, 0, some_chunk(1));
  (*store)->commit();
  if (store->persistent()) store->reopen();
  now = (*store)->find("h");
  CHECK((*store)->record(now).chunk_shape == growing_shape());
  CHECK(holds(**store, now, coordinate({0, 0, 0}), 0, 1));
  static_cast<void>(id);
}

TEST_CASE("every kind of axis and every setting comes back as it was") {
  auto store = make_store(GENERATE(0, 1, 2));
  INFO(store->kind());
  using axis::any;
  using T = axis::transform;
  const std::vector<any> axes{
      any{axis::regular{5, -1.5, 2.25}, metadata_map{{"name", std::string{"r"}},
                                                     {"label", std::string{"p_T µ"}},
                                                     {"n", std::int64_t{3}},
                                                     {"f", 0.5},
                                                     {"b", true}}},
      any{axis::regular{3, 0, 1, false, false}},
      any{axis::regular{4, 0, 6.283185307179586, false, true, true}},
      any{axis::regular{3, 1, 100, true, true, false, T::log}},
      any{axis::regular{3, 1, 100, false, true, false, T::log}},
      any{axis::regular{3, 0, 9, true, true, false, T::sqrt}},
      any{axis::regular{3, 1, 9, true, true, false, T::pow, 1.5}},
      any{axis::variable{{0, 0.1, 1e9}}},
      any{axis::variable{{-1, 0, 1}, true, false}},
      any{axis::integer{-3, 5}},
      any{axis::integer{0, 2, false, false}},
      any{axis::boolean{}},
      any{axis::str_category{{"a", "", "long label with more than sixteen bytes"}}},
      any{axis::str_category{{"fixed"}, false, true}},
      any{axis::int_category{{5, -9223372036854775807, 9223372036854775807}, true, false}},
      any{axis::int_category{{1, 2}, false, false}},
  };
  const std::vector<codec::settings> codecs{
      {codec::method::zstd, -5}, {codec::method::gzip, 9}, {codec::method::none, 0}};
  std::vector<store::histogram_record> records;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    store::histogram_record record;
    record.schema.axes = {axes[i]};
    record.schema.kind = static_cast<storage>(i % 3);
    record.schema.variance_known = i % 2 == 0;
    record.codec = codecs[i % codecs.size()];
    if (i % 2 == 0) record.expected = {17};
    records.push_back(record);
    (*store)->create("h" + std::to_string(i), record);
  }
  (*store)->commit();
  if (store->persistent()) store->reopen();
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto& record = (*store)->record((*store)->find("h" + std::to_string(i)));
    INFO(axis::to_string(axes[i]));
    CHECK(record.schema == records[i].schema);
    CHECK(record.codec == records[i].codec);
    CHECK(record.expected == records[i].expected);
    CHECK(record.has_variations_axis == records[i].has_variations_axis);
  }
}

TEST_CASE("chunks of gzip and uncompressed histograms come back as they were") {
  auto store = make_store(GENERATE(0, 1, 2));
  for (const auto& how : {codec::settings{codec::method::gzip, 4}, codec::settings{codec::method::none, 0}}) {
    auto record = growing_record(storage::double_);
    record.codec = how;
    const auto id = make_histogram(**store, how.method == codec::method::gzip ? "g" : "n", record);
    (*store)->write_chunk({id, coordinate({1, 1, 0})}, 0, some_chunk(4, growing_cells, how));
    (*store)->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(5, growing_cells, how));
  }
  (*store)->commit();
  if (store->persistent()) store->reopen();
  CHECK(holds(**store, (*store)->find("g"), coordinate({1, 1, 0}), 0, 4));
  CHECK(holds(**store, (*store)->find("g"), coordinate({0, 0, 0}), 0, 5));
  CHECK(holds(**store, (*store)->find("n"), coordinate({1, 1, 0}), 0, 4));
  CHECK(holds(**store, (*store)->find("n"), coordinate({0, 0, 0}), 0, 5));
}
