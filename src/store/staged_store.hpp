// The transactional store over any backend: keeps the working state beside the committed one.
//
// Structural changes wait in memory; encoded chunks wait in an unlinked scratch file beside the histogram
// file (append only, so that a mark can be reverted), or in memory where the backend has no directory.
// commit() hands all of it to the backend at once.
#pragma once

#include "store/backend.hpp"

#include <memory>

namespace hugehist::store {

std::unique_ptr<store> make_staged_store(std::unique_ptr<backend> backend);

}  // namespace hugehist::store
