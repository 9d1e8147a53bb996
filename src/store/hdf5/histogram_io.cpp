#include "store/hdf5/histogram_io.hpp"

#include "store/hdf5/attributes.hpp"
#include "store/hdf5/axis_io.hpp"
#include "store/hdf5/canonical.hpp"
#include "store/hdf5/groups.hpp"
#include "store/hdf5/planes.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <stdexcept>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::int64_t uhi_schema_version = 1;
// A histogram with roll-ups is written only by those who keep them up to date.
constexpr std::uint64_t rollup_feature = 1;
constexpr std::uint64_t known_reader_features = 0;
constexpr std::uint64_t known_writer_features = rollup_feature;
// boost-histogram's own key: with it hist, too, says that the values are no variances.
constexpr const char* variance_known_key = "_variance_known";

constexpr std::array<const char*, 3> method_names{"none", "zstd", "gzip"};
static_assert(static_cast<int>(codec::method::none) == 0 && static_cast<int>(codec::method::gzip) == 2);

// ---- writing

void write_axes(hid_t group, const model::schema& schema) {
  const auto folder = create_group(group, "ref_axes");
  std::vector<hobj_ref_t> references;
  for (std::size_t i = 0; i < schema.axes.size(); ++i) {
    const auto name = "axis_" + std::to_string(i);
    write_axis(create_group(folder, name), schema.axes[i]);
    hobj_ref_t reference = 0;
    check(H5Rcreate(&reference, folder, name.c_str(), H5R_OBJECT, -1), "referring to an axis");
    references.push_back(reference);
  }
  const hsize_t length = references.size();
  const handle space{H5Screate_simple(1, &length, nullptr), "list of axes"};
  const handle dataset{H5Dcreate2(group, "axes", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                       "list of axes"};
  check(H5Dwrite(dataset, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, references.data()), "list of axes");
  check(H5Dflush(dataset), "list of axes");  // else closing does, and nobody hears that it failed
}

/// What may change after creation, the checksum last.
void write_changing(hid_t group, const histogram_record& record) {
  const auto own = open_group(group, private_group);
  write_unsigned(own, "writer_features", record.rollups.empty() ? 0 : rollup_feature);
  write_attribute(own, "variance_known", scalar{record.schema.variance_known});
  if (!record.kept_axes.empty()) write_attribute(own, "stale", scalar{record.stale});
  if (!record.chunk_shape.empty()) write_sizes(own, "chunk_shape", record.chunk_shape);
  write_unsigned(own, "checksum", schema_checksum(record));
  if (record.schema.variance_known && !exists(group, "metadata")) return;
  const auto metadata = exists(group, "metadata") ? open_group(group, "metadata") : create_group(group, "metadata");
  if (record.schema.variance_known)
    remove_attribute(metadata, variance_known_key);
  else
    write_attribute(metadata, variance_known_key, scalar{false});
}

void write_private(hid_t group, const histogram_record& record) {
  const auto own = create_group(group, private_group);
  write_version(own);
  write_attribute(own, "codec", scalar{std::string{method_names.at(static_cast<std::size_t>(record.codec.method))}});
  write_attribute(own, "level", scalar{std::int64_t{record.codec.level}});
  if (!record.expected.empty()) write_sizes(own, "expected", record.expected);
  if (record.has_variations_axis) write_unsigned(own, "variations_axis", record.variations_axis);
  if (!record.kept_axes.empty()) write_sizes(own, "kept_axes", record.kept_axes);
  write_changing(group, record);
}

// ---- reading

std::string read_text(hid_t object, const char* name) {
  const auto value = read_attribute(object, name);
  if (!value || !std::holds_alternative<std::string>(*value))
    throw format_error{std::string{"its attribute '"} + name + "' is missing or no text"};
  return std::get<std::string>(*value);
}

std::int64_t read_integer(hid_t object, const char* name) {
  const auto value = read_attribute(object, name);
  if (!value || !std::holds_alternative<std::int64_t>(*value))
    throw format_error{std::string{"its attribute '"} + name + "' is missing or no whole number"};
  return std::get<std::int64_t>(*value);
}

bool read_flag(hid_t object, const char* name) {
  const auto value = read_attribute(object, name);
  if (!value || !std::holds_alternative<bool>(*value))
    throw format_error{std::string{"its attribute '"} + name + "' is missing or neither true nor false"};
  return std::get<bool>(*value);
}

/// Where the axes are, by what a reference to them holds. HDF5 takes what lies at any address for an object, so no
/// reference is followed that was not found here.
std::map<hobj_ref_t, std::string> axis_names(hid_t folder) {
  std::map<hobj_ref_t, std::string> result;
  for (auto& name : link_names(folder)) {
    if (!is_group(folder, name)) continue;
    hobj_ref_t reference = 0;
    check(H5Rcreate(&reference, folder, name.c_str(), H5R_OBJECT, -1), "finding an axis");
    result.emplace(reference, std::move(name));
  }
  return result;
}

std::vector<axis::any> read_axes(hid_t group, std::uint64_t file_bytes) {
  if (!is_dataset(group, "axes") || !is_group(group, "ref_axes")) throw format_error{"its list of axes is missing"};
  const auto dataset = open_dataset(group, "axes");
  const handle type{H5Dget_type(dataset), "list of axes"};
  const auto extents = dataset_extents(dataset);
  if (extents.size() != 1 || extents[0] > max_rank || check(H5Tequal(type, H5T_STD_REF_OBJ), "list of axes") == 0)
    throw format_error{"its list of axes is none of up to 32 references"};
  if (extents[0] == 0) throw format_error{"it has no axes, and a histogram needs one"};
  std::vector<hobj_ref_t> references(extents[0]);
  check(H5Dread(dataset, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, references.data()), "list of axes");

  const auto folder = open_group(group, "ref_axes");
  const auto names = axis_names(folder);
  std::vector<axis::any> axes;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const auto name = names.find(references[i]);
    if (name == names.end()) throw format_error{"a reference in its list of axes leads to no axis"};
    const auto axis = open_group(folder, name->second);
    try {
      axes.push_back(read_axis(axis, file_bytes));
    } catch (const format_error& problem) {
      throw format_error{"axis " + std::to_string(i) + ": " + problem.what()};
    } catch (const std::invalid_argument& problem) {
      throw format_error{"axis " + std::to_string(i) + ": " + problem.what()};
    }
  }
  return axes;
}

