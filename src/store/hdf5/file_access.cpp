#include "store/hdf5/file_access.hpp"

#include "store/hdf5/file_locks.hpp"
#include "store/hdf5/journal.hpp"
#include "store/hdf5/superblock.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace hugehist::store::hdf5 {
namespace {

[[noreturn]] void refuse(int code, const std::string& what) {
  throw std::system_error{code, std::generic_category(), what};
}

/// A file descriptor, and with it the locks.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_{fd} {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

int open_descriptor(const std::string& name, access mode) {
  int flags = mode == access::read ? O_RDONLY : O_RDWR;
  if (mode == access::create) flags |= O_CREAT | O_EXCL;
  if (mode == access::replace) flags |= O_CREAT;
  const int fd = ::open(name.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);  // without it a FIFO would block
  if (fd < 0) {
    const bool makes = mode == access::create || mode == access::replace;
    refuse(errno, std::string{makes ? "cannot create '" : "cannot open '"} + name + "'");
  }
  return fd;
}

/// HDF5 takes an empty file that it may write to for a new one.
void check_regular(int fd, const std::string& name, bool may_be_empty) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) refuse(errno, "cannot open '" + name + "'");
  if (S_ISDIR(info.st_mode)) refuse(EISDIR, "cannot open '" + name + "'");
  if (!S_ISREG(info.st_mode)) throw format_error{"'" + name + "' is no regular file, so it cannot hold histograms"};
  if (info.st_size == 0 && !may_be_empty) throw format_error{"'" + name + "' is empty, so it is not an HDF5 file"};
}

// ---- HDF5's side

/// The newest formats of HDF5 1.10: metadata under checksums, chunk indices that are found in O(1).
void use_newest_formats(hid_t properties) {
  check(H5Pset_libver_bounds(properties, H5F_LIBVER_V110, H5F_LIBVER_V110), "file properties");
}

void bound_metadata_cache(hid_t properties, std::size_t bytes) {
  constexpr std::size_t least = std::size_t{1} << 18, most = std::size_t{128} << 20;  // HDF5 allows no more
  H5AC_cache_config_t cache{};
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(properties, &cache), "file properties");
  cache.max_size = std::clamp(bytes, least, most);
  cache.min_size = std::min(cache.min_size, cache.max_size);
  cache.set_initial_size = true;
  cache.initial_size = std::clamp(cache.initial_size, cache.min_size, cache.max_size);
  check(H5Pset_mdc_config(properties, &cache), "file properties");
}

/// A new file. It begins in the format of HDF5 1.8: the newer superblock is marked while a writer is at work, and a
/// killed writer would leave a file that no program opens, though nothing in it had changed. Space is the driver's, so
/// HDF5 keeps no book of it (strategy AGGR). Free space is not remembered beyond a session: what HDF5 1.10.8 could be
/// asked to write of it is stale after a kill. So a file grows when it is rewritten in many sessions.
handle create_hdf5(const std::string& name, hid_t properties) {
  check(H5Pset_libver_bounds(properties, H5F_LIBVER_V18, H5F_LIBVER_V110), "file properties");
  const handle creation{H5Pcreate(H5P_FILE_CREATE), "file properties"};
  check(H5Pset_file_space_strategy(creation, H5F_FSPACE_STRATEGY_AGGR, false, 1), "file properties");
  check(H5Pset_attr_phase_change(creation, 48, 40), "file properties");  // as other groups, see create_group
  handle file{H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation, properties), "creating the file"};
  check(H5Fset_libver_bounds(file, H5F_LIBVER_V110, H5F_LIBVER_V110), "creating the file");
  return file;
}

handle open_hdf5_file(const std::string& name, bool writable, hid_t properties) {
  use_newest_formats(properties);
  return {H5Fopen(name.c_str(), writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, properties), "opening"};
}

bool keeps_no_book_of_space(hid_t file) {
  const handle creation{H5Fget_create_plist(file), "file properties"};
  H5F_fspace_strategy_t strategy{};
  hbool_t is_kept = false;
  hsize_t threshold = 0;
  check(H5Pget_file_space_strategy(creation, &strategy, &is_kept, &threshold), "file properties");
  return strategy == H5F_FSPACE_STRATEGY_AGGR || strategy == H5F_FSPACE_STRATEGY_NONE;
}

