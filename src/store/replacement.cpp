#include "store/replacement.hpp"

#include <hugehist/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace hugehist::store {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
  throw std::system_error{errno, std::generic_category(), std::string{what} + " '" + path.string() + "'"};
}

/// A descriptor that closes itself.
class opened {
 public:
  opened(const std::filesystem::path& path, int flags) : descriptor_{::open(path.c_str(), flags | O_CLOEXEC)} {
    if (descriptor_ < 0) fail("cannot open", path);
  }
  ~opened() { ::close(descriptor_); }
  opened(const opened&) = delete;
  opened& operator=(const opened&) = delete;
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

replacement::replacement(const std::filesystem::path& target, bool replaces) : target_{target}, replaces_{replaces} {
  // A symbolic link stays, and what it leads to is replaced.
  if (replaces) target_ = std::filesystem::canonical(target);
  struct stat info {};
  const bool exists = ::lstat(target_.c_str(), &info) == 0;
  if (exists && !replaces)
    throw std::system_error{EEXIST, std::generic_category(), "cannot create '" + target.string() + "'"};
  if (exists && info.st_nlink > 1)
    throw error{"'" + target_.string() + "' has " + std::to_string(info.st_nlink) +
                " names (hard links), of which only one would lead to the new file: remove the others first"};
  part_ = target_;
  part_ += ".hugehist-part";
}

replacement::~replacement() {
  if (is_published_) return;
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
  std::filesystem::remove(std::filesystem::path{part_} += ".journal", ignored);
}

/// What a user may not give away (the owner) stays the user's.
void replacement::take_permissions(int descriptor) const {
  struct stat info {};
  if (::stat(target_.c_str(), &info) != 0) fail("cannot read", target_);
  [[maybe_unused]] const auto ignored = ::fchown(descriptor, info.st_uid, info.st_gid);
  constexpr mode_t permissions = 07777;
  if (::fchmod(descriptor, info.st_mode & permissions) != 0) fail("cannot set the permissions of", part_);
}

void replacement::sync_folder() const {
  const auto folder = target_.has_parent_path() ? target_.parent_path() : std::filesystem::path{"."};
  const opened directory{folder, O_RDONLY | O_DIRECTORY};
  if (::fsync(directory.get()) != 0 && errno != EINVAL)
    fail("cannot make durable", folder);  // EINVAL: cannot be synced
}

void replacement::publish() {
  {
    const opened file{part_, O_RDWR};
    if (replaces_) take_permissions(file.get());
    if (::fsync(file.get()) != 0) fail("cannot make durable", part_);
  }
  // A journal of the old file that was removed must not come back beside the new one.
  sync_folder();
  const auto status = replaces_ ? ::rename(part_.c_str(), target_.c_str())
                                : ::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE);
  if (status != 0 && !replaces_ && errno == EINVAL) {  // a file system without it
    if (::link(part_.c_str(), target_.c_str()) != 0) fail("cannot create", target_);
    ::unlink(part_.c_str());
  } else if (status != 0) {
    fail(replaces_ ? "cannot replace" : "cannot create", target_);
  }
  is_published_ = true;
  sync_folder();
}

void refuse_journal(const std::filesystem::path& replaced) {
  auto journal = std::filesystem::canonical(replaced);
  journal += ".journal";
  if (std::filesystem::exists(journal))
    throw locked_error{
        "'" + replaced.string() +
        "' is being read elsewhere, so that its last commits are in the journal alone: close it there first"};
}

}  // namespace hugehist::store
