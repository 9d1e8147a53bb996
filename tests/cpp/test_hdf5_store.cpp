// What only the HDF5 store promises: locks, refusals of strange files, damage, full disks.
#include "catch.hpp"
#include "store/hdf5/attributes.hpp"
#include "store/hdf5/groups.hpp"
#include "support_store.hpp"

#include <hugehist/error.hpp>

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <random>
#include <system_error>

using namespace store_support;
namespace h5 = hugehist::store::hdf5;

namespace {

std::unique_ptr<store::store> open(const std::filesystem::path& path, store::access mode) {
  return store::open_hdf5(path, mode, hdf5_cache);
}

store::histogram_id make_histogram(store::store& store, const std::string& name = "h") {
  const auto id = store.create(name, growing_record());
  store.append_labels(id, 0, labels{"ttbar", "wjets"});
  store.append_labels(id, 1, labels{"7", "-3", "11"});
  store.set_chunk_shape(id, growing_shape());
  for (std::uint32_t i = 0; i < 2; ++i)
    for (std::uint32_t j = 0; j < 2; ++j)
      for (unsigned plane = 0; plane < 2; ++plane)
        store.write_chunk({id, coordinate({i, j, 0})}, plane, some_chunk(i * 4 + j * 2 + plane));
  return id;
}

bool is_whole(store::store& store, const std::string& name = "h") {
  const auto id = store.find(name);
  bool whole = store.record(id).schema.axes[0].labels() == labels{"ttbar", "wjets"};
  for (std::uint32_t i = 0; i < 2; ++i)
    for (std::uint32_t j = 0; j < 2; ++j)
      for (unsigned plane = 0; plane < 2; ++plane)
        whole = whole && holds(store, id, coordinate({i, j, 0}), plane, i * 4 + j * 2 + plane);
  return whole;
}

void make_file(const std::filesystem::path& path) {
  const auto store = open(path, store::access::create);
  make_histogram(*store);
  set_file(*store, {{{"title", std::string{"t"}}}, {{{"sumw", "a"}, 2.5}}});
  store->add_to_ledger("merge 1");
  store->commit();
}

std::vector<char> content(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_content(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream{path, std::ios::binary}.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Runs `work` in a child process; its return value, or -1 where a signal ended it.
int in_child(const std::function<int()>& work) {
  const auto child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = work();
    } catch (const std::exception& problem) {
      std::fprintf(stderr, "in a child process: %s\n", problem.what());
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum outcome { opened = 0, was_locked = 1, no_format = 2, system_refused = 3, corrupt = 4, other = 5 };

int try_open(const std::filesystem::path& path, store::access mode) {
  try {
    open(path, mode);
    return opened;
  } catch (const locked_error&) {
    return was_locked;
  } catch (const corruption_error&) {
    return corrupt;
  } catch (const format_error&) {
    return no_format;
  } catch (const std::system_error&) {
    return system_refused;
  } catch (...) {
    return other;
  }
}

int code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::system_error& problem) {
    return problem.code().value();
  }
  return 0;
}

/// Changes the file through plain HDF5.
void tamper(const std::filesystem::path& path, const std::function<void(hid_t)>& change) {
  const h5::session in_session;
  const h5::handle file{H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "opening"};
  change(file);
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& problem) {
    return problem.what();
  }
  return "";
}

}  // namespace

// HDF5 loses memory of its own when it meets damaged metadata, which the tests below show it a lot of.
extern "C" const char* __lsan_default_suppressions();                            // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }  // NOLINT(bugprone-reserved-identifier)

TEST_CASE("one writer at a time, in this process and in others") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  {
    const auto writer = open(path, store::access::read_write);
    for (auto mode : {store::access::read_write, store::access::replace}) {
      CHECK(try_open(path, mode) == was_locked);
      CHECK(in_child([&] { return try_open(path, mode); }) == was_locked);
    }
    CHECK(message_of([&] { open(path, store::access::read_write); }).find(path.string()) != std::string::npos);
    CHECK(is_whole(*writer));
  }
  CHECK(try_open(path, store::access::read_write) == opened);
  CHECK(is_whole(*open(path, store::access::read)));
}

