#include "store/hdf5/attributes.hpp"

#include <algorithm>
#include <limits>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::size_t max_attribute_bytes = std::size_t{1} << 24;  // a damaged header may say anything

handle utf8_name_properties() {
  handle properties{H5Pcreate(H5P_ATTRIBUTE_CREATE), "attribute properties"};
  check(H5Pset_char_encoding(properties, H5T_CSET_UTF8), "attribute name in UTF-8");
  return properties;
}

/// What h5py makes of numpy.bool_.
handle boolean_type() {
  handle type{H5Tenum_create(H5T_STD_I8LE), "boolean type"};
  const std::int8_t no = 0, yes = 1;
  check(H5Tenum_insert(type, "FALSE", &no), "boolean type");
  check(H5Tenum_insert(type, "TRUE", &yes), "boolean type");
  return type;
}

handle fixed_string_type(std::size_t length) {
  handle type{H5Tcopy(H5T_C_S1), "string type"};
  check(H5Tset_size(type, std::max<std::size_t>(length, 1)), "string type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "string type");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "string type");
  return type;
}

handle open_attribute(hid_t object, const std::string& name) {
  if (!has_attribute(object, name)) return {};
  return {H5Aopen(object, name.c_str(), H5P_DEFAULT), "opening an attribute"};
}

bool has_form(hid_t attribute, hid_t file_type, hid_t space) {
  const handle type{H5Aget_type(attribute), "type of an attribute"}, extents{H5Aget_space(attribute), "attribute"};
  return check(H5Tequal(type, file_type), "type of an attribute") > 0 &&
         check(H5Sextent_equal(extents, space), "space of an attribute") > 0;
}

/// In place where it can: an attribute that is made anew leaves its old place in the object's header, which would grow
/// with each commit.
void write_raw(hid_t object, const std::string& name, hid_t file_type, hid_t memory_type, hid_t space,
               const void* data) {
  auto attribute = open_attribute(object, name);
  if (!attribute.is_open() || !has_form(attribute, file_type, space)) {
    attribute = {};
    remove_attribute(object, name);
    const auto properties = utf8_name_properties();
    attribute = {H5Acreate2(object, name.c_str(), file_type, space, properties, H5P_DEFAULT), "creating an attribute"};
  }
  check(H5Awrite(attribute, memory_type, data), "writing an attribute");
}

void write_scalar(hid_t object, const std::string& name, hid_t file_type, hid_t memory_type, const void* data) {
  const handle space{H5Screate(H5S_SCALAR), "scalar space"};
  write_raw(object, name, file_type, memory_type, space, data);
}

std::string read_variable_string(hid_t attribute, hid_t file_type) {
  const handle type{H5Tcopy(H5T_C_S1), "string type"};
  check(H5Tset_size(type, H5T_VARIABLE), "string type");
  check(H5Tset_cset(type, H5Tget_cset(file_type)), "string type");
  char* text = nullptr;
  check(H5Aread(attribute, type, &text), "reading an attribute");
  std::string result = text == nullptr ? "" : text;
  if (text != nullptr) H5free_memory(text);
  return result;
}

std::string read_fixed_string(hid_t attribute, hid_t file_type) {
  const auto length = H5Tget_size(file_type);
  if (length == 0 || length > max_attribute_bytes) fail("an attribute is implausibly long");
  std::string result(length, '\0');
  const handle type{H5Tcopy(file_type), "string type"};
  check(H5Aread(attribute, type, result.data()), "reading an attribute");
  switch (H5Tget_strpad(file_type)) {
    case H5T_STR_NULLTERM:
      result.resize(std::min(result.find('\0'), length));
      break;
    case H5T_STR_SPACEPAD:
      result.resize(result.find_last_not_of(' ') + 1);
      break;
    default:
      result.resize(result.find_last_not_of('\0') + 1);
      break;
  }
  return result;
}

bool is_boolean(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return false;
  const handle wanted = boolean_type();
  for (unsigned i = 0; i < 2; ++i) {
    char* member = H5Tget_member_name(type, i);
    const bool known = member != nullptr && (std::string{"FALSE"} == member || std::string{"TRUE"} == member);
    if (member != nullptr) H5free_memory(member);
    if (!known) return false;
  }
  return true;
}

bool holds_one_value(hid_t attribute) {
  const handle space{H5Aget_space(attribute), "attribute"};
  return H5Sget_simple_extent_npoints(space) == 1;
}

std::optional<scalar> read_integer(hid_t attribute, hid_t type) {
  if (H5Tget_sign(type) == H5T_SGN_NONE) {
    std::uint64_t value = 0;
    check(H5Aread(attribute, H5T_NATIVE_UINT64, &value), "reading an attribute");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  std::int64_t value = 0;
  check(H5Aread(attribute, H5T_NATIVE_INT64, &value), "reading an attribute");
  return value;
}

std::optional<scalar> read_value(hid_t attribute) {
  if (!holds_one_value(attribute)) return std::nullopt;
  const handle type{H5Aget_type(attribute), "type of an attribute"};
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0 ? read_variable_string(attribute, type) : read_fixed_string(attribute, type);
    case H5T_INTEGER:
      return read_integer(attribute, type);
    case H5T_FLOAT: {
      double value = 0;
      check(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value), "reading an attribute");
      return value;
    }
    case H5T_ENUM: {
      if (!is_boolean(type)) return std::nullopt;
      const handle memory = boolean_type();
      std::int8_t value = 0;
      check(H5Aread(attribute, memory, &value), "reading an attribute");
      return value != 0;
    }
    default:
      return std::nullopt;
  }
}

