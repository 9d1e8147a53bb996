// What a program asks of the file system, recorded or made to fail, and what a crash would leave of it.
//
// support_io.cpp takes the place of pwrite, ftruncate, fdatasync, fsync and unlink in the test program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace io {

struct operation {
  enum class kind { write, truncate, sync, sync_directory, unlink };
  operation::kind what;
  std::string path;
  std::uint64_t offset = 0;  // of a write; the length of a truncation
  std::vector<std::byte> bytes = {};
};

/// Records between begin() and end(), of files in that directory only.
void begin(const std::filesystem::path& directory);
std::vector<operation> end();
std::size_t recorded();

/// Failures of what is recorded: the operation of that number, and all after it if it is to last, fails with the code.
/// A write that is short does half before.
struct failure {
  std::size_t operation = 0;
  int code = 0;
  bool lasts = false;
  bool is_short = false;
};
void fail(const failure& planned);
void heal();

using contents = std::map<std::string, std::vector<std::byte>>;  // by path

/// The files as the recording found them, and what was asked since: synced or not.
class disk {
 public:
  explicit disk(contents begun);
  void apply(const operation& one);
  /// All that was asked for, as after a kill. `torn`: of this operation, a write, only so many bytes.
  contents after_kill(const operation* torn, std::size_t bytes) const;
  /// Unsynced sectors and directory entries are there or not, as the random numbers have it.
  contents after_power_loss(std::mt19937_64& random) const;

 private:
  struct known_file {
    std::vector<std::byte> durable;
    std::vector<operation> pending;
    bool exists = false, had_entry = false;  // now, and in the directory on the disk
  };
  std::map<std::string, known_file> files_;
};

}  // namespace io