TEST_CASE("readers share the file, with each other and with a writer, and keep it from being replaced") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto one = open(path, store::access::read), two = open(path, store::access::read);
  CHECK(is_whole(*one));
  CHECK(is_whole(*two));
  CHECK(in_child([&] { return try_open(path, store::access::read); }) == opened);
  CHECK(try_open(path, store::access::read_write) == opened);
  CHECK(in_child([&] { return try_open(path, store::access::replace); }) == was_locked);
  CHECK(is_whole(*one));
}

TEST_CASE("locks of plain HDF5 programs are respected") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto before = content(path);
  // What HDF5 1.10 and later do when they open a file: flock on it.
  const int other_program = ::open(path.c_str(), O_RDWR);
  REQUIRE(other_program >= 0);
  REQUIRE(::flock(other_program, LOCK_EX) == 0);
  for (auto mode : {store::access::read, store::access::read_write, store::access::replace})
    CHECK(try_open(path, mode) == was_locked);
  CHECK(content(path) == before);
  REQUIRE(::flock(other_program, LOCK_SH) == 0);
  CHECK(try_open(path, store::access::read) == opened);
  CHECK(try_open(path, store::access::read_write) == opened);
  CHECK(try_open(path, store::access::replace) == was_locked);
  CHECK(content(path) == before);
  ::close(other_program);
}

TEST_CASE("a writer that is killed between commits leaves the last commit, and no lock") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto child = ::fork();
  if (child == 0) {
    const auto store = open(path, store::access::read_write);
    const auto id = store->find("h");
    store->append_labels(id, 0, labels{"uncommitted"});
    store->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(77));
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(is_whole(*open(path, store::access::read_write)));
  // Scratch files were unlinked from the beginning.
  CHECK(std::distance(std::filesystem::directory_iterator{directory.path()}, {}) == 1);
}

TEST_CASE("what the system refuses is a system_error with the path in it") {
  const temporary_directory directory;
  const auto missing = directory / "missing.h5";
  CHECK(code_of([&] { open(missing, store::access::read); }) == ENOENT);
  CHECK(code_of([&] { open(missing, store::access::read_write); }) == ENOENT);
  CHECK(message_of([&] { open(missing, store::access::read); }).find(missing.string()) != std::string::npos);
  CHECK(code_of([&] { open(directory / "no/f.h5", store::access::create); }) == ENOENT);
  for (auto mode : {store::access::read, store::access::read_write, store::access::replace})
    CHECK(code_of([&] { open(directory.path(), mode); }) == EISDIR);
  make_file(directory / "f.h5");
  CHECK(code_of([&] { open(directory / "f.h5", store::access::create); }) == EEXIST);
  CHECK(is_whole(*open(directory / "f.h5", store::access::read)));
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  CHECK(try_open(directory / "fifo", store::access::read) == no_format);
}

TEST_CASE("without permission nothing is opened") {
  if (::geteuid() == 0) {
    // root may do everything: ask as nobody
    const temporary_directory directory;
    const auto path = directory / "f.h5";
    make_file(path);
    std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::group_read |
                                           std::filesystem::perms::others_read);
    CHECK(in_child([&] {
            if (::setuid(65534) != 0) return 50;
            if (code_of([&] { open(path, store::access::read_write); }) != EACCES) return 51;
            return is_whole(*open(path, store::access::read)) ? 0 : 52;
          }) == 0);
    std::filesystem::permissions(path, std::filesystem::perms::none);
    CHECK(in_child([&] {
            if (::setuid(65534) != 0) return 50;
            return code_of([&] { open(path, store::access::read); }) == EACCES ? 0 : 51;
          }) == 0);
  } else {
    const temporary_directory directory;
    const auto path = directory / "f.h5";
    make_file(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    CHECK(code_of([&] { open(path, store::access::read_write); }) == EACCES);
    CHECK(is_whole(*open(path, store::access::read)));
  }
}

TEST_CASE("what is no HDF5 file is refused, and can be replaced") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  for (const auto* bytes :
       {"", "text", "\x89HDF\r\n\x1a\n", "a longer text that is no HDF5 file at all, whatever its name says"}) {
    write_content(path, bytes);
    CHECK(try_open(path, store::access::read) == no_format);
    CHECK(try_open(path, store::access::read_write) == no_format);
    CHECK(content(path) == std::vector<char>(bytes, bytes + std::strlen(bytes)));
    {
      const auto store = open(path, store::access::replace);
      CHECK(store->histograms().empty());
      make_histogram(*store);
      store->commit();
    }
    CHECK(is_whole(*open(path, store::access::read)));
  }
}

