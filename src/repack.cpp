// A file without gaps, in the place of one with them.

#include "file_impl.hpp"
#include "store/replacement.hpp"
#include "store_copy.hpp"

#include <hugehist/error.hpp>
#include <hugehist/integrity.hpp>

#include <string>

namespace hugehist {
namespace {

void refuse_damage(const std::filesystem::path& path, const inspection::findings& found) {
  if (found.list.empty()) return;
  throw corruption_error{"'" + path.string() + "' is damaged, and was left as it is: " + to_string(found.list.front()) +
                         ". What is whole can be had by salvage"};
}

void refuse_strangers(const std::filesystem::path& path, const store::store& store) {
  const auto strangers = store.strangers();
  if (strangers.empty()) return;
  throw error{"'" + path.string() + "' holds '" + strangers.front() +
              "', which is not of hugehist and would be lost: move it to another file first (there are " +
              std::to_string(strangers.size()) + " such objects)"};
}

}  // namespace

repack_report repack(const std::filesystem::path& path, const histogram::progress_callback& progress,
                     const file_options& opening) {
  check_options(opening, path.string());
  const auto cache = hdf5_cache_for(opening);
  // What only the journal has gets into the file. Then it keeps the writer's lock until the new file is in its place.
  store::open_hdf5(path, store::access::read_write, cache).reset();
  const auto from = store::open_hdf5(path, store::access::read_write, cache);
  store::refuse_journal(path);
  refuse_strangers(path, *from);
  repack_report report;
  store::replacement made{path, true};
  report.before = std::filesystem::file_size(path);
  base::thread_pool pool{opening.threads};
  {
    inspection::findings lost;
    const auto to = store::create_hdf5_copy(made.part(), cache, from->uuid());
    copy_store(*from, *to, pool, opening.memory / 4, progress, lost);
    refuse_damage(path, lost);
  }
  {
    inspection::findings found;
    verify_report checked;
    const auto written = store::open_hdf5(made.part(), store::access::read, cache);
    inspection::check_chunks(*written, pool, opening.memory / 4, progress, found, checked);
    refuse_damage(made.part(), found);
  }
  report.after = std::filesystem::file_size(made.part());
  made.publish();
  return report;
}

}  // namespace hugehist
