// A medium of maps in memory: no file, no HDF5. Gone with the store.
#pragma once

#include "store/backend.hpp"

#include <memory>

namespace hugehist::store {

std::unique_ptr<backend> make_memory_backend();

}  // namespace hugehist::store
