// Shards: files of one run that have a part of the labels each, and the same ids in their ledgers.
#pragma once

#include "join_sources.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::join {

/// What is there of a run.
struct shard_set {
  std::int64_t count = 0;                         ///< of the whole run
  std::map<std::int64_t, std::size_t> of_number;  ///< number of a shard → position of its file
};

struct sharding {
  std::map<std::string, shard_set> sets;           ///< by run
  std::vector<std::optional<std::string>> run_of;  ///< each file's; nothing for files that are no shards
};

/// Whether the attribute says what a file is a shard of.
bool is_shard_attribute(const std::string& key) noexcept;

/// Throws std::invalid_argument for attributes that make no sense, a shard that comes twice and, unless `partial`,
/// one that is missing.
sharding find_shards(std::span<const source> sources, bool partial);

/// What the joined file says of its shards: nothing, but where it has some of a run and nothing else.
metadata_map shard_attributes(const sharding& shards);

}  // namespace hugehist::join