herr_t collect_name(hid_t, const char* name, const H5A_info_t*, void* names) noexcept {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

}  // namespace

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  hsize_t position = 0;
  check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect_name, &names), "listing attributes");
  return names;
}

void write_attribute(hid_t object, const std::string& name, const scalar& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    const auto type = boolean_type();
    const std::int8_t byte = *flag ? 1 : 0;
    write_scalar(object, name, type, type, &byte);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write_scalar(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    write_scalar(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, number);
  } else {
    const auto& text = std::get<std::string>(value);
    const auto type = fixed_string_type(text.size());
    write_scalar(object, name, type, type, text.c_str());
  }
}

void write_unsigned(hid_t object, const std::string& name, std::uint64_t value) {
  write_scalar(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

void write_sizes(hid_t object, const std::string& name, std::span<const std::size_t> values) {
  const hsize_t length = values.size();
  const handle space{H5Screate_simple(1, &length, nullptr), "space of an attribute"};
  const std::vector<std::uint64_t> wide(values.begin(), values.end());
  write_raw(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, space, wide.data());
}

void write_attributes(hid_t object, const metadata_map& attributes) {
  for (const auto& [name, value] : attributes) write_attribute(object, name, value);
}

void remove_attribute(hid_t object, const std::string& name) {
  if (has_attribute(object, name)) check(H5Adelete(object, name.c_str()), "removing an attribute");
}

bool has_attribute(hid_t object, const std::string& name) {
  return check(H5Aexists(object, name.c_str()), "looking for an attribute") > 0;
}

std::optional<scalar> read_attribute(hid_t object, const std::string& name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute.is_open()) return std::nullopt;
  return read_value(attribute);
}

std::optional<std::uint64_t> read_unsigned(hid_t object, const std::string& name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute.is_open() || !holds_one_value(attribute)) return std::nullopt;
  const handle type{H5Aget_type(attribute), "type of an attribute"};
  if (H5Tget_class(type) != H5T_INTEGER) return std::nullopt;
  std::uint64_t value = 0;
  check(H5Aread(attribute, H5T_NATIVE_UINT64, &value), "reading an attribute");
  return value;
}

std::vector<std::size_t> read_sizes(hid_t object, const std::string& name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute.is_open()) return {};
  const handle space{H5Aget_space(attribute), "attribute"};
  const auto length = H5Sget_simple_extent_npoints(space);
  const handle type{H5Aget_type(attribute), "type of an attribute"};
  constexpr hssize_t max_rank_of_hdf5 = 32;
  if (length < 0 || length > max_rank_of_hdf5 || H5Tget_class(type) != H5T_INTEGER)
    throw failure{"attribute '" + name + "' is no list of lengths", "", 0};
  std::vector<std::uint64_t> wide(static_cast<std::size_t>(length));
  check(H5Aread(attribute, H5T_NATIVE_UINT64, wide.data()), "reading an attribute");
  return {wide.begin(), wide.end()};
}

metadata_map read_attributes(hid_t object) {
  metadata_map result;
  for (const auto& name : attribute_names(object))
    if (auto value = read_attribute(object, name)) result.emplace(name, std::move(*value));
  return result;
}

std::map<std::string, std::uint64_t> read_unsigned_attributes(hid_t object) {
  std::map<std::string, std::uint64_t> result;
  for (const auto& name : attribute_names(object))
    if (const auto value = read_unsigned(object, name)) result.emplace(name, *value);
  return result;
}

}  // namespace hugehist::store::hdf5