model::schema read_schema(hid_t group, std::uint64_t file_bytes) {
  const auto version = read_integer(group, "uhi_schema");
  if (version != uhi_schema_version)
    throw format_error{"it follows version " + std::to_string(version) +
                       " of the UHI schema, and this version of hugehist reads version 1"};
  if (!is_group(group, "storage")) throw format_error{"its storage is missing"};
  model::schema schema{read_axes(group, file_bytes)};
  const auto storage = open_group(group, "storage");
  if (exists(storage, "index"))
    throw format_error{
        "its storage is sparse (it has an 'index'), which hugehist does not read: write it again "
        "with uhi.io.from_sparse, or without to_sparse"};
  const auto type = read_text(storage, "type");
  schema.kind = storage_from_string(type);
  schema.metadata = read_group_attributes(group, "metadata");
  if (const auto known = schema.metadata.find(variance_known_key); known != schema.metadata.end()) {
    const auto* flag = std::get_if<bool>(&known->second);
    schema.variance_known = flag == nullptr || *flag;
    schema.metadata.erase(known);
  }
  try {
    model::validate(schema);
  } catch (const std::invalid_argument& problem) {
    throw format_error{problem.what()};
  }
  return schema;
}

void read_private(hid_t own, histogram_record& record) {
  const auto method = read_text(own, "codec");
  std::size_t index = 0;
  while (index < method_names.size() && method != method_names[index]) ++index;
  if (index == method_names.size()) throw format_error{"its compression '" + method + "' is unknown"};
  record.codec.method = static_cast<codec::method>(index);
  const auto level = read_integer(own, "level");
  if (level < -100 || level > 100) throw format_error{"its compression level is out of range"};
  record.codec.level = static_cast<int>(level);
  record.schema.variance_known = read_flag(own, "variance_known");
  record.chunk_shape = read_sizes(own, "chunk_shape");
  record.expected = read_sizes(own, "expected");
  const auto rank = record.schema.axes.size();
  if ((!record.chunk_shape.empty() && record.chunk_shape.size() != rank) ||
      (!record.expected.empty() && record.expected.size() != rank))
    throw format_error{"its chunk shape has another number of lengths than there are axes"};
  if (const auto variations = read_unsigned(own, "variations_axis")) {
    if (*variations >= rank) throw format_error{"its axis of variations does not exist"};
    record.variations_axis = *variations;
    record.has_variations_axis = true;
  }
  record.kept_axes = read_sizes(own, "kept_axes");
  if (!record.kept_axes.empty()) record.stale = read_flag(own, "stale");
  if (read_unsigned(own, "checksum") != schema_checksum(record))
    throw corruption_error{"its axes, labels or storage do not have the checksum that they were written with"};
}

