// What a file holds besides our histograms. To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"

#include <set>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

/// Paths of objects, and of attributes (after an @), that are no part of the histograms of these names nor of the
/// groups that hold them.
std::vector<std::string> find_strangers(hid_t file, const std::set<std::string>& histograms);

}  // namespace hugehist::store::hdf5