TEST_CASE("replace empties a file, and a new file is valid before the first commit") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  { const auto store = open(path, store::access::replace); }
  const auto store = open(path, store::access::read_write);
  CHECK(store->histograms().empty());
  CHECK(store->ledger().entries().empty());
  CHECK(store->file() == store::file_record{});
}

TEST_CASE("a file that is replaced loses the journal that a killed writer left") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto leave = [&](store::access mode, bool commits) {
    return in_child([&] {
      const auto store = open(path, mode);
      if (commits) store->append_labels(store->find("h"), 0, labels{"new"});
      if (commits) store->commit();
      ::_exit(0);  // nothing is closed
      return 1;
    });
  };
  REQUIRE(leave(store::access::read_write, true) == 0);
  REQUIRE(std::filesystem::exists(path.string() + ".journal"));
  REQUIRE(leave(store::access::replace, false) == 0);
  CHECK_FALSE(std::filesystem::exists(path.string() + ".journal"));
  CHECK(open(path, store::access::read)->histograms().empty());
}

TEST_CASE("a file truncated anywhere is refused") {
  const temporary_directory directory;
  const auto path = directory / "f.h5", cut = directory / "cut.h5";
  make_file(path);
  const auto whole = content(path);
  std::size_t refused = 0, tried = 0;
  for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 150, ++tried) {
    write_content(cut, {whole.data(), length});
    refused += try_open(cut, store::access::read) == no_format ? 1 : 0;
    CHECK(try_open(cut, store::access::read_write) == no_format);
  }
  CHECK(refused == tried);
}

TEST_CASE("a flipped byte is an error or changes nothing, never another number or label") {
  const temporary_directory directory;
  const auto path = directory / "f.h5", damaged = directory / "damaged.h5";
  make_file(path);
  const auto whole = content(path);
  const auto original = open(path, store::access::read);
  const auto schema = original->record(original->find("h")).schema;
  std::mt19937 random{5};
  std::size_t refused = 0;
  for (int i = 0; i < 1500; ++i) {
    auto bytes = whole;
    bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
    write_content(damaged, {bytes.data(), bytes.size()});
    try {
      const auto store = open(damaged, store::access::read);
      const bool same = store->record(store->find("h")).schema == schema &&
                        store->ledger().entries() == ids{"merge 1"} &&
                        store->file().counters.at({"sumw", "a"}) == 2.5 && is_whole(*store);
      CHECK(same);
    } catch (const error&) {
      ++refused;
    } catch (const std::system_error&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("damaged labels, edges, counters and ledger are found when the file is opened") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  const auto flip = [&](const char* where, std::size_t at) {
    tamper(path, [&](hid_t file) {
      const auto dataset = h5::open_dataset(file, where);
      const h5::handle type{H5Dget_type(dataset), "type"};
      const auto bytes =
          H5Tget_size(type) *
          static_cast<std::size_t>(H5Sget_simple_extent_npoints(h5::handle{H5Dget_space(dataset), "space"}));
      std::vector<char> data(bytes);
      REQUIRE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()) >= 0);
      data.at(at) ^= 1;
      REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()) >= 0);
    });
  };
  for (const auto* where : {"h/ref_axes/axis_0/categories", "h/ref_axes/axis_1/categories", "hugehist/ledger",
                            "hugehist/counter_keys", "hugehist/counter_values"})
    for (const std::size_t at : {0, 5}) {  // what says of which kind it is, and what it is
      INFO(where << ", byte " << at);
      std::filesystem::remove(path);
      make_file(path);
      CHECK(try_open(path, store::access::read) == opened);
      flip(where, at);
      CHECK(try_open(path, store::access::read) == corrupt);
    }
  // Two axes in the other order: the references are all valid.
  std::filesystem::remove(path);
  make_file(path);
  tamper(path, [](hid_t file) {
    const auto dataset = h5::open_dataset(file, "h/axes");
    std::vector<hobj_ref_t> references(3);
    REQUIRE(H5Dread(dataset, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, references.data()) >= 0);
    std::swap(references[0], references[1]);
    REQUIRE(H5Dwrite(dataset, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, references.data()) >= 0);
  });
  CHECK(try_open(path, store::access::read) == corrupt);
}

