// Whether a file is whole, what can be had of a damaged one, and a file without gaps.
//
// Everything that has a meaning is under a checksum, so damage is found; an open file refuses what is damaged. The
// functions here take a file by its path. Memory: as file_options says, and 24 bytes for each
// plane of a chunk.
#pragma once

#include <hugehist/export.hpp>
#include <hugehist/file.hpp>
#include <hugehist/histogram.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hugehist {

/// Bins of one axis.
struct damaged_bins {
  std::string axis;                  ///< its name, or "axis 0"
  std::vector<std::string> labels;   ///< of a category axis: the labels of the bins
  std::int64_t first = 0, last = 0;  ///< from bin `first` to before `last`; -1 is the underflow bin
};

/// Something in a file that is not what was written.
struct damage {
  std::string histogram;            ///< empty: the file as a whole
  std::string rollup;               ///< the axes that it keeps, with commas; empty: the histogram itself
  std::vector<damaged_bins> where;  ///< for each axis; empty: all of it
  std::string plane;                ///< of the storage; empty: all
  std::string reason;
};

/// One line for people.
HUGEHIST_EXPORT std::string to_string(const damage& damage);

struct verify_options {
  bool rollups = false;  ///< also sum everything anew and compare
  histogram::progress_callback progress = {};
};

struct verify_report {
  std::vector<damage> damaged;  ///< at most 10,000
  std::uint64_t omitted = 0;    ///< how many more there are
  std::uint64_t chunks = 0;     ///< planes of chunks that are sound
  std::uint64_t bytes = 0;      ///< of these, encoded
  bool ok() const noexcept { return damaged.empty(); }
};

/// Reads and checks all of a file. Throws what the opening throws where the file holds nothing that could be read;
/// other damage is in the report. See also file::verify.
HUGEHIST_EXPORT verify_report verify(const std::filesystem::path& path, const verify_options& options = {},
                                     const file_options& opening = {});

struct salvage_report {
  std::vector<damage> lost;  ///< as in verify_report; what it does not name is in the new file
  std::uint64_t omitted = 0;
  std::uint64_t chunks = 0, bytes = 0;  ///< in the new file
  bool complete() const noexcept { return lost.empty(); }
};

/// Writes all that is sound in `damaged` to a new file. Chunks that are lost are empty there; roll-ups of a histogram
/// that lost any are made anew. The new file is there when it is whole, under another name before.
/// Throws std::system_error where it exists already (EEXIST).
HUGEHIST_EXPORT salvage_report salvage(const std::filesystem::path& damaged, const std::filesystem::path& target,
                                       const histogram::progress_callback& progress = {},
                                       const file_options& opening = {});

struct repack_report {
  std::uint64_t before = 0, after = 0;  ///< bytes of the file
};

/// Writes a file anew without the space that is not used, and puts it in the place of the old one: at each moment
/// one of them is there. It has the content, the uuid and the permissions of the old one. Needs room for both.
/// Readers keep the old one until they refresh. Throws locked_error while it is being written, or where a reader keeps
/// its last commits in the journal; corruption_error where it is damaged; error where it holds what is not of hugehist,
/// or has more than one name.
HUGEHIST_EXPORT repack_report repack(const std::filesystem::path& path,
                                     const histogram::progress_callback& progress = {},
                                     const file_options& opening = {});

}  // namespace hugehist
