#include "store/hdf5/groups.hpp"

#include <algorithm>

namespace hugehist::store::hdf5 {
namespace {

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) noexcept {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

bool is_hard_link_to(hid_t group, const std::string& name, H5O_type_t type) {
  H5L_info_t link{};
  if (check(H5Lexists(group, name.c_str(), H5P_DEFAULT), "looking for a link") == 0) return false;
  check(H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT), "reading a link");
  if (link.type != H5L_TYPE_HARD) return false;
  H5O_info_t object{};
  check(H5Oget_info_by_name2(group, name.c_str(), &object, H5O_INFO_BASIC, H5P_DEFAULT), "reading an object");
  return object.type == type;
}

}  // namespace

bool exists(hid_t location, const std::string& path) {
  for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const auto part = path.substr(0, slash);
    if (part == "/") return true;
    if (check(H5Lexists(location, part.c_str(), H5P_DEFAULT), "looking for a link") == 0) return false;
    if (check(H5Oexists_by_name(location, part.c_str(), H5P_DEFAULT), "looking for an object") == 0) return false;
    if (slash == std::string::npos) return true;
    H5O_info_t object{};
    check(H5Oget_info_by_name2(location, part.c_str(), &object, H5O_INFO_BASIC, H5P_DEFAULT), "reading an object");
    if (object.type != H5O_TYPE_GROUP) return false;
  }
}

handle create_group(hid_t location, const std::string& path) {
  const handle properties{H5Pcreate(H5P_LINK_CREATE), "link properties"};
  check(H5Pset_create_intermediate_group(properties, 1), "link properties");
  check(H5Pset_char_encoding(properties, H5T_CSET_UTF8), "link name in UTF-8");
  // Attributes stay in the object header, which has a checksum, and are not spread over a heap and an index.
  const handle group{H5Pcreate(H5P_GROUP_CREATE), "group properties"};
  constexpr unsigned most_in_header = 48, fewest_in_heap = 40;
  check(H5Pset_attr_phase_change(group, most_in_header, fewest_in_heap), "group properties");
  return {H5Gcreate2(location, path.c_str(), properties, group, H5P_DEFAULT), "creating a group"};
}

handle open_group(hid_t location, const std::string& path) {
  return {H5Gopen2(location, path.c_str(), H5P_DEFAULT), "opening a group"};
}

handle open_dataset(hid_t location, const std::string& path) {
  return {H5Dopen2(location, path.c_str(), H5P_DEFAULT), "opening a dataset"};
}

void remove_link(hid_t location, const std::string& path) {
  check(H5Ldelete(location, path.c_str(), H5P_DEFAULT), "removing a link");
}

std::vector<std::string> link_names(hid_t group) {
  std::vector<std::string> names;
  hsize_t position = 0;
  check(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect_name, &names), "listing a group");
  std::ranges::sort(names);
  return names;
}

haddr_t address_of(hid_t object) {
  H5O_info_t info{};
  check(H5Oget_info2(object, &info, H5O_INFO_BASIC), "reading an object");
  return info.addr;
}

bool is_bare(hid_t group) {
  H5O_info_t object{};
  check(H5Oget_info2(group, &object, H5O_INFO_NUM_ATTRS), "reading a group");
  return object.num_attrs == 0 && link_names(group).empty();
}

bool is_group(hid_t group, const std::string& name) { return is_hard_link_to(group, name, H5O_TYPE_GROUP); }
bool is_dataset(hid_t group, const std::string& name) { return is_hard_link_to(group, name, H5O_TYPE_DATASET); }

}  // namespace hugehist::store::hdf5
