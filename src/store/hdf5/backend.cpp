#include "store/hdf5/backend.hpp"

#include "store/hdf5/chunk_io.hpp"
#include "store/hdf5/chunk_walk.hpp"
#include "store/hdf5/file_state.hpp"
#include "store/hdf5/groups.hpp"
#include "store/hdf5/histogram_io.hpp"
#include "store/hdf5/planes.hpp"
#include "store/hdf5/strangers.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace hugehist::store::hdf5 {
namespace {

/// A histogram of the file: what finding a chunk needs.
struct medium_histogram {
  std::string name;
  storage kind = storage::double_;
  bool growable = true;
  bool masks_differ = true;                       // between its chunks: what is not compressed has one mask
  std::vector<std::size_t> chunk_shape, extents;  // as committed
  plane_handles planes = {};                      // opened at first use
  std::array<bool, max_planes> absent = {};       // of a histogram of others without content
  bool made_by_commit = false;                    // by the one that runs: its planes are empty
  std::optional<storage_usage> usage = {};        // counted at first use after a commit: HDF5 walks its whole index
};

/// Slack for what a commit adds besides chunks: labels, indices, headers.
constexpr std::uint64_t metadata_slack = std::uint64_t{1} << 20;

class hdf5_backend final : public backend {
 public:
  hdf5_backend(std::shared_ptr<file_access> access, const std::string& uuid, damage_listener damage);
  ~hdf5_backend() override;

  std::string name() const override { return access_->name(); }
  bool writable() const noexcept override { return access_->writable(); }
  bool is_outdated() override { return access_->is_outdated(); }

  std::vector<stored_histogram> load() override;
  file_record load_file() override;
  merge_ledger load_ledger() override;

  found_chunk find_chunk(const chunk_key& key, std::size_t plane) override;
  bool has_chunk(const chunk_key& key, std::size_t plane) override;
  storage_usage usage(histogram_id id) const override;
  void visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) override;
  std::string uuid() const override { return uuid_; }
  std::vector<std::string> strangers() const override;

  void check_name(const std::string& name) const override;
  void apply(const change_set& changes) override;
  bool intact() const noexcept override { return intact_; }
  std::optional<std::uint64_t> compact_end() const override { return access_->compact_end(); }

  chunk_area& area() noexcept override { return access_->area(); }

 private:
  void find_histograms(const std::string& path, std::unordered_set<haddr_t>& seen,
                       std::vector<std::string>& found) const;
  stored_histogram load_histogram(const std::string& path);
  void load_rollups(std::size_t owner, std::vector<stored_histogram>& to);
  template <class Work>
  void attempt(const std::string& name, Work&& work) const;
  bool refers_to_ours(const std::string& path) const;

  static medium_histogram describe(const std::string& name, const histogram_record& record);
  medium_histogram& at(histogram_id id) const { return histograms_.at(id); }
  hid_t plane_of(medium_histogram& histogram, std::size_t plane) const;
  std::string chunk_name(const medium_histogram& histogram, const chunk_key& key, std::size_t plane) const;

  void apply_histograms(const change_set& changes);
  void retire_chunks(histogram_id id);
  void remove_histogram(histogram_id id);
  void remove_if_there(const std::string& path);
  void apply_chunks(const change_set& changes);
  void apply_chunk(medium_histogram& histogram, std::size_t plane, const std::vector<hsize_t>& offset,
                   const chunk_area::location& where);

  std::shared_ptr<file_access> access_;
  damage_listener damage_;
  std::string uuid_;
  mutable std::unordered_map<histogram_id, medium_histogram> histograms_;  // mutable: handles open at first use
  file_record file_;
  ledger_tail ledger_;
  std::uint64_t file_bytes_ = 0;
  bool intact_ = true;
};

hdf5_backend::hdf5_backend(std::shared_ptr<file_access> access, const std::string& uuid, damage_listener damage)
    : access_{std::move(access)}, damage_{std::move(damage)} {
  guarded<format_error>("cannot open '" + name() + "'", [&] {
    file_bytes_ = access_->size();
    if (access_->is_new()) {
      create_file_state(access_->file(), uuid);
      access_->publish();
    }
    if (const auto* const driver = access_->driver(); driver != nullptr && damage_) {
      if (driver->end() > driver->real_size())
        damage_("", "its end is missing: it has " + std::to_string(driver->real_size()) + " of " +
                        std::to_string(driver->end()) + " bytes");
      if (!driver->lost_commits().empty()) damage_("", driver->lost_commits());
    }
    attempt("", [&] {
      if (!has_file_state(access_->file())) return;
      try {
        check_file_version(access_->file(), writable());
        access_->set_commit_number(read_stamp(access_->file()));
      } catch (const format_error& problem) {
        throw format_error{"cannot open '" + name() + "': " + problem.what()};
      }
      uuid_ = read_uuid(access_->file());
    });
  });
}

