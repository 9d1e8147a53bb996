#include "catch.hpp"
#include "support_io.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

using namespace hugehist;
using namespace store_support;

namespace {

/// All that a store holds, as text.
std::string snapshot(store::store& store) {
  std::ostringstream out;
  codec::coder coder;
  for (const auto& name : store.histograms()) {
    const auto id = store.find(name);
    const auto& record = store.record(id);
    out << name << '\n';
    for (const auto& axis : record.schema.axes)
      if (axis.is_category())
        for (const auto& label : axis.labels()) out << label << ',';
    out << '\n';
    if (record.chunk_shape.empty()) continue;
    std::size_t cells = 1;
    for (const auto length : record.chunk_shape) cells *= length;
    std::vector<std::byte> decoded(cells * 8);
    const auto count = [&](std::size_t axis) {
      return (record.schema.axes[axis].extent() + record.chunk_shape[axis] - 1) / record.chunk_shape[axis];
    };
    for (std::uint32_t i = 0; i < count(0); ++i)
      for (std::uint32_t j = 0; j < count(1); ++j)
        for (std::size_t plane = 0; plane < planes(record.schema.kind).size(); ++plane) {
          const auto chunk = store.read_chunk({id, coordinate({i, j, 0})}, plane);
          if (!chunk) continue;
          coder.decode(chunk->bytes, chunk->filter_mask, record.codec, decoded);
          out << i << ',' << j << ',' << plane << ':';
          for (const auto byte : decoded) out << static_cast<char>(byte);
        }
  }
  for (const auto& [key, value] : store.file().counters) out << key.front() << '=' << value << '\n';
  for (const auto& id : store.ledger().entries()) {
    if (const auto* text = id.text()) out << *text << '\n';
    if (const auto* part = id.interval()) out << part->source << ' ' << part->start << ' ' << part->stop << '\n';
  }
  return out.str();
}

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
  explicit workload(unsigned seed) : random_{seed}, has_readers_{seed % 2 == 1} {
    open(store::access::create);
    change();
    commit();
    store_.reset();
    io::begin(directory_.path());
    begun_ = files_in(directory_.path());
    open(store::access::read_write);
    states_.assign(1, states_.back());
    returned_.assign(1, 0);
    for (int step = 0; step < 8; ++step) {
      change();
      if (random_() % 6 == 0) {
        store_->rollback();
        change();
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

  void change() {
    for (int i = 0, n = 1 + static_cast<int>(random_() % 6); i < n; ++i) {
      const auto names = store_->histograms();
      if (names.empty() || (names.size() < 4 && random_() % 5 == 0)) {
        create("h" + std::to_string(next_++));
        continue;
      }
      const auto id = store_->find(names[random_() % names.size()]);
      switch (random_() % 9) {
        case 0:
          if (names.size() > 1) store_->remove(id);
          break;
        case 1:
          store_->append_labels(id, random_() % 2, labels{std::to_string(next_++)});
          break;
        case 2:
          store_->set_counter({"events"}, static_cast<double>(next_++));
          break;
        case 3:
          store_->add_to_ledger("job " + std::to_string(next_));
          store_->add_to_ledger(interval{"file", next_, next_ + 1});
          ++next_;
          break;
        default:
          write(id);
      }
    }
  }

  void create(const std::string& name) {
    auto record = growing_record();
    if (random_() % 4 == 0) record.codec = {codec::method::none, 0};
    const auto id = store_->create(name, record);
    store_->append_labels(id, 0, labels{"1", "2"});
    store_->append_labels(id, 1, labels{"3", "4", "5"});
    store_->set_chunk_shape(id, growing_shape());
  }

  void write(store::histogram_id id) {
    const auto& record = store_->record(id);
    const auto i = static_cast<std::uint32_t>(random_() % record.schema.axes[0].extent());
    const auto j = static_cast<std::uint32_t>(random_() % ((record.schema.axes[1].extent() + 1) / 2));
    store_->write_chunk({id, coordinate({i, j, 0})}, random_() % 2,
                        some_chunk(static_cast<unsigned>(random_() % 1000), growing_cells, record.codec));
  }

  std::mt19937_64 random_;
  temporary_directory directory_;
  std::unique_ptr<store::store> store_;
  const bool has_readers_;
  std::vector<std::pair<std::unique_ptr<store::store>, std::string>> readers_;  // and what they saw
  unsigned next_ = 10;
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

std::size_t check(const workload& made, const io::contents& files, std::size_t i) {
  const auto allowed = made.allowed(i);
  const survivor left{files, made.path()};
  INFO("before operation " << i << " of " << made.operations().size());
  const auto allowed_plainly = made.allowed_plainly(i);
  if (const auto plain = left.read_plainly()) CHECK(allowed_plainly.contains(*plain));
  const auto overlaid = left.read(store::access::read);
  CHECK(allowed.contains(overlaid));
  std::size_t states = 1;
  static unsigned checked = 0;
  if (checked++ % 20 == 0)
    states += check_recovery(left, overlaid, allowed_plainly);
  else
    CHECK(left.read(store::access::read_write) == overlaid);
  CHECK_FALSE(left.has_journal());
  CHECK(left.read_plainly() == overlaid);
  return states;
}

}  // namespace

TEST_CASE("A kill at any operation leaves the last commit, or the one that was going on") {
  std::size_t states = 0;
  for (unsigned seed = 0; seed < 2; ++seed) {
    const workload made{seed};
    io::disk disk{made.begun()};
    REQUIRE(made.operations().size() > 100);
    for (std::size_t i = 0; i < made.operations().size(); ++i) {
      const auto& next = made.operations()[i];
      states += check(made, disk.after_kill(nullptr, 0), i);
      if (next.what == io::operation::kind::write)
        states += check(made, disk.after_kill(&next, next.bytes.size() / 2), i);
      disk.apply(next);
    }
  }
  WARN(states << " states after kills");
}

TEST_CASE("A power cut at any operation leaves the last commit, or the one that was going on") {
  std::size_t states = 0;
  std::mt19937_64 random{5};
  for (unsigned seed = 100; seed < 102; ++seed) {
    const workload made{seed};
    io::disk disk{made.begun()};
    for (std::size_t i = 0; i < made.operations().size(); ++i) {
      disk.apply(made.operations()[i]);  // it may be there, in part or not at all
      for (int k = 0; k < 3; ++k) states += check(made, disk.after_power_loss(random), i + 1);
    }
  }
  WARN(states << " states after power cuts");
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
