#include "store/hdf5/lists.hpp"

#include "store/hdf5/groups.hpp"

#include <algorithm>
#include <cstring>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::size_t list_chunk_bytes = 4096;
constexpr std::size_t text_step = 16;          // texts grow in steps of this, so that few make the list anew
constexpr std::size_t slice_bytes = 1 << 20;   // texts are padded in slices: one long label must not multiply memory
constexpr std::uint64_t deflate_limit = 1100;  // deflate packs at most 1032 bytes into one

handle text_type(std::size_t width) {
  handle type{H5Tcopy(H5T_C_S1), "text type"};
  check(H5Tset_size(type, width), "text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "text type");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "text type");
  return type;
}

handle create_list(hid_t group, const char* name, hid_t type, hsize_t length) {
  const hsize_t unlimited = H5S_UNLIMITED;
  const hsize_t chunk = std::max<hsize_t>(1, list_chunk_bytes / H5Tget_size(type));
  const handle space{H5Screate_simple(1, &length, &unlimited), "space of a list"};
  const handle properties{H5Pcreate(H5P_DATASET_CREATE), "properties of a list"};
  check(H5Pset_chunk(properties, 1, &chunk), "properties of a list");
  return {H5Dcreate2(group, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT), "creating a list"};
}

/// Whether a dataset is a list that can take elements of that type, of which texts may be shorter than its own.
bool can_take(hid_t dataset, hid_t type) {
  const handle space{H5Dget_space(dataset), "space of a list"};
  const handle properties{H5Dget_create_plist(dataset), "properties of a list"};
  if (H5Sget_simple_extent_ndims(space) != 1 || H5Pget_layout(properties) != H5D_CHUNKED) return false;
  const handle stored{H5Dget_type(dataset), "type of a list"};
  if (H5Tget_class(stored) != H5T_STRING || H5Tget_class(type) != H5T_STRING) return H5Tequal(stored, type) > 0;
  return H5Tis_variable_str(stored) == 0 && H5Tget_size(stored) >= H5Tget_size(type);
}

/// The list as a dataset of `length` elements: the one there is where it can take them, else a new one, and then
/// `keep` becomes 0. A new one costs the space of the old, of which HDF5 keeps no book.
handle list_for_writing(hid_t group, const char* name, hid_t type, hsize_t length, std::size_t& keep) {
  if (exists(group, name)) {
    handle dataset = open_dataset(group, name);
    if (can_take(dataset, type)) {
      check(H5Dset_extent(dataset, &length), "extending a list");
      return dataset;
    }
    dataset.reset();
    remove_link(group, name);
  }
  keep = 0;
  return create_list(group, name, type, length);
}

void write_part(hid_t dataset, hid_t memory_type, hsize_t first, hsize_t count, const void* data) {
  if (count == 0) return;
  const handle space{H5Dget_space(dataset), "space of a list"};
  check(H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, nullptr, &count, nullptr), "part of a list");
  const handle memory{H5Screate_simple(1, &count, nullptr), "part of a list"};
  check(H5Dwrite(dataset, memory_type, memory, space, H5P_DEFAULT, data), "writing a list");
  check(H5Dflush(dataset), "writing a list");  // else closing does, and nobody hears that it failed
}

template <class T>
void write_elements(hid_t group, const char* name, hid_t file_type, hid_t memory_type, std::span<const T> values,
                    std::size_t keep) {
  const auto dataset = list_for_writing(group, name, file_type, values.size(), keep);
  write_part(dataset, memory_type, keep, values.size() - keep, values.data() + keep);
}

template <class T>
std::vector<T> read_elements(hid_t dataset, hid_t memory_type, std::uint64_t file_bytes) {
  std::vector<T> values(list_length(dataset, file_bytes));
  if (!values.empty())
    check(H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "reading a list");
  return values;
}

std::vector<std::string> read_variable_texts(hid_t dataset, hid_t file_type, std::size_t length) {
  const handle type{H5Tcopy(H5T_C_S1), "text type"};
  check(H5Tset_size(type, H5T_VARIABLE), "text type");
  check(H5Tset_cset(type, H5Tget_cset(file_type)), "text type");
  const handle space{H5Dget_space(dataset), "space of a list"};
  std::vector<char*> texts(length, nullptr);
  const auto status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data());
  std::vector<std::string> result;
  if (status >= 0) {
    result.reserve(length);
    for (const auto* text : texts) result.emplace_back(text == nullptr ? "" : text);
  }
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts.data());
  check(status, "reading labels");
  return result;
}