hdf5_backend::~hdf5_backend() {
  const session in_session;
  histograms_.clear();
  access_.reset();
}

// ---- loading

/// Where damage is to be told, it ends `work` and nothing else.
template <class Work>
void hdf5_backend::attempt(const std::string& name, Work&& work) const {
  if (!damage_) return work();
  try {
    work();
  } catch (const error& problem) {
    damage_(name, problem.what());
  } catch (const std::system_error& problem) {
    damage_(name, problem.what());
  }
}

void hdf5_backend::find_histograms(const std::string& path, std::unordered_set<haddr_t>& seen,
                                   std::vector<std::string>& found) const {
  const auto group = open_group(access_->file(), path);
  // Hard links can make circles, and give one histogram two names: the first in order counts.
  if (!seen.insert(address_of(group)).second) return;
  constexpr std::ptrdiff_t deepest = 200;
  if (std::ranges::count(path, '/') > deepest)
    throw format_error{"'" + name() + "' has groups within groups, more than 200 deep"};
  if (is_histogram(group)) {
    found.push_back(path == "/" ? path : path.substr(1));
    return;
  }
  for (const auto& link : link_names(group)) {
    const auto below = (path == "/" ? "" : path) + "/" + link;
    attempt(below.substr(1), [&] {
      if (link != private_group && is_group(group, link)) find_histograms(below, seen, found);
    });
  }
}

medium_histogram hdf5_backend::describe(const std::string& name, const histogram_record& record) {
  return {name,
          record.schema.kind,
          record.growable,
          record.codec.method != codec::method::none,
          record.chunk_shape,
          model::extents(record.schema.axes)};
}

stored_histogram hdf5_backend::load_histogram(const std::string& path) {
  const auto context = "histogram '" + path + "' of '" + name() + "': ";
  try {
    const auto group = open_group(access_->file(), path);
    auto record = read_histogram(group, path == "/", writable(), file_bytes_);
    auto& known =
        histograms_.emplace(static_cast<histogram_id>(histograms_.size()), describe(path, record)).first->second;
    const auto storage = open_group(group, "storage");
    const auto wanted = planes(record.schema.kind);
    for (std::size_t i = 0; i < wanted.size(); ++i) known.absent[i] = !exists(storage, std::string{wanted[i].name});
    return {path, std::move(record)};
  } catch (const failure&) {
    throw;
  } catch (const corruption_error& problem) {
    throw corruption_error{context + problem.what()};
  } catch (const format_error& problem) {
    throw format_error{context + problem.what()};
  } catch (const error& problem) {
    throw format_error{context + problem.what()};
  }
}

/// Appends the histogram's roll-ups, after it.
void hdf5_backend::load_rollups(std::size_t owner, std::vector<stored_histogram>& to) {
  const auto name = to[owner].name;
  const auto folder = name + std::string{rollup_folder, std::strlen(rollup_folder) - 1};
  if (!to[owner].record.growable || !exists(access_->file(), folder)) return;
  for (const auto& link : link_names(open_group(access_->file(), folder))) {
    attempt(folder + "/" + link, [&] {
      auto rollup = load_histogram(folder + "/" + link);
      try {
        check_rollup(rollup.record, to[owner].record);
      } catch (const corruption_error& problem) {
        throw corruption_error{"histogram '" + rollup.name + "' of '" + this->name() + "': " + problem.what()};
      }
      to.push_back(std::move(rollup));
    });
  }
}

std::vector<stored_histogram> hdf5_backend::load() {
  return guarded<corruption_error>("cannot read '" + name() + "'", [&] {
    std::vector<std::string> paths;
    std::unordered_set<haddr_t> seen;
    attempt("", [&] { find_histograms("/", seen, paths); });
    if (!damage_ && paths.empty() && !has_file_state(access_->file()) &&
        !link_names(open_group(access_->file(), "/")).empty())
      throw format_error{"'" + name() + "' is an HDF5 file, but it holds no UHI histogram"};
    std::vector<stored_histogram> result;
    for (const auto& path : paths) {
      attempt(path, [&] {
        try {
          result.push_back(load_histogram(path));
          load_rollups(result.size() - 1, result);
        } catch (const failure& problem) {
          throw failure{"histogram '" + path + "': " + problem.what(), problem.trace(), problem.code()};
        }
      });
    }
    return result;
  });
}