/// What the failure to open a file means to the user.
[[noreturn]] void explain(const failure& problem, const std::string& name) {
  if (problem.mentions("consistency flags") || problem.mentions("already open"))
    throw locked_error{"'" + name +
                       "' is open for writing elsewhere, or its last writer did not close it; if nobody has "
                       "it open, clear the mark with: h5clear -s"};
  if (problem.mentions("file signature not found")) throw format_error{"'" + name + "' is not an HDF5 file"};
  if (problem.mentions("truncated file"))
    throw format_error{"'" + name + "' is truncated: its end is missing, restore it from a copy"};
  if (problem.code() != 0) refuse(problem.code(), "cannot open '" + name + "'");
  throw format_error{"'" + name +
                     "' cannot be opened as an HDF5 file; it is damaged, or of a newer HDF5: " + problem.what()};
}

class disk_file final : public file_access {
 public:
  disk_file(const std::filesystem::path& path, access mode, std::size_t hdf5_cache, bool is_damaged = false)
      : descriptor_{open_descriptor(path.string(), mode)},
        locks_{descriptor_.get(), path.string()},
        driver_{std::make_shared<driven_file>(descriptor_.get(), path.string())},
        journal_{descriptor_.get(), path.string(), locks_} {
    if (is_damaged) driver_->pretend_whole();
    name_ = path.string();
    writable_ = mode != access::read;
    is_new_ = mode == access::create || mode == access::replace;
    try {
      open(mode, hdf5_cache);
    } catch (...) {
      driver_->detach();
      if (mode == access::create) ::unlink(name_.c_str());
      throw;
    }
  }

  ~disk_file() override {
    driver_->abandon();
    close_hdf5();
    driver_->detach();
    if (writable_) driver_->close(journal_);
  }

  std::uint64_t size() const override { return driver_->is_pretended() ? driver_->real_size() : file_access::size(); }

  void reserve(std::uint64_t bytes) override {
    driver_->keep_spare_memory();
    struct stat info {};
    if (::fstat(descriptor_.get(), &info) != 0) refuse(errno, "cannot commit to '" + name_ + "'");
    const auto end = static_cast<std::uint64_t>(info.st_size);
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end + bytes > limit.rlim_cur)
      refuse(EFBIG,
             "cannot commit to '" + name_ + "': it would exceed the limit on file sizes, and nothing was changed");
    while (::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, info.st_size, static_cast<off_t>(bytes)) != 0) {
      if (errno == EINTR) continue;
      if (errno != ENOSPC && errno != EFBIG && errno != EDQUOT) return;  // not supported here: writing will tell
      const auto code = errno;
      give_back();
      refuse(code, "cannot commit to '" + name_ + "': there is no room for it, and nothing was changed");
    }
  }

  void sync(std::uint64_t stamp) override { driver_->commit(journal_, stamp); }

  void publish() override {
    flush();
    driver_->write_through(journal_);
  }

  std::uint64_t commit_number() const noexcept override { return journal_.number(); }
  void set_commit_number(std::uint64_t number) noexcept override { journal_.set_number(number); }

  bool is_outdated() override {
    if (writable_) return false;
    if (!is_in_place()) return true;
    locks_.enter_as_reader();
    const entrance left_at_end{locks_};
    return journal_.has_newer_commit();
  }

  std::optional<std::uint64_t> compact_end() const override {
    return locks_.has_readers() ? std::nullopt : driver_->compact_end();
  }

  chunk_area& area() noexcept override { return *driver_; }
  driven_file* driver() noexcept override { return driver_.get(); }

 private:
  /// Left in any case.
  class entrance {
   public:
    explicit entrance(file_locks& locks) : locks_{locks} {}
    ~entrance() { locks_.leave_entrance(); }
    entrance(const entrance&) = delete;
    entrance& operator=(const entrance&) = delete;

   private:
    file_locks& locks_;
  };

  void open(access mode, std::size_t hdf5_cache) {
    check_regular(descriptor_.get(), name_, is_new_);
    enter(mode);
    const session in_session;
    try {
      const handle properties{H5Pcreate(H5P_FILE_ACCESS), "file properties"};
      bound_metadata_cache(properties, hdf5_cache);
      use_driver(properties, driver_);
      file_ = is_new_ ? create_hdf5(name_, properties) : open_hdf5_file(name_, writable_, properties);
      if (writable_) driver_->begin(journal_, keeps_no_book_of_space(file_));
    } catch (const failure& problem) {
      explain(problem, name_);
    }
  }

  /// Takes the locks, and finds the last commit.
  void enter(access mode) {
    if (writable_)
      locks_.enter_as_writer();
    else
      locks_.enter_as_reader();
    const entrance left_at_end{locks_};
    if (mode == access::replace) empty();
    if (is_new_)
      journal_.remove();
    else
      recover();
    if (!writable_) locks_.hold_snapshot(journal_.number());
  }

  void recover() {
    try {
      driver_->recover(journal_, writable_);
    } catch (const format_error&) {
      check_in_place();  // it may be another file's journal by now
      throw;
    }
    check_in_place();
  }

  /// A repack puts another file, with a journal of its own, into the place of the one that was opened a moment before.
  void check_in_place() const {
    if (!is_in_place()) throw locked_error{"'" + name_ + "' was replaced while it was being opened: open it again"};
  }

  bool is_in_place() const {
    struct stat open {
    }, named{};
    if (::fstat(descriptor_.get(), &open) != 0 || ::stat(name_.c_str(), &named) != 0)
      refuse(errno, "cannot look for newer commits of '" + name_ + "'");
    return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
  }

  /// HDF5 would empty a file under the feet of those who read it.
  void empty() {
    if (locks_.has_readers() || !locks_.close_entrance({}) || !locks_.exclude_plain_hdf5())
      throw locked_error{"'" + name_ + "' is open elsewhere, so it cannot be replaced: close it there first"};
    const auto status = ::ftruncate(descriptor_.get(), 0);
    const auto code = errno;
    locks_.readmit();
    if (status != 0) refuse(code, "cannot replace '" + name_ + "'");
  }

  /// Space beyond the end that was reserved and not needed goes when the file is cut to the length that it has.
  void give_back() noexcept {
    struct stat info {};
    if (::fstat(descriptor_.get(), &info) != 0) return;
    [[maybe_unused]] const auto ignored = ::ftruncate(descriptor_.get(), info.st_size);
  }

  descriptor descriptor_;
  file_locks locks_;
  std::shared_ptr<driven_file> driver_;
  journal journal_;
};

