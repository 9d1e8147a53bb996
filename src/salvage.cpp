// What can be had of a damaged file.

#include "file_impl.hpp"
#include "store/replacement.hpp"
#include "store_copy.hpp"

#include <hugehist/error.hpp>
#include <hugehist/integrity.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace hugehist {
namespace {

/// What is there and neither copied nor told as lost already.
void add_strangers(const store::store& store, inspection::findings& lost) {
  std::vector<std::string> paths;
  try {
    paths = store.strangers();
  } catch (const error&) {
    return;  // a group that cannot be read was told as lost when the file was opened
  }
  const auto told = lost.list;
  for (const auto& path : paths) {
    const bool is_told = std::ranges::any_of(
        told, [&](const damage& each) { return each.histogram == path || each.histogram.starts_with(path + "/"); });
    if (!is_told && !store.contains(path)) lost.add({"", "", {}, "", "'" + path + "' is not hugehist's: left out"});
  }
}

}  // namespace

salvage_report salvage(const std::filesystem::path& damaged, const std::filesystem::path& target,
                       const histogram::progress_callback& progress, const file_options& opening) {
  check_options(opening, damaged.string());
  store::replacement made{target, false};
  inspection::findings lost;
  copy_result copied;
  {
    const auto cache = hdf5_cache_for(opening);
    const auto from = store::open_damaged_hdf5(
        damaged, cache, [&](const auto& name, const auto& reason) { lost.add_unreadable(name, reason); });
    add_strangers(*from, lost);
    const auto to = store::create_hdf5_copy(made.part(), cache, {});
    base::thread_pool pool{opening.threads};
    copied = copy_store(*from, *to, pool, opening.memory / 4, progress, lost);
  }
  if (!copied.to_rebuild.empty()) {
    file opened{made.part(), open_mode::read_write, opening};
    for (const auto& name : copied.to_rebuild) opened.at(name).rebuild_rollups(progress);
    opened.close();
  }
  made.publish();
  return {std::move(lost.list), lost.omitted, copied.chunks, copied.bytes};
}

}  // namespace hugehist