/// A histogram that we wrote: whatever is wrong with it is damage.
histogram_record read_own(hid_t group, bool for_writing, std::uint64_t file_bytes) {
  const auto own = open_group(group, private_group);
  check_version(own, for_writing);
  try {
    histogram_record record{read_schema(group, file_bytes)};
    read_private(own, record);
    check_planes(open_group(group, "storage"), record);
    return record;
  } catch (const format_error& problem) {
    throw corruption_error{std::string{"it is damaged, or was changed by another program: "} + problem.what()};
  } catch (const failure& problem) {
    if (problem.code() != 0) throw;
    throw corruption_error{std::string{"it is damaged, or was changed by another program: "} + problem.what()};
  }
}

/// A plane that others wrote: any numbers, any layout, but as many as there are bins.
void check_foreign_plane(hid_t storage, const plane_info& plane, const std::vector<std::size_t>& extents) {
  const std::string name{plane.name};
  const auto dataset = open_dataset(storage, name);
  const handle type{H5Dget_type(dataset), "type of a plane"};
  const auto numbers = H5Tget_class(type);
  if (numbers != H5T_INTEGER && numbers != H5T_FLOAT) throw format_error{"its plane '" + name + "' holds no numbers"};
  if (H5Tget_size(type) > 16) throw format_error{"its plane '" + name + "' holds numbers that are too wide"};
  if (dataset_extents(dataset) != extents)
    throw format_error{"its plane '" + name + "' has another shape than its axes (flow bins included)"};
  const handle properties{H5Dget_create_plist(dataset), "properties of a plane"};
  for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const auto filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    if (H5Zfilter_avail(filter) <= 0)
      throw format_error{"its plane '" + name + "' is packed with HDF5 filter " + std::to_string(filter) +
                         ", which is not built in: write it again with gzip or without compression"};
  }
}

/// The chunks that a dataset of others is read in: its own where they are of a fair size.
std::vector<std::size_t> foreign_chunk_shape(hid_t storage, const histogram_record& record,
                                             const std::vector<std::size_t>& extents) {
  constexpr std::size_t fair_cells = (std::size_t{4} << 20) / element_size;
  const std::string first{planes(record.schema.kind).front().name};
  if (exists(storage, first)) {
    const auto dataset = open_dataset(storage, first);
    const handle properties{H5Dget_create_plist(dataset), "properties of a plane"};
    std::vector<hsize_t> chunk(extents.size());
    if (H5Pget_layout(properties) == H5D_CHUNKED &&
        H5Pget_chunk(properties, static_cast<int>(chunk.size()), chunk.data()) == static_cast<int>(chunk.size())) {
      std::size_t cells = 1;
      for (auto length : chunk)
        if (__builtin_mul_overflow(cells, length, &cells)) cells = fair_cells + 1;
      if (cells <= fair_cells) return {chunk.begin(), chunk.end()};
    }
  }
  return compact_shape(extents);
}

histogram_record read_foreign(hid_t group, std::uint64_t file_bytes) {
  histogram_record record{read_schema(group, file_bytes)};
  const auto storage = open_group(group, "storage");
  const auto extents = model::extents(record.schema.axes);
  // A histogram without content (its structure alone) has no planes at all.
  std::size_t present = 0;
  const auto wanted = planes(record.schema.kind);
  for (const auto& plane : wanted) {
    if (!exists(storage, std::string{plane.name})) continue;
    check_foreign_plane(storage, plane, extents);
    ++present;
  }
  if (present != 0 && present != wanted.size()) throw format_error{"a plane of its storage is missing"};
  record.codec = {codec::method::none, 0};
  record.chunk_shape = foreign_chunk_shape(storage, record, extents);
  record.growable = false;
  const auto categories = model::category_axes(record.schema.axes);
  record.has_variations_axis = !categories.empty();
  record.variations_axis = categories.empty() ? 0 : categories.back();
  return record;
}

}  // namespace

