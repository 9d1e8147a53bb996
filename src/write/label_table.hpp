// The labels of one category axis that a buffer has met, each under a code: the delta's label table.
//
// Growing axes take every label. A fixed axis takes those that it has; where it has an overflow bin, any other
// label has overflow_code. Not synchronised.
#pragma once

#include "model/category_index.hpp"

#include <hugehist/axis.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hugehist::write {

class label_table {
 public:
  /// REQUIRES: axis.is_category()
  explicit label_table(const axis::any& axis);

  /// Code of a label, which is appended where it is new. Throws key_error, naming axis and label, for a label
  /// that a fixed axis without overflow bin lacks; type_error for a label that is no integer on an integer axis;
  /// std::invalid_argument for one that cannot be kept.
  std::uint32_t resolve(const std::string& label);

  const std::string& axis_name() const noexcept { return name_; }
  std::size_t size() const noexcept { return used_.size(); }
  std::size_t size_bytes() const noexcept { return used_.size_bytes(); }
  std::vector<std::string> labels() const { return used_.labels(); }
  /// Forgets the labels from code `size` on.
  void truncate(std::size_t size) { used_.truncate(size); }

 private:
  std::string name_;
  bool integers_, growing_, overflow_;
  model::category_index known_;  // of a fixed axis
  model::category_index used_;
};

/// Throws as label_table::resolve when the text can be no label of such an axis.
void check_label(const std::string& label, bool integers, const std::string& axis_name);

}  // namespace hugehist::write