class memory_file final : public file_access {
 public:
  memory_file(std::span<const std::byte> image, bool writable) {
    // HDF5 takes two images of one name for the same file.
    static std::atomic<unsigned> count{0};
    name_ = "HDF5 image " + std::to_string(++count) + " in memory";
    writable_ = writable;
    is_new_ = image.empty();
    const session in_session;
    try {
      const handle properties{H5Pcreate(H5P_FILE_ACCESS), "file properties"};
      constexpr std::size_t increment = std::size_t{1} << 20;
      check(H5Pset_fapl_core(properties, increment, false), "file properties");
      if (!image.empty())
        check(H5Pset_file_image(properties, const_cast<std::byte*>(image.data()), image.size()), "file properties");
      file_ = is_new_ ? create_hdf5(name_, properties) : open_hdf5_file(name_, writable_, properties);
    } catch (const failure& problem) {
      explain(problem, name_);
    }
  }

  ~memory_file() override { close_hdf5(); }

  void reserve(std::uint64_t) override {}
  void sync(std::uint64_t) override {}
  void publish() override { flush(); }
  chunk_area& area() noexcept override { return area_; }

 private:
  memory_area area_;
};

}  // namespace

std::uint64_t file_access::size() const {
  hsize_t bytes = 0;
  check(H5Fget_filesize(file_, &bytes), "size of the file");
  return bytes;
}

void file_access::flush() { check(H5Fflush(file_, H5F_SCOPE_LOCAL), "flushing the file"); }

std::unique_ptr<file_access> open_file(const std::filesystem::path& path, access access, std::size_t hdf5_cache) {
  return std::make_unique<disk_file>(path, access, hdf5_cache);
}

std::unique_ptr<file_access> open_damaged_file(const std::filesystem::path& path, std::size_t hdf5_cache) {
  return std::make_unique<disk_file>(path, access::read, hdf5_cache, true);
}

std::unique_ptr<file_access> open_image(std::span<const std::byte> image, bool writable) {
  return std::make_unique<memory_file>(image, writable);
}

std::vector<std::byte> image_of(const file_access& access) {
  const auto size = check(H5Fget_file_image(access.file(), nullptr, 0), "image of the file");
  std::vector<std::byte> image(static_cast<std::size_t>(size));
  check(H5Fget_file_image(access.file(), image.data(), image.size()), "image of the file");
  mend_superblock(image);
  return image;
}

}  // namespace hugehist::store::hdf5
