#include <hugehist/storage.hpp>

#include <hugehist/error.hpp>

#include <array>

namespace hugehist {
namespace {

constexpr std::array int_planes{plane_info{"values", true}};
constexpr std::array double_planes{plane_info{"values", false}};
constexpr std::array weighted_planes{plane_info{"values", false}, plane_info{"variances", false}};
constexpr std::array mean_planes{plane_info{"counts", false}, plane_info{"values", false},
                                 plane_info{"variances", false}};
constexpr std::array weighted_mean_planes{plane_info{"sum_of_weights", false},
                                          plane_info{"sum_of_weights_squared", false}, plane_info{"values", false},
                                          plane_info{"variances", false}};
static_assert(weighted_mean_planes.size() == max_planes);

}  // namespace

std::span<const plane_info> planes(storage kind) noexcept {
  switch (kind) {
    case storage::int_:
      return int_planes;
    case storage::weighted:
      return weighted_planes;
    case storage::mean:
      return mean_planes;
    case storage::weighted_mean:
      return weighted_mean_planes;
    case storage::double_:
      break;
  }
  return double_planes;
}

std::string_view to_string(storage kind) noexcept {
  switch (kind) {
    case storage::int_:
      return "int";
    case storage::weighted:
      return "weighted";
    case storage::mean:
      return "mean";
    case storage::weighted_mean:
      return "weighted_mean";
    case storage::double_:
      break;
  }
  return "double";
}

storage storage_from_string(std::string_view name) {
  for (auto kind : {storage::int_, storage::double_, storage::weighted, storage::mean, storage::weighted_mean})
    if (name == to_string(kind)) return kind;
  throw format_error{"storage '" + std::string{name} +
                     "' is not one that this version of hugehist keeps: int, double, weighted, mean, weighted_mean"};
}

}  // namespace hugehist