std::vector<std::string> read_fixed_texts(hid_t dataset, hid_t file_type, std::size_t length) {
  const auto width = H5Tget_size(file_type);
  const auto padding = H5Tget_strpad(file_type);
  std::vector<char> packed(length * width);
  check(H5Dread(dataset, file_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, packed.data()), "reading labels");
  std::vector<std::string> result;
  result.reserve(length);
  for (std::size_t i = 0; i < length; ++i) {
    std::string text{packed.data() + i * width, width};
    if (padding == H5T_STR_NULLTERM)
      text.resize(std::min(text.find('\0'), width));
    else
      text.resize(text.find_last_not_of(padding == H5T_STR_SPACEPAD ? ' ' : '\0') + 1);
    result.push_back(std::move(text));
  }
  return result;
}

}  // namespace

list_kind kind_of(hid_t dataset) {
  const handle type{H5Dget_type(dataset), "type of a list"};
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return list_kind::text;
    case H5T_INTEGER:
      return list_kind::integers;
    case H5T_FLOAT:
      return list_kind::numbers;
    default:
      return list_kind::other;
  }
}

std::size_t list_length(hid_t dataset, std::uint64_t file_bytes) {
  const handle space{H5Dget_space(dataset), "space of a list"};
  if (H5Sget_simple_extent_ndims(space) != 1) throw failure{"a list has another number of dimensions than one", "", 0};
  hsize_t length = 0;
  check(H5Sget_simple_extent_dims(space, &length, nullptr), "length of a list");
  const handle type{H5Dget_type(dataset), "type of a list"};
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  std::uint64_t bytes = 0;
  if (stored > file_bytes || __builtin_mul_overflow(length, H5Tget_size(type), &bytes) ||
      bytes > stored * deflate_limit + list_chunk_bytes)
    throw failure{"a list is longer than the file can hold", "", 0};
  return length;
}

std::vector<std::string> read_texts(hid_t dataset, std::uint64_t file_bytes) {
  const auto length = list_length(dataset, file_bytes);
  if (length == 0) return {};
  const handle type{H5Dget_type(dataset), "type of a list"};
  return H5Tis_variable_str(type) > 0 ? read_variable_texts(dataset, type, length)
                                      : read_fixed_texts(dataset, type, length);
}

std::vector<std::int64_t> read_integers(hid_t dataset, std::uint64_t file_bytes) {
  return read_elements<std::int64_t>(dataset, H5T_NATIVE_INT64, file_bytes);
}

std::vector<double> read_numbers(hid_t dataset, std::uint64_t file_bytes) {
  return read_elements<double>(dataset, H5T_NATIVE_DOUBLE, file_bytes);
}

std::vector<std::byte> read_bytes(hid_t dataset, std::size_t length, std::uint64_t file_bytes) {
  auto values = read_elements<std::byte>(dataset, H5T_NATIVE_UINT8, file_bytes);
  if (values.size() < length) throw failure{"a list is shorter than its length says", "", 0};
  values.resize(length);
  return values;
}

void write_texts(hid_t group, const char* name, std::span<const std::string> values, std::size_t keep) {
  std::size_t longest = 1;
  for (const auto& value : values) longest = std::max(longest, value.size());
  const auto needed = text_type((longest + text_step - 1) / text_step * text_step);
  const auto dataset = list_for_writing(group, name, needed, values.size(), keep);
  const handle type{H5Dget_type(dataset), "type of a list"};
  const auto width = H5Tget_size(type);
  const auto slice = std::max<std::size_t>(1, slice_bytes / width);
  std::vector<char> packed;
  for (auto first = keep; first < values.size(); first += slice) {
    const auto count = std::min(slice, values.size() - first);
    packed.assign(count * width, '\0');
    for (std::size_t i = 0; i < count; ++i)
      std::memcpy(packed.data() + i * width, values[first + i].data(), values[first + i].size());
    write_part(dataset, type, first, count, packed.data());
  }
}

void write_integers(hid_t group, const char* name, std::span<const std::int64_t> values, std::size_t keep) {
  write_elements(group, name, H5T_STD_I64LE, H5T_NATIVE_INT64, values, keep);
}

void write_numbers(hid_t group, const char* name, std::span<const double> values, std::size_t keep) {
  write_elements(group, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values, keep);
}

void append_bytes(hid_t group, const char* name, std::span<const std::byte> values, std::size_t keep) {
  const auto length = keep + values.size();
  const auto dataset = list_for_writing(group, name, H5T_STD_U8LE, length, keep);
  write_part(dataset, H5T_NATIVE_UINT8, length - values.size(), values.size(), values.data());
}

}  // namespace hugehist::store::hdf5
