// The transactional store over any backend: keeps the working state beside the committed one.
//
// Structural changes wait in memory; encoded chunks wait in the backend's area, which for a file is free space of the
// file itself. commit() hands all of it to the backend at once.
#pragma once

#include "store/backend.hpp"

#include <memory>

namespace hugehist::store {

std::unique_ptr<store> make_staged_store(std::unique_ptr<backend> backend);

}  // namespace hugehist::store
