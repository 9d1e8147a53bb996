// Checking of files: an open one, or one that may not open.

#include "file_impl.hpp"
#include "inspection.hpp"

#include <hugehist/error.hpp>
#include <hugehist/integrity.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace hugehist {
namespace {

void add_rollup_damage(const histogram& checked, const rollup_damage& found, inspection::findings& to) {
  const auto axes = checked.axes();
  damage result{checked.name(), "", {}, found.plane, found.reason};
  for (std::size_t i = 0; i < found.axes.size(); ++i) {
    const auto& axis = axes[found.axes[i]];
    const auto name = axis.name().empty() ? "axis " + std::to_string(found.axes[i]) : axis.name();
    result.rollup += (i == 0 ? "" : ", ") + name;
    if (i >= found.bin.size()) continue;
    const auto bin = static_cast<std::int64_t>(found.bin[i]) - (axis.underflow() ? 1 : 0);
    damaged_bins bins{name, {}, bin, bin + 1};
    if (axis.is_category() && found.bin[i] < axis.size()) bins.labels.push_back(axis.labels()[found.bin[i]]);
    result.where.push_back(std::move(bins));
  }
  to.add(std::move(result));
}

/// Of histograms whose own chunks are sound: with others there is nothing to compare with.
void compare_rollups(const file& opened, const histogram::progress_callback& progress, inspection::findings& found) {
  std::set<std::string> damaged;
  for (const auto& each : found.list) damaged.insert(each.histogram);
  for (const auto& name : opened.names()) {
    if (damaged.contains(name)) continue;
    const auto target = opened.at(name);
    for (const auto& each : target.check_rollups(progress)) add_rollup_damage(target, each, found);
  }
}

}  // namespace

verify_report file::verify(const verify_options& options) const {
  verify_report report;
  inspection::findings found;
  {
    const auto lock = impl_->enter();
    inspection::check_chunks(*impl_->store, *impl_->pool, impl_->options.memory / 4, options.progress, found, report);
  }
  if (options.rollups) compare_rollups(*this, options.progress, found);
  report.damaged = std::move(found.list);
  report.omitted = found.omitted;
  return report;
}

verify_report verify(const std::filesystem::path& path, const verify_options& options, const file_options& opening) {
  check_options(opening, path.string());
  verify_report report;
  inspection::findings found;
  {
    const auto store =
        store::open_damaged_hdf5(path, hdf5_cache_for(opening),
                                 [&](const auto& name, const auto& reason) { found.add_unreadable(name, reason); });
    base::thread_pool pool{opening.threads};
    inspection::check_chunks(*store, pool, opening.memory / 4, options.progress, found, report);
  }
  if (options.rollups && found.list.empty())
    compare_rollups(file{path, open_mode::read, opening}, options.progress, found);
  report.damaged = std::move(found.list);
  report.omitted = found.omitted;
  return report;
}

}  // namespace hugehist
