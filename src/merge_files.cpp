// Several files as one.

#include "file_impl.hpp"
#include "join_chunks.hpp"
#include "join_plan.hpp"
#include "join_sources.hpp"
#include "store/replacement.hpp"

#include <hugehist/error.hpp>
#include <hugehist/merge_files.hpp>

#include <memory>
#include <string>
#include <vector>

namespace hugehist {
namespace {

/// The file that is to be replaced, kept from other writers. Nothing where it is none that could be written to.
std::unique_ptr<store::store> hold(const std::filesystem::path& target, std::size_t cache) {
  std::unique_ptr<store::store> held;
  try {
    // What only the journal has gets into the file first.
    store::open_hdf5(target, store::access::read_write, cache).reset();
    held = store::open_hdf5(target, store::access::read_write, cache);
  } catch (const format_error&) {
  } catch (const corruption_error&) {
  }
  store::refuse_journal(target);
  return held;
}

/// Labels, attributes, counters and ledger; the chunks are `chunks`' to join. Histograms whose roll-ups must be summed
/// anew.
std::vector<std::string> create_all(std::span<const join::planned> all, const join::file_content& content,
                                    store::store& to, join::chunk_join& chunks) {
  for (const auto& [key, value] : content.record.attributes) to.set_attribute(key, value);
  for (const auto& [key, value] : content.record.counters) to.set_counter(key, value);
  for (const auto& id : content.ids) to.add_to_ledger(id);
  std::vector<std::string> to_rebuild;
  for (const auto& [histogram, rollups] : all) {
    const auto id = to.create(histogram.name, histogram.record);
    chunks.add(histogram, id);
    for (const auto& each : rollups) {
      chunks.add(each, to.create_rollup(id, each.record));
      if (each.record.stale && (to_rebuild.empty() || to_rebuild.back() != histogram.name))
        to_rebuild.push_back(histogram.name);
    }
  }
  return to_rebuild;
}

}  // namespace

merge_report merge_files(std::span<const std::filesystem::path> sources, const std::filesystem::path& target,
                         const merge_options& options, const file_options& opening) {
  check_options(opening, target.string());
  const auto cache = hdf5_cache_for(opening);
  const auto opened = join::open_sources(sources, target, cache);
  const bool replaces = options.replace && std::filesystem::exists(target);
  const auto held = replaces ? hold(target, cache) : nullptr;
  store::replacement made{target, replaces};
  const auto content = join::join_records(opened, options);
  const auto planned = join::plan_histograms(opened);
  merge_report report{.histograms = planned.size()};
  std::vector<std::string> to_rebuild;
  {
    const auto to = store::create_hdf5_copy(made.part(), cache, {});
    base::thread_pool pool{opening.threads};
    join::chunk_join chunks{opened, *to, pool, opening.memory, options.progress};
    to_rebuild = create_all(planned, content, *to, chunks);
    chunks.run();
    report.copied = chunks.copied();
    report.merged = chunks.merged();
  }
  if (!to_rebuild.empty()) {
    histogram::progress_callback stoppable;
    if (options.progress) stoppable = [&](std::size_t, std::size_t) { options.progress(1, 1); };
    file joined{made.part(), open_mode::read_write, opening};
    for (const auto& name : to_rebuild) joined.at(name).rebuild_rollups(stoppable);
    joined.close();
  }
  made.publish();
  return report;
}

}  // namespace hugehist
