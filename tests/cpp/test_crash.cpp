#include "catch.hpp"
#include "support_changes.hpp"
#include "support_io.hpp"
#include "support_settings.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>

using namespace hugehist;
using namespace store_support;

namespace {

io::contents files_in(const std::filesystem::path& directory) {
  io::contents result;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    std::ifstream in{entry.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    auto& content = result[entry.path().string()];
    content.resize(text.size());
    if (!text.empty()) std::memcpy(content.data(), text.data(), text.size());
  }
  return result;
}

/// Random changes with commits, roll-backs and re-openings, and what the file held after each commit; with readers that
/// come and go meanwhile, or alone.
class workload {
 public:
  explicit workload(unsigned seed) : random_{seed}, changes_{seed, seed % 4 < 2}, has_readers_{seed % 2 == 1} {
    open(store::access::create);
    changes_.make(*store_);
    commit();
    store_.reset();
    io::begin(directory_.path());
    begun_ = files_in(directory_.path());
    open(store::access::read_write);
    states_.assign(1, states_.back());
    returned_.assign(1, 0);
    for (int step = 0; step < 8; ++step) {
      changes_.make(*store_);
      if (random_() % 6 == 0) {
        store_->rollback();
        changes_.make(*store_);
      }
      started_.push_back(io::recorded());
      commit();
      if (random_() % 4 == 0) {
        store_.reset();
        open(store::access::read_write);
      }
      read();
    }
    store_.reset();
    for (const auto& [reader, seen] : readers_) CHECK(snapshot(*reader) == seen);
    readers_.clear();
    operations_ = io::end();
    started_.push_back(operations_.size() + 1);
  }

  const std::vector<io::operation>& operations() const { return operations_; }
  const io::contents& begun() const { return begun_; }
  std::filesystem::path path() const { return directory_ / "f.h5"; }

  /// What may be found when the program ends before operation i.
  std::set<std::string> allowed(std::size_t i) const {
    const auto commits = committed(i);
    std::set<std::string> result{states_[commits]};
    if (started_[commits] <= i && commits + 1 < states_.size()) result.insert(states_[commits + 1]);
    return result;
  }
  /// All commits until then.
  std::set<std::string> allowed_after_damage(std::size_t i) const {
    auto result = allowed(i);
    result.insert(states_.begin(), states_.begin() + static_cast<std::ptrdiff_t>(committed(i)));
    return result;
  }
  /// What programs may see that know of no journal: with readers, an older commit.
  std::set<std::string> allowed_plainly(std::size_t i) const {
    auto result = allowed(i);
    if (has_readers_) result.insert(states_.begin(), states_.begin() + static_cast<std::ptrdiff_t>(committed(i)));
    return result;
  }

 private:
  std::size_t committed(std::size_t i) const {
    std::size_t commits = 0;
    while (commits + 1 < returned_.size() && returned_[commits + 1] <= i) ++commits;
    return commits;
  }

  void open(store::access mode) { store_ = store::open_hdf5(path(), mode, hdf5_cache); }

  void commit() {
    store_->commit();
    returned_.push_back(io::recorded());
    states_.push_back(snapshot(*store_));
  }

  /// Readers see what they saw when they came.
  void read() {
    if (!has_readers_) return;
    if (random_() % 2 == 0)
      readers_.emplace_back(store::open_hdf5(path(), store::access::read, hdf5_cache), states_.back());
    for (const auto& [reader, seen] : readers_) CHECK(snapshot(*reader) == seen);
    if (!readers_.empty() && random_() % 2 == 0)
      readers_.erase(readers_.begin() + static_cast<std::ptrdiff_t>(random_() % readers_.size()));
  }

  std::mt19937_64 random_;
  random_changes changes_;
  temporary_directory directory_;
  std::unique_ptr<store::store> store_;
  const bool has_readers_;
  std::vector<std::pair<std::unique_ptr<store::store>, std::string>> readers_;  // and what they saw
  io::contents begun_;
  std::vector<io::operation> operations_;
  std::vector<std::string> states_;
  std::vector<std::size_t> started_, returned_;  // operations recorded when commits began and returned
};

/// Opens what a crash left, in a directory of its own.
class survivor {
 public:
  survivor(const io::contents& files, const std::filesystem::path& original) : path_{directory_ / "f.h5"} {
    for (const auto& [path, content] : files) {
      const auto suffix = path.substr(original.string().size());
      std::ofstream{path_.string() + suffix, std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                                                     static_cast<std::streamsize>(content.size()));
    }
  }

