#include "store/hdf5/planes.hpp"

#include "store/hdf5/groups.hpp"

#include <algorithm>
#include <string>

namespace hugehist::store::hdf5 {
namespace {

constexpr H5Z_filter_t zstd_filter = 32015;  // as registered with the HDF Group
constexpr std::size_t provisional_cells = (std::size_t{1} << 20) / element_size;

std::vector<hsize_t> to_hsize(const std::vector<std::size_t>& lengths) { return {lengths.begin(), lengths.end()}; }

hid_t file_type(const plane_info& plane) { return plane.is_integer ? H5T_STD_I64LE : H5T_IEEE_F64LE; }

/// HDF5 wants fixed lengths of at least the chunk's; an axis without bins gets room for the one that a chunk has.
std::vector<hsize_t> max_extents(const model::schema& schema) {
  std::vector<hsize_t> result;
  for (const auto& axis : schema.axes)
    result.push_back(axis.is_growing() || axis.extent() == 0 ? H5S_UNLIMITED : axis.extent());
  return result;
}

void add_filters(hid_t properties, const codec::settings& settings) {
  if (settings.method == codec::method::none) {
    check(H5Pset_deflate(properties, 0), "filters of a plane");  // for its checksum
    return;
  }
  check(H5Pset_shuffle(properties), "filters of a plane");
  // Optional, so that HDF5 does not ask for a plugin: the chunks come encoded.
  if (settings.method == codec::method::zstd) {
    // For programs that rewrite the chunks through HDF5, whose parameter has no negative levels.
    const auto level = static_cast<unsigned>(std::max(settings.level, 1));
    check(H5Pset_filter(properties, zstd_filter, H5Z_FLAG_OPTIONAL, 1, &level), "filters of a plane");
  } else {
    check(H5Pset_deflate(properties, static_cast<unsigned>(settings.level)), "filters of a plane");
  }
}

std::vector<H5Z_filter_t> expected_filters(const codec::settings& settings) {
  switch (settings.method) {
    case codec::method::zstd:
      return {H5Z_FILTER_SHUFFLE, zstd_filter};
    case codec::method::gzip:
      return {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE};
    default:
      return {H5Z_FILTER_DEFLATE};
  }
}

std::vector<H5Z_filter_t> filters_of(hid_t properties) {
  std::vector<H5Z_filter_t> result;
  const auto count = check(H5Pget_nfilters(properties), "filters of a plane");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    result.push_back(
        check(H5Pget_filter2(properties, i, &flags, &values, nullptr, 0, nullptr, nullptr), "filters of a plane"));
  }
  return result;
}

void require(bool condition, const plane_info& plane, const char* what) {
  if (!condition)
    throw failure{"the " + std::string{what} + " of its plane '" + std::string{plane.name} + "' do not belong to it",
                  "", 0};
}

void check_plane(hid_t storage, const plane_info& plane, const histogram_record& record) {
  const auto dataset = open_plane(storage, plane);
  const auto& schema = record.schema;
  require(dataset_extents(dataset) == model::extents(schema.axes), plane, "extents");

  const handle type{H5Dget_type(dataset), "type of a plane"};
  require(check(H5Tequal(type, file_type(plane)), "type of a plane") > 0, plane, "numbers");

  const handle space{H5Dget_space(dataset), "extents of a plane"};
  std::vector<hsize_t> maximal(schema.axes.size());
  check(H5Sget_simple_extent_dims(space, nullptr, maximal.data()), "extents of a plane");
  require(maximal == max_extents(schema), plane, "greatest extents");

  const handle properties{H5Dget_create_plist(dataset), "properties of a plane"};
  require(H5Pget_layout(properties) == H5D_CHUNKED, plane, "chunks");
  std::vector<hsize_t> chunk(schema.axes.size());
  require(H5Pget_chunk(properties, static_cast<int>(chunk.size()), chunk.data()) == static_cast<int>(chunk.size()),
          plane, "chunks");
  require(record.chunk_shape.empty() || chunk == to_hsize(record.chunk_shape), plane, "chunks");
  require(filters_of(properties) == expected_filters(record.codec), plane, "filters");
}

void create_plane(hid_t storage, const plane_info& plane, const histogram_record& record) {
  const std::string name{plane.name};
  if (exists(storage, name)) remove_link(storage, name);
  const auto extents = to_hsize(model::extents(record.schema.axes));
  const auto maximal = max_extents(record.schema);
  const auto chunk = to_hsize(shape_or_provisional(record));
  const auto rank = static_cast<int>(extents.size());
  const handle space{H5Screate_simple(rank, extents.data(), maximal.data()), "extents of a plane"};
  const handle properties{H5Pcreate(H5P_DATASET_CREATE), "properties of a plane"};
  check(H5Pset_chunk(properties, rank, chunk.data()), "chunks of a plane");
  // A chunk that nobody wrote takes no space and reads as the default fill value, 0.
  check(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_INCR), "properties of a plane");
  add_filters(properties, record.codec);
  const handle dataset{H5Dcreate2(storage, name.c_str(), file_type(plane), space, H5P_DEFAULT, properties, H5P_DEFAULT),
                       "creating a plane"};
}

}  // namespace

std::vector<std::size_t> compact_shape(const std::vector<std::size_t>& extents) {
  std::vector<std::size_t> shape(extents.size(), 1);
  std::size_t room = provisional_cells;
  for (auto i = extents.size(); i-- > 0 && room > 1;) {
    shape[i] = std::clamp<std::size_t>(extents[i], 1, room);
    room /= shape[i];
  }
  return shape;
}

std::vector<std::size_t> shape_or_provisional(const histogram_record& record) {
  if (!record.chunk_shape.empty()) return record.chunk_shape;
  auto extents = model::extents(record.schema.axes);
  for (std::size_t i = 0; i < extents.size(); ++i)
    if (record.schema.axes[i].is_growing()) extents[i] = 1;
  return compact_shape(extents);
}

void create_planes(hid_t storage, const histogram_record& record) {
  for (const auto& plane : planes(record.schema.kind)) create_plane(storage, plane, record);
}

void resize_planes(hid_t storage, const histogram_record& record) {
  const auto extents = to_hsize(model::extents(record.schema.axes));
  for (const auto& plane : planes(record.schema.kind))
    check(H5Dset_extent(open_plane(storage, plane), extents.data()), "resizing a plane");
}

void check_planes(hid_t storage, const histogram_record& record) {
  for (const auto& plane : planes(record.schema.kind)) check_plane(storage, plane, record);
}

handle open_plane(hid_t storage, const plane_info& plane) {
  // Chunks pass HDF5's own chunk cache by, so it gets no memory.
  const handle properties{H5Pcreate(H5P_DATASET_ACCESS), "properties of a plane"};
  check(H5Pset_chunk_cache(properties, 0, 0, 0), "properties of a plane");
  return {H5Dopen2(storage, std::string{plane.name}.c_str(), properties), "opening a plane"};
}

std::vector<std::size_t> dataset_extents(hid_t dataset) {
  const handle space{H5Dget_space(dataset), "extents of a dataset"};
  const auto rank = check(H5Sget_simple_extent_ndims(space), "extents of a dataset");
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), "extents of a dataset");
  return {lengths.begin(), lengths.end()};
}

}  // namespace hugehist::store::hdf5
