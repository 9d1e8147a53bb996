// Each operation on the file fails once, or from there on; in full, or after half of a write.
#include "catch.hpp"
#include "support_changes.hpp"
#include "support_io.hpp"
#include "support_settings.hpp"

#include <hugehist/error.hpp>

#include <array>
#include <cerrno>
#include <system_error>

using namespace hugehist;
using namespace store_support;

namespace {

/// Commits until something fails, and what the file may hold then.
class failing_run {
 public:
  explicit failing_run(unsigned seed) : changes_{seed, seed % 2 == 0} {
    store_ = store::open_hdf5(path(), store::access::create, hdf5_cache);
    changes_.make(*store_);
    store_->commit();
    last_ = next_ = snapshot(*store_);
    io::begin(directory_.path());
  }
  ~failing_run() {
    io::heal();
    store_.reset();
    io::end();
  }
  failing_run(const failing_run&) = delete;
  failing_run& operator=(const failing_run&) = delete;

  /// Opens, commits and closes. Counts the operations where nothing fails.
  void run() {
    constexpr int commits = 4;
    for (int i = 0; i < commits; ++i) {
      if (!store_) store_ = store::open_hdf5(path(), store::access::read_write, hdf5_cache);
      changes_.make(*store_);
      next_ = snapshot(*store_);
      store_->commit();
      last_ = next_;
      if (i % 2 == 1) store_.reset();
    }
  }

  /// After a failure: what there is by then is committed, where the file is open. True when it is in.
  bool commit_again() {
    if (!store_) return false;
    try {
      next_ = snapshot(*store_);
      store_->commit();
    } catch (const std::exception&) {
      return false;
    }
    last_ = next_;
    return true;
  }

  void check_file() {
    store_.reset();
    io::heal();
    for (const auto mode : {store::access::read, store::access::read_write, store::access::read}) {
      const auto found = snapshot(*store::open_hdf5(path(), mode, hdf5_cache));
      CHECK((found == last_ || found == next_));
    }
    // It goes on from there.
    store_ = store::open_hdf5(path(), store::access::read_write, hdf5_cache);
    changes_.make(*store_);
    const auto expected = snapshot(*store_);
    store_->commit();
    store_.reset();
    CHECK(snapshot(*store::open_hdf5(path(), store::access::read, hdf5_cache)) == expected);
    CHECK_FALSE(std::filesystem::exists(path().string() + ".journal"));
  }

 private:
  std::filesystem::path path() const { return directory_ / "f.h5"; }

  random_changes changes_;
  temporary_directory directory_;
  std::unique_ptr<store::store> store_;
  std::string last_, next_;  // what the last commit made, and what the one would make that goes on
};

std::size_t count_operations(unsigned seed) {
  failing_run whole{seed};
  io::fail({SIZE_MAX, 0, false, false});
  whole.run();
  return io::recorded();
}

unsigned wanted_workloads() { return static_cast<unsigned>(setting("HUGEHIST_FAILING_WORKLOADS", 1)); }

}  // namespace

TEST_CASE("An operation that fails leaves the last commit or the next, and a program that goes on") {
  constexpr std::array<io::failure, 5> kinds{{{0, EIO, false, false},
                                              {0, EIO, true, false},
                                              {0, ENOSPC, false, false},
                                              {0, ENOSPC, true, true},
                                              {0, ENOSPC, false, true}}};
  std::size_t cases = 0, runs = 0, failed = 0, mended = 0;
  for (unsigned seed = 0; seed < wanted_workloads(); ++seed) {
    const auto operations = count_operations(seed);
    REQUIRE(operations > 40);
    for (std::size_t i = 0; i < operations; ++i)
      for (auto kind : kinds) {
        if (++cases % checked_every() != 0) continue;
        kind.operation = i;
        INFO("workload " << seed << ", operation " << i << " of " << operations << ", code " << kind.code
                         << (kind.lasts ? ", lasting" : "") << (kind.is_short ? ", short" : ""));
        failing_run one{seed};
        io::fail(kind);
        ++runs;
        try {
          one.run();
        } catch (const std::system_error& problem) {
          CHECK(problem.code().value() == kind.code);
          ++failed;
          if (!kind.lasts) mended += one.commit_again() ? 1 : 0;
        }
        one.check_file();
      }
  }
  CHECK(failed > runs / 4);
  CHECK(mended > 0);
  WARN(runs << " runs, " << failed << " with an error, after " << mended << " of them the same commit succeeded");
}

TEST_CASE("after a commit that failed midway there is no way back, and the same commit can be made again") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  const auto store = store::open_hdf5(path, store::access::create, hdf5_cache);
  random_changes changes{3, true};
  changes.make(*store);
  store->commit();
  changes.make(*store);
  store->set_counter({"n"}, 1);
  store->add_to_ledger("of the commit that fails");
  const auto wanted = snapshot(*store);
  io::begin(directory.path());
  io::fail({1, ENOSPC, false, false});  // the journal's write
  CHECK_THROWS_AS(store->commit(), std::system_error);
  io::heal();
  io::end();
  CHECK_THROWS_AS(store->rollback(), error);
  CHECK(snapshot(*store) == wanted);
  store->commit();
  CHECK(snapshot(*store::open_hdf5(path, store::access::read, hdf5_cache)) == wanted);
  // The ids went to HDF5 twice, and are in the ledger once; those of the next commit come after them.
  store->add_to_ledger("of the next commit");
  const auto next = snapshot(*store);
  store->commit();
  CHECK(snapshot(*store::open_hdf5(path, store::access::read, hdf5_cache)) == next);
}