  std::string read(store::access mode) const { return snapshot(*store::open_hdf5(path_, mode, hdf5_cache)); }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  io::contents files() const { return files_in(directory_.path()); }
  bool has_journal() const { return std::filesystem::exists(path_.string() + ".journal"); }

  /// What a program reads that knows of no journal; nothing when HDF5 refuses the file.
  std::optional<std::string> read_plainly() const {
    const auto journal = path_.string() + ".journal", aside = path_.string() + ".aside";
    std::error_code absent;
    std::filesystem::rename(journal, aside, absent);
    std::optional<std::string> result;
    try {
      result = read(store::access::read);
    } catch (const locked_error&) {  // marked
    } catch (const format_error&) {  // the mark is written in part
    }
    std::filesystem::rename(aside, journal, absent);
    return result;
  }

 private:
  temporary_directory directory_;
  std::filesystem::path path_;
};

/// The recovery is killed at each of its own operations, and the next one ends it.
std::size_t check_recovery(const survivor& left, const std::string& expected,
                           const std::set<std::string>& allowed_plainly) {
  io::disk disk{left.files()};
  io::begin(left.directory());
  CHECK(left.read(store::access::read_write) == expected);
  const auto operations = io::end();
  for (const auto& next : operations) {
    const bool is_write = next.what == io::operation::kind::write;
    const survivor again{disk.after_kill(is_write ? &next : nullptr, next.bytes.size() / 2), left.path()};
    if (const auto plain = again.read_plainly()) CHECK(allowed_plainly.contains(*plain));
    CHECK(again.read(store::access::read) == expected);
    CHECK(again.read(store::access::read_write) == expected);
    disk.apply(next);
  }
  return operations.size();
}

/// States of the file after a crash, each checked once.
class crash_states {
 public:
  /// Of each so many states all is checked, of the others what a reader gets.
  explicit crash_states(unsigned thorough) : thorough_{thorough} {}

  void check(const workload& made, const io::contents& files, std::size_t i) {
    if (++count_ % checked_every() != 0) return;
    INFO("before operation " << i << " of " << made.operations().size());
    const auto allowed = made.allowed(i);
    const survivor left{files, made.path()};
    const auto overlaid = left.read(store::access::read);
    CHECK(allowed.contains(overlaid));
    if (++checked_ % thorough_ != 0) return;

    const auto allowed_plainly = made.allowed_plainly(i);
    if (const auto plain = left.read_plainly()) CHECK(allowed_plainly.contains(*plain));
    constexpr std::size_t each = 20;
    if (checked_ / thorough_ % each == 0)
      recoveries_ += check_recovery(left, overlaid, allowed_plainly);
    else
      CHECK(left.read(store::access::read_write) == overlaid);
    CHECK_FALSE(left.has_journal());
    CHECK(left.read_plainly() == overlaid);
  }
  /// Those that were asked for, and those that were looked at.
  std::size_t count() const { return count_ + recoveries_; }
  std::size_t checked() const { return checked_ + recoveries_; }

 private:
  const unsigned thorough_;
  std::size_t count_ = 0, checked_ = 0, recoveries_ = 0;
};

/// How many states to look at: more where the environment asks for it.
std::size_t wanted_states(std::size_t usual) { return std::max(usual, setting("HUGEHIST_CRASH_STATES", usual)); }
unsigned first_seed() { return static_cast<unsigned>(setting("HUGEHIST_CRASH_SEED", 0)); }

/// One bit of the group with the highest number is flipped. False where there is no group.
bool damage_last_group(std::vector<std::byte>& journal) {
  constexpr std::size_t alignment = 4096, header = 40, number_at = 24;
  std::uint64_t last = 0;
  std::size_t where = 0;
  for (std::size_t at = 0; at + header <= journal.size(); at += alignment) {
    if (std::memcmp(journal.data() + at, "HHJRNL03", 8) != 0) continue;
    std::uint64_t number = 0;
    std::memcpy(&number, journal.data() + at + number_at, sizeof number);
    if (number > last) last = number, where = at;
  }
  if (last > 0) journal[where + header] ^= std::byte{1};
  return last > 0;
}

}  // namespace