bool is_histogram(hid_t group) { return has_attribute(group, "uhi_schema"); }

void write_version(hid_t group) {
  write_attribute(group, "format_version", scalar{format_version});
  write_attribute(group, "writer", scalar{std::string{writer_name}});
  write_unsigned(group, "reader_features", 0);
  write_unsigned(group, "writer_features", 0);
}

void check_version(hid_t group, bool for_writing) {
  const auto version = read_attribute(group, "format_version");
  const auto* number = version ? std::get_if<std::int64_t>(&*version) : nullptr;
  if (number == nullptr) throw format_error{"its group 'hugehist' was not written by hugehist"};
  const auto writer_value = read_attribute(group, "writer");
  const auto* writer = writer_value ? std::get_if<std::string>(&*writer_value) : nullptr;
  const auto who = writer == nullptr ? std::string{"an unknown program"} : *writer;
  const auto own = std::string{"; this is "} + writer_name;
  if (*number > format_version)
    throw format_error{"it has format version " + std::to_string(*number) + ", written by " + who + own +
                       ", which knows version " + std::to_string(format_version) + ": install a newer hugehist"};
  if (*number < 1) throw format_error{"its format version " + std::to_string(*number) + " does not exist"};
  if ((read_unsigned(group, "reader_features").value_or(0) & ~known_reader_features) != 0)
    throw format_error{"it uses features that " + who + " knows and this version cannot read" + own +
                       ": install a newer hugehist"};
  if (for_writing && (read_unsigned(group, "writer_features").value_or(0) & ~known_writer_features) != 0)
    throw format_error{"it uses features that " + who + " knows and this version cannot write" + own +
                       ": open it for reading, or install a newer hugehist"};
}

void write_histogram(hid_t group, const histogram_record& record) {
  write_attribute(group, "uhi_schema", scalar{uhi_schema_version});
  write_group_attributes(group, "metadata", record.schema.metadata);
  write_group_attributes(group, "writer_info/hugehist", {{"version", std::string{writer_name}}});
  write_axes(group, record.schema);
  const auto storage = create_group(group, "storage");
  write_attribute(storage, "type", scalar{std::string{to_string(record.schema.kind)}});
  create_planes(storage, record);
  write_private(group, record);
}

void update_histogram(hid_t group, const histogram_record& record, const std::vector<std::size_t>& labels_before,
                      bool chunk_shape_changed) {
  const auto& axes = record.schema.axes;
  bool grown = false;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i].is_category() || axes[i].size() == labels_before[i]) continue;
    write_labels(open_group(group, "ref_axes/axis_" + std::to_string(i)), axes[i], labels_before[i]);
    grown = true;
  }
  const auto storage = open_group(group, "storage");
  if (chunk_shape_changed)
    create_planes(storage, record);
  else if (grown)
    resize_planes(storage, record);
  write_changing(group, record);
}

histogram_record read_histogram(hid_t group, bool is_root, bool for_writing, std::uint64_t file_bytes) {
  if (!is_root && is_group(group, private_group)) return read_own(group, for_writing, file_bytes);
  return read_foreign(group, file_bytes);
}

void check_rollup(const histogram_record& rollup, const histogram_record& owner) {
  const auto& axes = owner.schema.axes;
  bool fits = !rollup.kept_axes.empty() && rollup.kept_axes.size() == rollup.schema.axes.size() &&
              std::ranges::adjacent_find(rollup.kept_axes, std::greater_equal{}) == rollup.kept_axes.end() &&
              rollup.kept_axes.back() < axes.size() && rollup.schema.kind == owner.schema.kind;
  for (std::size_t i = 0; fits && !rollup.stale && i < rollup.kept_axes.size(); ++i)
    fits = rollup.schema.axes[i] == axes[rollup.kept_axes[i]];
  if (!fits)
    throw corruption_error{"it is damaged, or was changed by another program: it is no roll-up of its histogram"};
}

}  // namespace hugehist::store::hdf5
