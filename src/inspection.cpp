#include "inspection.hpp"

#include "model/schema.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hugehist::inspection {
namespace {

std::string axis_name(const std::vector<axis::any>& axes, std::size_t i) {
  const auto name = axes[i].name();
  return name.empty() ? "axis " + std::to_string(i) : name;
}

/// The histogram that a roll-up's place in the file belongs to; the name itself where it is none.
std::string owner_of(const std::string& name) { return name.substr(0, name.rfind(store::rollup_folder)); }
bool is_rollup(const std::string& name) { return name.find(store::rollup_folder) != std::string::npos; }

std::string joined_names(const std::vector<axis::any>& axes) {
  std::string text;
  for (std::size_t i = 0; i < axes.size(); ++i) text += (i == 0 ? "" : ", ") + axis_name(axes, i);
  return text;
}

damaged_bins bins_of(const axis::any& axis, std::string name, std::size_t begin, std::size_t end) {
  damaged_bins bins{std::move(name), {}, 0, 0};
  end = std::min(end, axis.extent());
  const std::int64_t shift = axis.underflow() ? 1 : 0;
  bins.first = static_cast<std::int64_t>(begin) - shift;
  bins.last = static_cast<std::int64_t>(end) - shift;
  if (!axis.is_category()) return bins;
  const auto labels = axis.labels();
  for (auto i = begin; i < std::min(end, labels.size()); ++i) bins.labels.push_back(labels[i]);
  return bins;
}

std::string to_string(const damaged_bins& bins) {
  constexpr std::size_t shown = 3;
  if (bins.labels.empty()) {
    if (bins.last - bins.first == 1) return bins.axis + " bin " + std::to_string(bins.first);
    return bins.axis + " bins " + std::to_string(bins.first) + " to " + std::to_string(bins.last - 1);
  }
  auto text = bins.axis + " ";
  for (std::size_t i = 0; i < std::min(bins.labels.size(), shown); ++i)
    text += (i == 0 ? "'" : ", '") + bins.labels[i] + "'";
  if (bins.labels.size() > shown)
    text += ", … '" + bins.labels.back() + "' (" + std::to_string(bins.labels.size()) + " labels)";
  return text;
}

}  // namespace

void findings::add(damage found) {
  constexpr std::size_t most = 10000;
  if (list.size() < most)
    list.push_back(std::move(found));
  else
    ++omitted;
}

void findings::add_unreadable(const std::string& name, const std::string& reason) {
  if (is_rollup(name))
    add({owner_of(name), "unknown axes", {}, "", reason});
  else
    add({name, "", {}, "", reason});
}

void findings::add_chunk(const store::store& store, const store::chunk_key& key, std::size_t plane,
                         const std::string& reason) {
  const auto& record = store.record(key.histogram);
  const auto& axes = record.schema.axes;
  damage found{owner_of(store.name_of(key.histogram)),
               record.kept_axes.empty() ? "" : joined_names(axes),
               {},
               std::string{planes(record.schema.kind)[plane].name},
               reason};
  for (std::size_t i = 0; i < key.coordinate.rank; ++i) {
    const auto length = record.chunk_shape[i], begin = key.coordinate.index[i] * length;
    found.where.push_back(bins_of(axes[i], axis_name(axes, i), begin, begin + length));
  }
  add(std::move(found));
}

std::vector<store::histogram_id> all_histograms(const store::store& store) {
  std::vector<store::histogram_id> result;
  for (const auto& name : store.histograms()) {
    result.push_back(store.find(name));
    const auto& rollups = store.record(result.back()).rollups;
    result.insert(result.end(), rollups.begin(), rollups.end());
  }
  return result;
}

void check_chunks(store::store& store, base::thread_pool& pool, std::size_t memory,
                  const histogram::progress_callback& progress, findings& found, verify_report& report) {
  chunk::survey survey{store,
                       pool,
                       memory,
                       {.damaged = [&](const auto& key, std::size_t plane,
                                       const auto& reason) { found.add_chunk(store, key, plane, reason); },
                        .progress = progress}};
  survey.run(all_histograms(store));
  report.chunks = survey.chunks();
  report.bytes = survey.bytes();
}

}  // namespace hugehist::inspection

namespace hugehist {

std::string to_string(const damage& damage) {
  // Damage that was found at the opening is told as the error that it would be.
  if (damage.where.empty() && damage.reason.find("'" + damage.histogram) != std::string::npos) return damage.reason;
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (damage.histogram.empty())
    add("the file");
  else
    add("histogram '" + damage.histogram + "'");
  if (!damage.rollup.empty()) add("its roll-up of " + damage.rollup);
  for (const auto& bins : damage.where) add(inspection::to_string(bins));
  if (!damage.plane.empty()) add("plane '" + damage.plane + "'");
  return text + ": " + damage.reason;
}

}  // namespace hugehist