file_record hdf5_backend::load_file() {
  guarded<corruption_error>("cannot read '" + name() + "'", [&] {
    const auto listener = [&](const std::string& reason) {
      if (!damage_) throw corruption_error{"'" + name() + "': " + reason};
      damage_("", reason);
    };
    attempt("", [&] { file_ = read_file_record(access_->file(), file_bytes_, listener); });
  });
  return file_;
}

merge_ledger hdf5_backend::load_ledger() {
  merge_ledger ids;
  guarded<corruption_error>("cannot read the ledger of '" + name() + "'", [&] {
    attempt("", [&] {
      try {
        ids = read_ledger(access_->file(), ledger_, file_bytes_);
      } catch (const corruption_error& problem) {
        throw corruption_error{"'" + name() + "': " + problem.what()};
      }
    });
  });
  return ids;
}

// ---- chunks

hid_t hdf5_backend::plane_of(medium_histogram& histogram, std::size_t plane) const {
  auto& dataset = histogram.planes[plane];
  if (!dataset.is_open()) {
    const auto storage = open_group(access_->file(), histogram.name == "/" ? "/storage" : histogram.name + "/storage");
    const auto& info = planes(histogram.kind)[plane];
    dataset = histogram.growable ? open_plane(storage, info) : open_dataset(storage, std::string{info.name});
  }
  return dataset;
}

std::string hdf5_backend::chunk_name(const medium_histogram& histogram, const chunk_key& key, std::size_t plane) const {
  std::string text = "chunk (";
  for (auto index : key.coordinate.indices()) text += (text.back() == '(' ? "" : ", ") + std::to_string(index);
  return text + "), plane '" + std::string{planes(histogram.kind)[plane].name} + "', of histogram '" + histogram.name +
         "' in '" + name() + "'";
}

found_chunk hdf5_backend::find_chunk(const chunk_key& key, std::size_t plane) {
  auto& histogram = at(key.histogram);
  const auto offset = chunk_offset(key.coordinate, histogram.chunk_shape, histogram.extents);
  if (!offset || histogram.absent[plane]) return {};
  const session in_session;
  try {
    const auto dataset = plane_of(histogram, plane);
    if (histogram.growable) {
      auto found = find_stored_chunk(dataset, *offset, file_bytes_, access_->driver());
      if (const auto* place = std::get_if<chunk_area::location>(&found)) access_->driver()->check_used(*place);
      return found;
    }
    return read_foreign_chunk(dataset, planes(histogram.kind)[plane].is_integer, *offset, histogram.chunk_shape,
                              histogram.extents);
  } catch (const failure& problem) {
    const auto what = chunk_name(histogram, key, plane) + ": " + problem.what();
    if (problem.code() != 0) throw std::system_error{problem.code(), std::generic_category(), what};
    throw corruption_error{what};
  } catch (const format_error& problem) {
    throw format_error{chunk_name(histogram, key, plane) + ": " + problem.what()};
  }
}

bool hdf5_backend::has_chunk(const chunk_key& key, std::size_t plane) {
  auto& histogram = at(key.histogram);
  const auto offset = chunk_offset(key.coordinate, histogram.chunk_shape, histogram.extents);
  if (!offset || histogram.absent[plane]) return false;
  if (!histogram.growable) return true;
  const session in_session;
  try {
    return stored_chunk_bytes(plane_of(histogram, plane), *offset) > 0;
  } catch (const failure& problem) {
    throw corruption_error{chunk_name(histogram, key, plane) + ": " + problem.what()};
  }
}

storage_usage hdf5_backend::usage(histogram_id id) const {
  auto& histogram = at(id);
  if (histogram.usage) return *histogram.usage;
  return guarded<corruption_error>("cannot read histogram '" + histogram.name + "' of '" + name() + "'", [&] {
    storage_usage result;
    for (std::size_t plane = 0; plane < planes(histogram.kind).size(); ++plane) {
      if (histogram.absent[plane]) continue;
      const auto dataset = plane_of(histogram, plane);
      result.bytes += H5Dget_storage_size(dataset);
      const handle properties{H5Dget_create_plist(dataset), "properties of a plane"};
      const handle space{H5Dget_space(dataset), "extents of a plane"};
      hsize_t chunks = 1;
      if (H5Pget_layout(properties) == H5D_CHUNKED)
        check(H5Dget_num_chunks(dataset, space, &chunks), "counting chunks");
      result.chunks = std::max<std::uint64_t>(result.chunks, chunks);
    }
    histogram.usage = result;
    return result;
  });
}

