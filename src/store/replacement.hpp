// A file that is made under another name and appears whole: a new one, or in the place of an old one.
//
// Until it is published, its bytes are at part(), beside the target; what a killed process left there is replaced.
// Not synchronised.
#pragma once

#include <filesystem>

namespace hugehist::store {

class replacement {
 public:
  /// Throws std::system_error (EEXIST) where there is a target and `replaces` is false; an error where it has more than
  /// one name, since the others would keep the old content.
  replacement(const std::filesystem::path& target, bool replaces);
  /// Removes what was not published.
  ~replacement();
  replacement(const replacement&) = delete;
  replacement& operator=(const replacement&) = delete;

  const std::filesystem::path& part() const noexcept { return part_; }
  /// Makes it durable and gives it its name, and the permissions of what it replaces. Throws std::system_error, and
  /// then the target is as it was (but after a power cut it may be the new one).
  void publish();

 private:
  void take_permissions(int descriptor) const;
  void sync_folder() const;

  std::filesystem::path target_, part_;
  bool replaces_;
  bool is_published_ = false;
};

/// A new file's place must have no journal of the old one beside it. Throws locked_error.
void refuse_journal(const std::filesystem::path& replaced);

}  // namespace hugehist::store
