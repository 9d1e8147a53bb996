#include "store/hdf5/strangers.hpp"

#include "store/hdf5/attributes.hpp"
#include "store/hdf5/groups.hpp"
#include "store/hdf5/histogram_io.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::array<std::string_view, 6> parts_of_histogram{"axes",     "hugehist", "metadata",
                                                             "ref_axes", "storage",  "writer_info"};

class search {
 public:
  search(hid_t file, const std::set<std::string>& histograms, std::vector<std::string>& to)
      : file_{file}, histograms_{histograms}, to_{to} {}

  /// `path` is empty for the root.
  void look_into(const std::string& path) {
    const auto group = open_group(file_, path.empty() ? "/" : path);
    if (histograms_.contains(path)) {
      for (const auto& name : link_names(group))
        if (std::ranges::find(parts_of_histogram, name) == parts_of_histogram.end()) to_.push_back(path + "/" + name);
      return;
    }
    for (const auto& name : attribute_names(group))
      if (!path.empty() || !read_attribute(group, name)) to_.push_back(path + "@" + name);
    for (const auto& name : link_names(group)) {
      if (path.empty() && name == private_group) continue;
      const auto below = path.empty() ? name : path + "/" + name;
      if (holds_histograms(below))
        look_into(below);
      else
        to_.push_back(below);
    }
  }

 private:
  bool holds_histograms(const std::string& path) const {
    if (histograms_.contains(path)) return true;
    const auto next = histograms_.lower_bound(path + "/");
    return next != histograms_.end() && next->starts_with(path + "/");
  }

  hid_t file_;
  const std::set<std::string>& histograms_;
  std::vector<std::string>& to_;
};

}  // namespace

std::vector<std::string> find_strangers(hid_t file, const std::set<std::string>& histograms) {
  std::vector<std::string> result;
  search{file, histograms, result}.look_into("");
  return result;
}

}  // namespace hugehist::store::hdf5