void hdf5_backend::visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) {
  auto& histogram = at(id);
  if (histogram.absent[plane] || histogram.chunk_shape.empty()) return;
  if (!histogram.growable) return visit_places(histogram.chunk_shape, histogram.extents, visitor);
  guarded<corruption_error>("cannot read histogram '" + histogram.name + "' of '" + name() + "'", [&] {
    const auto dataset = plane_of(histogram, plane);
    visit_stored_chunks(dataset, histogram.chunk_shape, histogram.extents, visitor);
  });
}

std::vector<std::string> hdf5_backend::strangers() const {
  return guarded<corruption_error>("cannot read '" + name() + "'", [&] {
    std::set<std::string> ours;
    for (const auto& [id, histogram] : histograms_)
      if (histogram.growable) ours.insert(histogram.name);
    return find_strangers(access_->file(), ours);
  });
}

// ---- changing

bool hdf5_backend::refers_to_ours(const std::string& path) const {
  return std::ranges::any_of(histograms_, [&](const auto& entry) { return entry.second.name == path; });
}

void hdf5_backend::check_name(const std::string& name) const {
  const auto refuse = [&](const std::string& path) {
    throw std::invalid_argument{"cannot create histogram '" + name + "' in '" + this->name() + "': '" + path +
                                "' is something else in that file"};
  };
  guarded<error>("cannot look for '" + name + "' in '" + this->name() + "'", [&] {
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
      const auto parent = name.substr(0, slash);
      if (check(H5Lexists(access_->file(), parent.c_str(), H5P_DEFAULT), "looking for a link") == 0) return;
      if (!is_group(access_->file(), parent)) refuse(parent);
    }
    if (check(H5Lexists(access_->file(), name.c_str(), H5P_DEFAULT), "looking for a link") == 0) return;
    if (refers_to_ours(name)) return;  // it was removed in the working state
    // What removing histograms leaves behind is an empty group, and no reason to refuse.
    if (!is_group(access_->file(), name) || !is_bare(open_group(access_->file(), name))) refuse(name);
  });
}

void hdf5_backend::remove_if_there(const std::string& path) {
  if (exists(access_->file(), path)) remove_link(access_->file(), path);
}

/// HDF5 does not tell what it lets go with a dataset. What cannot be found is lost until the file is repacked.
void hdf5_backend::retire_chunks(histogram_id id) {
  auto* const driver = access_->driver();
  const auto found = histograms_.find(id);
  if (driver == nullptr || found == histograms_.end() || !found->second.growable) return;
  auto& histogram = found->second;
  for (std::size_t plane = 0; plane < planes(histogram.kind).size() && !histogram.chunk_shape.empty(); ++plane) {
    const auto dataset = plane_of(histogram, plane);
    const auto retire = [&](const chunk_coordinate& where) {
      const auto offset = chunk_offset(where, histogram.chunk_shape, histogram.extents);
      const auto chunk = find_stored_chunk(dataset, *offset, file_bytes_, driver);
      if (const auto* place = std::get_if<chunk_area::location>(&chunk)) driver->retire(place->offset, place->size);
    };
    try {
      visit_stored_chunks(dataset, histogram.chunk_shape, histogram.extents,
                          {retire, [](const auto&, const auto&) {}, steps_in_seconds});
    } catch (const failure&) {
      continue;
    }
  }
}

void hdf5_backend::remove_histogram(histogram_id id) {
  const auto found = histograms_.find(id);
  if (found == histograms_.end()) return;  // an earlier try of this commit came as far
  const auto path = found->second.name;
  for (auto& plane : found->second.planes) plane.reset();
  remove_if_there(path);
  histograms_.erase(found);
  // Groups that held nothing else go with it.
  for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1)) {
    const auto parent = path.substr(0, slash);
    if (!exists(access_->file(), parent) || !is_bare(open_group(access_->file(), parent))) return;
    remove_link(access_->file(), parent);
  }
}

void hdf5_backend::apply_histograms(const change_set& changes) {
  for (auto id : changes.removed) retire_chunks(id);  // roll-ups go with the histogram that they are in
  for (auto id : changes.removed) remove_histogram(id);
  for (const auto& [id, path, record] : changes.create) {
    histograms_.erase(id);
    remove_if_there(path);
    write_histogram(create_group(access_->file(), path), record);
    histograms_.emplace(id, describe(path, record)).first->second.made_by_commit = true;
  }
  for (const auto& change : changes.change) {
    auto& known = at(change.id);
    for (auto& plane : known.planes) plane.reset();
    update_histogram(open_group(access_->file(), change.name), *change.record, change.labels_before,
                     change.chunk_shape_changed);
    known.chunk_shape = change.record->chunk_shape;
    known.made_by_commit = change.chunk_shape_changed;
    known.extents = model::extents(change.record->schema.axes);
  }
}

