// The arguments of one fill, checked against the axes: what is independent of the buffer's content.
#pragma once

#include "write/binning.hpp"
#include "write/delta_data.hpp"
#include "write/weight_source.hpp"

#include <hugehist/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hugehist::write {

/// The column of a category axis.
struct category_column {
  enum class kind { one_label, codes, masks, variations };

  category_column::kind use = kind::one_label;
  std::span<const std::string> labels;      ///< one label; the table of the codes; keys; variations
  array_view<std::int32_t> codes;           ///< within labels
  std::span<const array_view<bool>> masks;  ///< one for each label
  std::vector<std::string> own_labels;      ///< behind labels where integers stood for labels
  std::vector<std::int32_t> own_codes;
};

struct fill_call {
  std::size_t events = 0;
  std::size_t rows = 1;                          ///< k: variations side by side
  std::size_t span = no_span;                    ///< the category axis that takes them
  bool bin_per_weight = false;                   ///< an observable or a mask differs between variations
  std::vector<category_column> categories = {};  ///< for each category axis
  std::vector<const numbers*> values = {};       ///< for each dense axis
  weight_source weight;
  weight_source sample;  ///< given where the storage is one of means
};

/// Checks kinds, lengths, shapes and labels (not the weights' values, which may take long). Throws
/// std::invalid_argument and type_error, naming the axis. The result refers to `arguments`.
fill_call check_arguments(const std::vector<axis::any>& axes, storage kind, const binning& binning,
                          const fill_arguments& arguments);

}  // namespace hugehist::write
