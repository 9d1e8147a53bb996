// Several files as one: what hadd does for ROOT's.
//
// Histograms are joined by name and their categories by label; counters add up, and the ledgers become one. A chunk
// that no other file adds to is copied as it is encoded, once it was decoded to see that it is sound; others are
// decoded and added up. Memory: as file_options says, 24 bytes for each plane of a chunk, and for each source what HDF5
// takes for an open file (1.3 MB).
#pragma once

#include <hugehist/export.hpp>
#include <hugehist/file.hpp>
#include <hugehist/histogram.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace hugehist {

/// Attributes of a file that is a shard: one of `shards` files of one run, with a part of the labels each and the same
/// ids in their ledgers. The number is from 0 on, and in a file that was joined of some shards a text of several,
/// as "0,2".
inline constexpr const char* shard_run_attribute = "hugehist.run";
inline constexpr const char* shard_count_attribute = "hugehist.shards";
inline constexpr const char* shard_number_attribute = "hugehist.shard";

struct merge_options {
  bool replace = false;           ///< whether the target may exist; it is there until the new one is whole
  bool first_attributes = false;  ///< where attributes of files differ: the first's, not an error
  bool ignore_ledger = false;     ///< ids that are in two files are no error
  bool partial = false;           ///< shards of a run may be missing
  histogram::progress_callback progress = {};
};

struct merge_report {
  std::size_t histograms = 0;
  // Chunks of the target, roll-ups included.
  std::uint64_t copied = 0;  ///< as they were encoded in a source
  std::uint64_t merged = 0;  ///< decoded, added up and encoded
};

/// Joins `sources` to a new file. Axes and storage must agree; of category axes that grow the labels are joined, in the
/// order in which they come. Metadata, roll-ups and compression are those of the first file that has the histogram,
/// the chunk shape that of the largest. Shards of one run may share ids, and lose their attributes where all are there.
/// The target is there when it is whole; on an exception there is none, or the old one. Files that are being written
/// are read as of their last commit. What is not of hugehist is left out.
///
/// Throws std::invalid_argument where histograms, attributes or shards do not fit, for a file that comes twice and for
/// a target among the sources; overlap_error, naming both files, for an id that is in two of them; corruption_error for
/// damage; std::system_error where the target exists (EEXIST); locked_error where it is open elsewhere.
HUGEHIST_EXPORT merge_report merge_files(std::span<const std::filesystem::path> sources,
                                         const std::filesystem::path& target, const merge_options& options = {},
                                         const file_options& opening = {});

}  // namespace hugehist
