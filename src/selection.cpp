#include <hugehist/selection.hpp>

#include <limits>
#include <stdexcept>
#include <string>

namespace hugehist {
namespace {

/// Targets have 32 bits, so that maps stay small.
void check_extent(std::size_t extent) {
  if (extent > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw std::invalid_argument{"an axis of " + std::to_string(extent) +
                                " bins is too long to read: at most 2147483647 bins are possible"};
}

void check_bin(std::size_t extent, std::size_t bin) {
  if (bin >= extent)
    throw std::out_of_range{"bin " + std::to_string(bin) + " is out of range: the axis has " + std::to_string(extent) +
                            " bins, flow bins included"};
}

}  // namespace

axis_map axis_map::all(std::size_t extent) {
  check_extent(extent);
  axis_map map;
  map.extent = extent;
  map.target.resize(extent);
  for (std::size_t bin = 0; bin < extent; ++bin) map.target[bin] = static_cast<std::int32_t>(bin);
  return map;
}

axis_map axis_map::sum(std::size_t extent) {
  check_extent(extent);
  axis_map map;
  map.extent = 1;
  map.target.assign(extent, 0);
  return map;
}

axis_map axis_map::pick(std::size_t extent, std::size_t bin) { return list(extent, std::span{&bin, 1}); }

axis_map axis_map::list(std::size_t extent, std::span<const std::size_t> bins) {
  check_extent(extent);
  axis_map map;
  map.extent = bins.size();
  map.target.assign(extent, dropped);
  std::int32_t next = 0;
  for (const auto bin : bins) {
    check_bin(extent, bin);
    if (map.target[bin] != dropped)
      throw std::invalid_argument{"bin " + std::to_string(bin) + " is listed twice: list each bin or label once"};
    map.target[bin] = next++;
  }
  return map;
}

}  // namespace hugehist
