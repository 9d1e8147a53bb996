// Memory runs out at each allocation of ours, in turn: nothing is lost or counted twice, no block is leaked.
//
// What HDF5 allocates does not come from operator new, and is not among them.

#include "catch.hpp"
#include "support_memory.hpp"

#include <hugehist/hugehist.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace hugehist;

namespace {

struct temporary_directory {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("hugehist-memory-" + std::to_string(::getpid()));
  temporary_directory() { std::filesystem::create_directories(path); }
  ~temporary_directory() { std::filesystem::remove_all(path); }
};

struct shape {
  std::size_t labels, bins;
};

std::vector<axis::any> axes(const shape& of) {
  return {{axis::str_category{}, "c"},
          {axis::str_category{}, "s"},
          {axis::regular{static_cast<std::int64_t>(of.bins), 0, 1}, "x"}};
}

void fill(auto& target, const std::string& label, std::size_t bins) {
  std::vector<double> x(bins), weights(2 * bins);
  for (std::size_t i = 0; i < bins; ++i) x[i] = (static_cast<double>(i) + 0.5) / static_cast<double>(bins);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<double>(i % 7 + 1);
  fill_arguments arguments;
  arguments.columns = {label, variations{{"nominal", "up"}}, numbers{array_view<double>{x}}};
  arguments.weight = array_view<double>{weights.data(), bins, 2};
  target.fill(arguments);
}

delta part(const shape& of, std::size_t first) {
  fill_buffer buffer{axes(of), storage::weighted};
  for (std::size_t i = first; i < first + of.labels; ++i) fill(buffer, "label " + std::to_string(i), of.bins);
  return buffer.take();
}

/// All that the file holds.
struct content {
  std::vector<std::vector<std::string>> labels;
  std::vector<dense_planes::plane> planes, rolled;
  std::map<file::counter_key, double> counters;
  std::vector<merge_id> ledger;
  bool operator==(const content&) const = default;
};

content content_of(const file& file) {
  const auto h = file.at("h");
  return {{h.axes()[0].labels(), h.axes()[1].labels()},
          h.select({}).read().planes,
          h.project({"x"}).read().planes,
          file.counters(),
          file.merge_ids()};
}

using action = std::function<void(file&)>;

struct scenario {
  const char* name;
  shape of;
  action act;
  std::size_t stride;  // of the allocations that fail
};

file_options options(unsigned threads) {
  return {.memory = std::size_t{8} << 20, .threads = threads, .commit_bytes = 0, .commit_seconds = 0};
}

void make(const std::filesystem::path& path, const shape& of) {
  file file{path, open_mode::write, options(1)};
  auto h = file.create("h", axes(of), storage::weighted, {.chunks = {1, 2, of.bins + 2}, .rollups = {{"x"}}});
  h.merge(part(of, 0), "before");
  file.set_counter({"n"}, 1);
  file.close();
}

/// The action with an allocation that fails. Whether one did.
bool try_with(std::size_t allocations, file& file, const action& act) {
  memory::fail_after(allocations);
  try {
    act(file);
  } catch (const std::exception&) {
  }
  return memory::stop_failing();
}

/// One failure: the state is that before or after, now and when the file is opened again; and the action can be
/// repeated.
bool check(std::size_t allocations, const scenario& what, const std::filesystem::path& made, const content& before,
           const content& after, unsigned threads) {
  const auto path = made.string() + ".copy";
  std::filesystem::copy_file(made, path, std::filesystem::copy_options::overwrite_existing);
  std::optional<file> open{std::in_place, path, open_mode::read_write, options(threads)};
  const bool failed = try_with(allocations, *open, what.act);
  if (open->is_open()) {
    INFO("the same file");
    const auto now = content_of(*open);
    CHECK((now == before || now == after));
    open->abandon();  // as a kill would leave it
  }
  open.emplace(path, open_mode::read_write, options(threads));
  INFO("opened again");
  const auto left = content_of(*open);
  CHECK((left == before || left == after));
  what.act(*open);
  CHECK(content_of(*open) == after);
  open->close();
  CHECK(content_of(file{path}) == after);
  return failed;
}

/// The same, going on with the file that is open: what failed can be tried again.
void check_going_on(std::size_t allocations, const scenario& what, const std::filesystem::path& made,
                    const content& after, unsigned threads) {
  const auto path = made.string() + ".copy";
  std::filesystem::copy_file(made, path, std::filesystem::copy_options::overwrite_existing);
  file open{path, open_mode::read_write, options(threads)};
  INFO("going on");
  try_with(allocations, open, what.act);
  if (!open.is_open()) open = file{path, open_mode::read_write, options(threads)};
  what.act(open);
  CHECK(content_of(open) == after);
  open.close();
  CHECK(content_of(file{path}) == after);
}

void run(const scenario& what, unsigned threads) {
  INFO(what.name << ", " << threads << " threads");
  const temporary_directory directory;
  const auto path = directory.path / "f.h5";
  make(path, what.of);
  const auto before = content_of(file{path});
  content after;
  {
    std::filesystem::copy_file(path, directory.path / "after.h5");
    file file{directory.path / "after.h5", open_mode::read_write, options(threads)};
    what.act(file);
    after = content_of(file);
  }
  CHECK_FALSE(before == after);
  std::size_t tried = 0;
  std::optional<std::size_t> blocks;
  for (std::size_t n = 0;; n += what.stride) {
    INFO("allocation " << n);
    const bool failed = check(n, what, path, before, after, threads);
    if (n % 3 == 0) check_going_on(n, what, path, after, threads);
    // The first of all make what stays: coders of threads, tables of the library. HDF5 keeps what it could not close.
    if (n == 5 * what.stride) blocks = memory::blocks();
    if (blocks && n % 3 != 0) CHECK(memory::blocks() <= *blocks + 256);
    if (!failed) break;
    ++tried;
  }
  CHECK(tried > 20);
  WARN(what.name << ", " << threads << " threads: " << tried << " allocations failed");
}

}  // namespace

TEST_CASE("memory runs out in a merge, a fill, a transaction and their commits") {
  if (!memory::is_counted) return;
  const shape small{3, 4}, large{60, 4000};  // the chunks of the second do not fit in the cache
  const auto merge = [](const shape& of) {
    return [addend = part(of, of.labels / 2)](file& file) {
      auto h = file.at("h");
      h.merge(addend, interval{"source", 0, 10});
      file.commit();
    };
  };
  const auto transact = [addend = part(small, 1)](file& file) {
    transaction all{file, interval{"source", 0, 10}};
    if (all.already()) return;
    auto h = file.at("h");
    h.merge(addend);
    fill(h, "filled", 4);
    file.add_to_counter({"n"}, 1);
    all.commit();
  };
  run({"merge", small, merge(small), 1}, 1);
  run({"merge, two threads", small, merge(small), 7}, 2);
  run({"merge of more than the cache holds", large, merge(large), 37}, 1);
  run({"transaction", small, transact, 1}, 1);
}