TEST_CASE("A kill at any operation leaves the last commit, or the one that was going on") {
  constexpr std::size_t usual = 1200;
  const auto wanted = wanted_states(usual);
  crash_states states{wanted > usual ? 4U : 1U};
  for (auto seed = first_seed(); states.count() < wanted; ++seed) {
    const workload made{seed};
    io::disk disk{made.begun()};
    REQUIRE(made.operations().size() > 80);
    for (std::size_t i = 0; i < made.operations().size(); ++i) {
      const auto& next = made.operations()[i];
      states.check(made, disk.after_kill(nullptr, 0), i);
      if (next.what == io::operation::kind::write) states.check(made, disk.after_kill(&next, next.bytes.size() / 2), i);
      disk.apply(next);
    }
  }
  WARN(states.checked() << " states after kills");
}

TEST_CASE("A power cut at any operation leaves the last commit, or the one that was going on") {
  constexpr std::size_t usual = 2000;
  const auto wanted = wanted_states(usual);
  crash_states states{wanted > usual ? 10U : 1U};
  std::mt19937_64 random{first_seed()};
  for (auto seed = first_seed(); states.count() < wanted; ++seed) {
    const workload made{seed};
    io::disk disk{made.begun()};
    for (std::size_t i = 0; i < made.operations().size(); ++i) {
      disk.apply(made.operations()[i]);  // it may be there, in part or not at all
      const int tries = wanted > usual ? 10 : 3;
      for (int k = 0; k < tries; ++k) states.check(made, disk.after_power_loss(random), i + 1);
    }
  }
  WARN(states.checked() << " states after power cuts");
}

TEST_CASE("When the last commit in a journal is damaged, what is read is a commit, or an error") {
  std::size_t refused = 0, read = 0;
  std::mt19937_64 random{7};
  for (unsigned seed = 1; seed < 16; seed += 2) {  // with readers: a journal of many commits
    const workload made{seed};
    io::disk disk{made.begun()};
    for (std::size_t i = 0; i < made.operations().size(); ++i) {
      disk.apply(made.operations()[i]);
      for (const bool has_power : {true, false, false}) {
        auto files = has_power ? disk.after_kill(nullptr, 0) : disk.after_power_loss(random);
        const auto journal = files.find(made.path().string() + ".journal");
        if (journal == files.end() || !damage_last_group(journal->second)) continue;
        INFO("seed " << seed << ", before operation " << i + 1 << " of " << made.operations().size());
        const survivor left{files, made.path()};
        std::string found;
        try {
          found = left.read(store::access::read);
        } catch (const error&) {
          ++refused;
          continue;
        }
        ++read;
        CHECK(made.allowed_after_damage(i + 1).contains(found));
      }
    }
  }
  CHECK(read > 100);
  CHECK(refused > 100);
  WARN(read << " read, " << refused << " refused");
}

TEST_CASE("A journal is not applied to another file, nor to what is no HDF5 file") {
  const workload made{300};
  io::disk disk{made.begun()};
  std::size_t tried = 0;
  for (const auto& next : made.operations()) {
    const survivor left{disk.after_kill(nullptr, 0), made.path()};
    disk.apply(next);
    if (next.what != io::operation::kind::sync || !left.has_journal()) continue;
    const auto journal = left.path().string() + ".journal";
    const auto size = std::filesystem::file_size(journal);
    if (size == 0) continue;
    std::ofstream{left.path()} << "notes\n" << std::string(5000, 'x');
    const auto before = files_in(left.directory());
    for (const auto mode : {store::access::read, store::access::read_write}) {
      CHECK_THROWS_AS(left.read(mode), error);
      const auto after = files_in(left.directory());
      CHECK(after.at(left.path().string()) == before.at(left.path().string()));
    }
    if (++tried == 5) break;
  }
  CHECK(tried == 5);
}