TEST_CASE("planes that another program resized are found when the file is opened") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  tamper(path, [](hid_t file) {
    const hsize_t extents[3] = {5, 3, 6};
    REQUIRE(H5Dset_extent(h5::open_dataset(file, "h/storage/values"), extents) >= 0);
  });
  CHECK(try_open(path, store::access::read) == corrupt);
}

TEST_CASE("a newer format is refused with the version that wrote it") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  for (const auto* group : {"hugehist", "h/hugehist"}) {
    INFO(group);
    std::filesystem::remove(path);
    make_file(path);
    tamper(path, [&](hid_t file) {
      const auto own = h5::open_group(file, group);
      h5::write_attribute(own, "format_version", scalar{std::int64_t{7}});
      h5::write_attribute(own, "writer", scalar{std::string{"hugehist 9.9"}});
    });
    CHECK(try_open(path, store::access::read) == no_format);
    const auto message = message_of([&] { open(path, store::access::read); });
    CHECK(message.find("hugehist 9.9") != std::string::npos);
    CHECK(message.find("version 7") != std::string::npos);
    CHECK(message.find("f.h5") != std::string::npos);
  }
}

TEST_CASE("unknown features close the file to readers or to writers") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  for (const auto* group : {"hugehist", "h/hugehist"}) {
    std::filesystem::remove(path);
    make_file(path);
    tamper(path, [&](hid_t file) { h5::write_unsigned(h5::open_group(file, group), "writer_features", 4); });
    CHECK(try_open(path, store::access::read_write) == no_format);
    CHECK(is_whole(*open(path, store::access::read)));
    tamper(path, [&](hid_t file) { h5::write_unsigned(h5::open_group(file, group), "reader_features", 4); });
    CHECK(try_open(path, store::access::read) == no_format);
  }
}

TEST_CASE("an HDF5 file of something else is refused, an empty one is not") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  const auto create = [&](const std::function<void(hid_t)>& fill) {
    std::filesystem::remove(path);
    const h5::session in_session;
    const h5::handle file{H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), "creating"};
    fill(file);
  };
  create([](hid_t file) { h5::create_group(file, "group/of/others"); });
  CHECK(try_open(path, store::access::read) == no_format);
  CHECK(try_open(path, store::access::read_write) == no_format);
  create([](hid_t) {});
  {
    const auto store = open(path, store::access::read_write);
    make_histogram(*store);
    store->commit();
  }
  CHECK(is_whole(*open(path, store::access::read)));
}

