#include "join_sources.hpp"

#include "join_shards.hpp"
#include "store/open.hpp"

#include <hugehist/error.hpp>

#include <sys/stat.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace hugehist::join {
namespace {

using file_identity = std::pair<dev_t, ino_t>;

std::optional<file_identity> identity_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};  // the opening says what is wrong
  return file_identity{info.st_dev, info.st_ino};
}

void refuse_twice(std::span<const std::filesystem::path> paths, const std::filesystem::path& target) {
  std::map<file_identity, std::string> seen;
  if (const auto identity = identity_of(target)) seen.emplace(*identity, "");
  for (const auto& path : paths) {
    const auto identity = identity_of(path);
    if (!identity) continue;
    const auto [there, is_new] = seen.emplace(*identity, path.string());
    if (is_new) continue;
    if (there->second.empty())
      throw std::invalid_argument{"the target '" + target.string() + "' is one of the files to join ('" +
                                  path.string() + "'): give it another name"};
    throw std::invalid_argument{"'" + path.string() + "' comes twice among the files to join" +
                                (there->second == path.string() ? "" : " (as '" + there->second + "', too)") +
                                ": it would count twice"};
  }
}

std::optional<double> number_of(const scalar& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  return {};
}

/// 13 is 13.0, and NaN is NaN.
bool is_same(const scalar& a, const scalar& b) {
  const auto left = number_of(a), right = number_of(b);
  if (a.index() == b.index() && !(left && std::isnan(*left))) return a == b;
  return left && right && (*left == *right || (std::isnan(*left) && std::isnan(*right)));
}

std::string to_text(const scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), std::get<double>(value)).ptr};
}

metadata_map join_attributes(std::span<const source> sources, bool take_first) {
  metadata_map joined;
  std::map<std::string, std::size_t> origin;
  for (std::size_t s = 0; s < sources.size(); ++s)
    for (const auto& [key, value] : sources[s].store->file().attributes) {
      if (is_shard_attribute(key)) continue;
      const auto [there, is_new] = joined.emplace(key, value);
      if (is_new) origin[key] = s;
      if (is_new || take_first || is_same(there->second, value)) continue;
      throw std::invalid_argument{"the attribute '" + key + "' is " + to_text(there->second) + " in '" +
                                  sources[origin[key]].path + "' and " + to_text(value) + " in '" + sources[s].path +
                                  "': make them equal, or take the first by attributes=\"first\""};
    }
  return joined;
}

/// The parts of an id that are in a ledger, and that are not.
std::vector<merge_id> parts(const store::merge_ledger& ledger, const merge_id& id, bool present) {
  std::vector<merge_id> result;
  if (const auto* entries = id.interval()) {
    for (auto& part : present ? ledger.present(*entries) : ledger.missing(*entries)) result.emplace_back(part);
  } else if (ledger.has(id) == present) {
    result.push_back(id);
  }
  return result;
}

std::string to_text(const merge_id& id) {
  const auto* entries = id.interval();
  if (entries == nullptr) return "'" + id.name() + "'";
  return "the entries [" + std::to_string(entries->start) + ", " + std::to_string(entries->stop) + ") of '" +
         id.name() + "'";
}

class ledger_join {
 public:
  ledger_join(std::span<const source> sources, const sharding& shards, bool ignore)
      : sources_{sources}, shards_{shards}, ignore_{ignore} {}

  std::vector<merge_id> run() {
    for (std::size_t s = 0; s < sources_.size(); ++s)
      for (const auto& id : sources_[s].store->ledger().entries()) add(s, id);
    return all_.entries();
  }

 private:
  /// What of it is in already may be from earlier shards of the same run, and from nobody else.
  void add(std::size_t source, const merge_id& id) {
    const auto& run = shards_.run_of[source];
    const auto there = parts(all_, id, true);
    if (!there.empty() && !ignore_ && !(run && there == parts(of_run_[*run], id, true))) refuse(source, there);
    add_missing(all_, id);
    if (run) add_missing(of_run_[*run], id);
  }

  static void add_missing(store::merge_ledger& to, const merge_id& id) {
    for (const auto& part : parts(to, id, false)) to.add(part);
    to.settle();
  }

  /// Names the first file that has any of it and is not of the same run.
  void refuse(std::size_t source, const std::vector<merge_id>& there) const {
    const auto& run = shards_.run_of[source];
    for (const auto& id : there)
      for (std::size_t other = 0; other < source; ++other) {
        const auto shared = parts(sources_[other].store->ledger(), id, true);
        if (shared.empty() || (run && run == shards_.run_of[other])) continue;
        throw overlap_error{"'" + sources_[other].path + "' and '" + sources_[source].path + "' both have " +
                            to_text(shared.front()) +
                            " in their ledgers, so that the same events would count twice: leave one of the files "
                            "out. (ledger=\"ignore\" joins them all the same)"};
      }
  }

  std::span<const source> sources_;
  const sharding& shards_;
  const bool ignore_;
  store::merge_ledger all_;
  std::map<std::string, store::merge_ledger> of_run_;
};

}  // namespace

std::vector<source> open_sources(std::span<const std::filesystem::path> paths, const std::filesystem::path& target,
                                 std::size_t hdf5_cache) {
  if (paths.empty()) throw std::invalid_argument{"there is no file to join: name at least one"};
  refuse_twice(paths, target);
  std::vector<source> sources;
  for (const auto& path : paths)
    sources.push_back({path.string(), store::open_hdf5(path, store::access::read, hdf5_cache / paths.size())});
  return sources;
}

file_content join_records(std::span<const source> sources, const merge_options& options) {
  const auto shards = find_shards(sources, options.partial);
  file_content joined;
  joined.record.attributes = join_attributes(sources, options.first_attributes);
  joined.record.attributes.merge(shard_attributes(shards));
  for (const auto& from : sources)
    for (const auto& [key, value] : from.store->file().counters) joined.record.counters[key] += value;
  joined.ids = ledger_join{sources, shards, options.ignore_ledger}.run();
  return joined;
}

}  // namespace hugehist::join
