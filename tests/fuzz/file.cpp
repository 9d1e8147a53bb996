// A file with a journal beside it. First byte: 1, the journal's checksums are mended; 2, the file is opened for
// writing, too. Then the length of the file (32 bits), the file, and the journal (none: it is not there).
//
// HDF5's own checksums are not mended: what HDF5 1.10.8 does then is not ours to mend (docs/security.md).

#include "target.hpp"

#include "base/byte_stream.hpp"

#include <hugehist/buffer.hpp>
#include <hugehist/file.hpp>
#include <hugehist/integrity.hpp>
#include <hugehist/view.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

namespace fuzz {
namespace {

using namespace hugehist;
namespace fs = std::filesystem;

constexpr file_options small{.memory = std::size_t{8} << 20, .threads = 1};

/// A directory in memory where there is one, gone with the program.
class folder {
 public:
  folder() {
    const fs::path memory = "/dev/shm";
    auto name = ((fs::is_directory(memory) ? memory : fs::temp_directory_path()) / "hugehist-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::logic_error{"no temporary directory"};
    path_ = name;
  }
  ~folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  fs::path file() const { return path_ / "fuzzed.h5"; }
  fs::path journal() const { return path_ / "fuzzed.h5.journal"; }

 private:
  fs::path path_;
};

const folder& place() {
  static const folder made;
  return made;
}

void write(const fs::path& path, byte_view content) {
  fs::remove(path);
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                              static_cast<std::streamsize>(content.size()));
}

bytes content_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto raw = std::as_bytes(std::span{text});
  return {raw.begin(), raw.end()};
}

bytes input_of(unsigned flags) {
  const auto file = content_of(place().file());
  const auto journal = fs::exists(place().journal()) ? content_of(place().journal()) : bytes{};
  base::byte_writer input;
  input.put(static_cast<std::uint8_t>(flags));
  input.put(static_cast<std::uint32_t>(file.size()));
  input.put_all(byte_view{file});
  input.put_all(byte_view{journal});
  return std::move(input.bytes());
}

void add_one(histogram h, const std::string& label) {
  auto buffer = h.buffer();
  const std::vector<double> x{0.1, 0.3, 0.9};
  buffer.fill({.columns = {label, numbers{array_view<double>{x}}}});
  h.merge(buffer.take(), merge_id{"a merge of " + label});
}

hugehist::file filled(bool is_closed) {
  hugehist::file f{place().file(), open_mode::write, small};
  auto h = f.create("h", {{axis::str_category{}, "dataset"}, {axis::regular{4, 0, 1}, "x"}}, storage::weighted,
                    {.metadata = {{"label", std::string{"größe"}}}, .rollups = {{std::string{"x"}}}});
  f.set_attribute("lumi", 59.7);
  f.set_counter({"events", "data"}, 3);
  add_one(h, "data");
  f.commit();
  if (is_closed) f.close();
  return f;
}

/// A child process ends without closing; a reader keeps its commits in the journal.
void leave_journal() {
  filled(true);
  const hugehist::file reader{place().file(), open_mode::read, small};
  const auto child = ::fork();
  if (child == 0) {
    hugehist::file f{place().file(), open_mode::read_write, small};
    for (const char* label : {"ttbar", "zjets", "data"}) {
      add_one(f.at("h"), label);
      f.set_counter({"events", label}, 4);
      f.commit();
    }
    ::_exit(0);
  }
  int status = 0;
  require(child > 0 && ::waitpid(child, &status, 0) == child && status == 0, "no child process");
  require(fs::exists(place().journal()), "no journal was left");
}

std::vector<bytes> seeds() {
  std::vector<bytes> result;
  filled(true);
  for (unsigned flags : {0, 2}) result.push_back(input_of(flags));
  leave_journal();
  for (unsigned flags : {0, 1, 2, 3}) result.push_back(input_of(flags));
  return result;
}

using answers = std::vector<dense_planes::plane>;

answers read_all(const hugehist::file& f) {
  answers result;
  for (const auto& name : f.names()) {
    const auto h = f.at(name);
    for (const auto& axis : h.axes()) (void)to_string(axis);
    for (auto& plane : view{h}.read().planes) result.push_back(std::move(plane));
  }
  (void)f.attributes();
  (void)f.counters();
  (void)f.merge_ids();
  return result;
}

void write_more() {
  answers before;
  {
    hugehist::file f{place().file(), open_mode::read_write, small};
    f.set_attribute("fuzzed", true);
    if (f.contains("h")) {
      try {
        add_one(f.at("h"), "fuzzed");
      } catch (const std::invalid_argument&) {  // its axes are others
      }
    }
    before = read_all(f);
    f.close();
  }
  require(!fs::exists(place().journal()), "a file that was closed has a journal");
  const hugehist::file f{place().file(), open_mode::read, small};
  require(read_all(f) == before, "what was written is not what is read");
}

bool run(byte_view input) {
  constexpr std::size_t least = 1 + sizeof(std::uint32_t);
  if (input.size() < least) return false;
  const auto flags = std::to_integer<unsigned>(input[0]);
  const auto content = input.subspan(least);
  const auto length = std::min<std::size_t>(get<std::uint32_t>(input, 1), content.size());
  bytes journal{content.begin() + static_cast<std::ptrdiff_t>(length), content.end()};
  if ((flags & 1) != 0) mend_journal(journal);
  write(place().file(), content.first(length));
  fs::remove(place().journal());
  if (!journal.empty()) write(place().journal(), journal);

  const bool is_read = is_accepted([] { read_all(hugehist::file{place().file(), open_mode::read, small}); });
  is_accepted([] { verify(place().file(), {}, small); });
  if ((flags & 2) != 0 && is_accepted([] { hugehist::file{place().file(), open_mode::read_write, small}.abandon(); }))
    is_accepted(write_more);
  return is_read;
}

}  // namespace

const target file{"file", seeds, run};

}  // namespace fuzz