TEST_CASE("what others keep in the file is left alone, and its names are taken") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  tamper(path, [](hid_t file) {
    h5::write_attribute(h5::create_group(file, "theirs/deep"), "x", scalar{1.5});
    REQUIRE(H5Lcreate_soft("/nowhere", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    REQUIRE(H5Lcreate_hard(file, "/theirs", file, "theirs/deep/circle", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  {
    const auto store = open(path, store::access::read_write);
    CHECK(store->histograms() == labels{"h"});
    CHECK_THROWS_AS(store->create("theirs", growing_record()), std::invalid_argument);
    CHECK_THROWS_AS(store->create("soft", growing_record()), std::invalid_argument);
    CHECK_THROWS_AS(store->create("soft/x", growing_record()), std::invalid_argument);
    store->create("theirs/ours", growing_record());
    store->commit();
    store->remove(store->find("theirs/ours"));
    store->commit();
  }
  tamper(path, [](hid_t file) { CHECK(h5::read_attribute(h5::open_group(file, "theirs/deep"), "x") == scalar{1.5}); });
}

TEST_CASE("circles of hard links are walked once") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  tamper(path, [](hid_t file) {
    for (const auto* group : {"a", "b", "c"}) h5::create_group(file, group);
    for (const auto* from : {"a", "b", "c"})
      for (const auto* to : {"a", "b", "c"})
        REQUIRE(H5Lcreate_hard(file, to, file, (std::string{from} + "/" + to).c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0);
    REQUIRE(H5Lcreate_hard(file, "h", file, "a/other_name", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  CHECK(open(path, store::access::read)->histograms().size() == 1);
}

TEST_CASE("a full disk fails the commit before anything is changed") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto before = content(path);
  CHECK(in_child([&] {
          ::signal(SIGXFSZ, SIG_IGN);
          const auto store = open(path, store::access::read_write);
          store->append_labels(store->find("h"), 0, labels{"new"});
          const struct rlimit limit { std::filesystem::file_size(path) + 1000, RLIM_INFINITY };
          if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 50;
          if (code_of([&] { store->commit(); }) != EFBIG) return 51;
          if (!store->has_changes()) return 52;
          store->rollback();
          if (!is_whole(*store)) return 53;
          store->append_labels(store->find("h"), 0, labels{"new"});
          const struct rlimit none { RLIM_INFINITY, RLIM_INFINITY };
          if (::setrlimit(RLIMIT_FSIZE, &none) != 0) return 54;
          store->commit();  // the working state was still there to commit
          return store->record(store->find("h")).schema.axes[0].size() == 3 ? 0 : 55;
        }) == 0);
  CHECK(open(path, store::access::read)->record(0).schema.axes[0].labels() == labels{"ttbar", "wjets", "new"});
}

TEST_CASE("a full disk while chunks wait is an error that leaves the state before") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  CHECK(in_child([&] {
          ::signal(SIGXFSZ, SIG_IGN);
          const auto store = open(path, store::access::read_write);
          const auto id = store->find("h");
          const struct rlimit limit { 100, RLIM_INFINITY };
          if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 50;
          const int code = code_of([&] {
            for (int i = 0; i < 100; ++i) store->write_chunk({id, coordinate({0, 0, 0})}, 0, some_chunk(0));
          });
          if (code != EFBIG && code != ENOSPC) return 51;
          return is_whole(*store) ? 0 : 52;
        }) == 0);
}

TEST_CASE("writers that are killed after a commit leave a file that the next one can go on with") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  constexpr unsigned rounds = 40;
  for (unsigned round = 0; round < rounds; ++round)
    REQUIRE(in_child([&] {
              const auto store = open(path, store::access::read_write);
              const auto id = store->find("h");
              for (unsigned commit = 0; commit < 1 + round % 3; ++commit) {
                store->write_chunk({id, coordinate({round % 2, commit % 2, 0})}, 0,
                                   some_chunk(round, growing_cells, {codec::method::zstd, 1}));
                if (round % 4 == 0)
                  store->append_labels(id, 0, labels{"r" + std::to_string(round) + "c" + std::to_string(commit)});
                if (round % 5 == 0) store->add_to_ledger("round " + std::to_string(round));
                if (round % 7 == 0)
                  set_file(*store, {{{"round", static_cast<std::int64_t>(round)}}, {{{"n"}, 1.0 * round}}});
                if (round % 6 == 0 && commit == 0) store->create("extra" + std::to_string(round), growing_record());
                if (round % 6 == 3 && commit == 0) store->remove(store->find("extra" + std::to_string(round - 3)));
                store->commit();
              }
              ::_exit(0);  // nothing is closed
              return 1;
            }) == 0);
  const auto store = open(path, store::access::read);
  const auto id = store->find("h");
  CHECK(holds(*store, id, coordinate({(rounds - 1) % 2, 0, 0}), 0, rounds - 1));
  CHECK(holds(*store, id, coordinate({(rounds - 2) % 2, 0, 0}), 0, rounds - 2));
  CHECK(store->ledger().entries().size() == 9);
  CHECK(store->file().counters.at({"n"}) == 35.0);
  CHECK(store->record(id).schema.axes[0].size() == 2 + 19);
}

TEST_CASE("images of files open as files do") {
  const temporary_directory directory;
  const auto path = directory / "f.h5";
  make_file(path);
  const auto bytes = content(path);
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  const auto opened = store::open_hdf5_image({first, bytes.size()}, true);
  CHECK(is_whole(*opened.store));
  opened.store->append_labels(opened.store->find("h"), 0, labels{"in memory"});
  const auto before = opened.source->image();
  opened.store->commit();
  const auto image = opened.source->image();
  write_content(directory / "image.h5", {reinterpret_cast<const char*>(image.data()), image.size()});
  CHECK(open(directory / "image.h5", store::access::read)->record(0).schema.axes[0].size() == 3);
  write_content(directory / "before.h5", {reinterpret_cast<const char*>(before.data()), before.size()});
  CHECK(is_whole(*open(directory / "before.h5", store::access::read)));
  CHECK(content(path) == bytes);
  CHECK_THROWS_AS(store::open_hdf5_image({first, 100}, false), format_error);
  CHECK_THROWS_AS(store::open_hdf5_image({first, bytes.size() - 1}, false), format_error);
}