void hdf5_backend::apply_chunks(const change_set& changes) {
  changes.for_each_chunk([&](const chunk_key& key, std::size_t plane, const chunk_area::location& where) {
    auto& histogram = at(key.histogram);
    const auto offset = chunk_offset(key.coordinate, histogram.chunk_shape, histogram.extents);
    if (!offset) throw error{chunk_name(histogram, key, plane) + " lies outside of its axes"};
    try {
      apply_chunk(histogram, plane, *offset, where);
    } catch (const failure& problem) {
      throw failure{chunk_name(histogram, key, plane) + ": " + problem.what(), problem.trace(), problem.code()};
    }
  });
  // HDF5 (1.10.8) remembers the chunk that it looked up last and does not notice that H5Dwrite_chunk changed it: a
  // read through the same handle would get the old filter mask, so the right bytes and wrong numbers.
  for (auto& [id, histogram] : histograms_) {
    for (auto& plane : histogram.planes) plane.reset();
    histogram.made_by_commit = false;
  }
}

/// One chunk that waits in the area becomes the dataset's.
void hdf5_backend::apply_chunk(medium_histogram& histogram, std::size_t plane, const std::vector<hsize_t>& offset,
                               const chunk_area::location& where) {
  auto* const driver = access_->driver();
  found_chunk old;
  if (!histogram.made_by_commit) old = find_stored_chunk(plane_of(histogram, plane), offset, file_bytes_, driver);
  std::optional<chunk_area::location> replaced;
  std::size_t old_size = 0;
  if (const auto* place = std::get_if<chunk_area::location>(&old)) {
    if (place->offset == where.offset) return;  // an earlier try of this commit came as far
    replaced = *place;
    old_size = place->size;
  } else if (const auto* content = std::get_if<codec::encoded_chunk>(&old)) {
    old_size = content->bytes.size();
  }
  // HDF5 (1.10.8) writes a chunk that keeps its size in place, and then keeps its old filter mask, too. Another size in
  // between makes it a new entry; the handle is opened again because it remembers the chunk.
  if (histogram.masks_differ && old_size == where.size) {
    const std::uint32_t other_size = where.size == 1 ? 2 : 1;
    if (driver != nullptr) driver->expect_scratch(other_size);
    write_stored_chunk(plane_of(histogram, plane), offset,
                       codec::encoded_chunk{std::vector<std::byte>(other_size), where.filter_mask});
    if (driver != nullptr) driver->expect_nothing();
    histogram.planes[plane].reset();
  }
  if (driver == nullptr) {
    write_stored_chunk(plane_of(histogram, plane), offset, access_->area().read(where));
    return;
  }
  const auto dataset = plane_of(histogram, plane);
  driver->expect(where);
  try {
    write_placed_chunk(dataset, offset, where);
  } catch (...) {
    driver->expect_nothing();  // else other data of that size would be taken for the chunk
    throw;
  }
  driver->adopt(where, replaced);
}

void hdf5_backend::apply(const change_set& changes) {
  access_->reserve(changes.chunk_bytes / 16 + metadata_slack);
  guarded<error>("cannot commit to '" + name() + "'", [&] {
    if (!intact_) file_bytes_ = access_->size();  // an earlier try of this commit made it longer
    intact_ = false;
    for (auto& [id, histogram] : histograms_) histogram.usage.reset();
    if (!has_file_state(access_->file())) {
      create_file_state(access_->file(), {});
      uuid_ = read_uuid(access_->file());
    }
    apply_histograms(changes);
    apply_chunks(changes);
    const auto ledger = append_ledger(access_->file(), ledger_, changes.new_ledger_entries);
    if (changes.file != nullptr) write_file_record(access_->file(), file_, *changes.file);
    const auto stamp = write_stamp(access_->file(), access_->commit_number() + 1);
    access_->flush();
    access_->sync(stamp);
    if (changes.file != nullptr) file_ = *changes.file;
    ledger_ = ledger;
    file_bytes_ = access_->size();
    intact_ = true;
  });
}

}  // namespace

std::unique_ptr<backend> make_backend(std::shared_ptr<file_access> access, const std::string& uuid,
                                      damage_listener damage) {
  return std::make_unique<hdf5_backend>(std::move(access), uuid, std::move(damage));
}

}  // namespace hugehist::store::hdf5
