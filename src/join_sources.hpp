// The files that are joined, and what comes of all that belongs to no single histogram.
//
// Plain functions; REQUIRES of all: nobody else uses the stores.
#pragma once

#include "store/store.hpp"

#include <hugehist/merge_files.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hugehist::join {

struct source {
  std::string path;
  std::unique_ptr<store::store> store;
};

/// Opens all for reading, each as of its last commit. Throws std::invalid_argument where there is none, one comes
/// twice, or the target is among them; what the opening throws.
std::vector<source> open_sources(std::span<const std::filesystem::path> paths, const std::filesystem::path& target,
                                 std::size_t hdf5_cache);

struct file_content {
  store::file_record record;
  std::vector<merge_id> ids;
};

/// Attributes, counters and ledgers together. Throws as merge_files.
file_content join_records(std::span<const source> sources, const merge_options& options);

}  // namespace hugehist::join
