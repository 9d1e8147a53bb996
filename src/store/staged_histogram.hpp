// A histogram of the working state, and the steps that lead back from there to a mark.
//
// Plain data of the staged store, under its rules: not synchronised.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/chunk_area.hpp"
#include "store/overlay.hpp"
#include "store/store.hpp"

namespace hugehist::store {

/// Labels of each axis, 0 for axes without.
std::vector<std::size_t> label_counts(const model::schema& schema);

/// Throws std::invalid_argument when no dataset over these axes can have such chunks.
void check_chunk_shape(const std::vector<std::size_t>& shape, const model::schema& schema);

/// A histogram of the working state, and what of it is committed.
struct staged_histogram {
  std::string name;
  histogram_record record;
  overlay chunks;
  bool committed = false;                  // the medium knows it
  bool removed = false;                    // in the working state; only for committed ones, others are erased at once
  std::optional<histogram_id> owner = {};  // of a roll-up: the histogram that it belongs to

  struct snapshot {
    std::vector<std::size_t> labels;
    std::vector<std::size_t> chunk_shape;
    bool variance_known = true;
    std::vector<histogram_id> rollups = {};
    bool stale = false;
    bool operator==(const snapshot&) const = default;
  } before;

  snapshot make_snapshot() const {
    return {label_counts(record.schema), record.chunk_shape, record.schema.variance_known, record.rollups,
            record.stale};
  }
  bool record_changed() const { return make_snapshot() != before; }
};

// What revert() undoes, newest first. Slots of an overlay stay where they are, so a pointer names one.
struct undo_chunk {
  std::optional<chunk_area::location>* slot;
  std::optional<chunk_area::location> previous;
};
struct undo_labels {
  staged_histogram* histogram;
  std::size_t axis;
  std::size_t labels;
};
struct undo_shape {
  staged_histogram* histogram;
  std::vector<std::size_t> shape;
};
struct undo_variance {
  staged_histogram* histogram;
  bool known;
};
struct undo_ledger {};
using undo_step = std::variant<undo_chunk, undo_labels, undo_shape, undo_variance, undo_ledger>;

}  // namespace hugehist::store
