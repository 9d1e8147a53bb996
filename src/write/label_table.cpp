#include "write/label_table.hpp"

#include "store/text.hpp"
#include "write/delta_data.hpp"

#include <hugehist/error.hpp>

#include <stdexcept>

namespace hugehist::write {

void check_label(const std::string& label, bool integers, const std::string& axis_name) {
  if (integers && !axis::is_integer_label(label))
    throw type_error{"axis '" + axis_name + "': the label '" + label + "' is no decimal integer"};
  try {
    store::check_label(label);  // here, not in the merge: a label in the buffer cannot be taken out again
  } catch (const std::invalid_argument& problem) {
    throw std::invalid_argument{"axis '" + axis_name + "': " + problem.what()};
  }
}

label_table::label_table(const axis::any& axis)
    : name_{axis.name()},
      integers_{std::holds_alternative<axis::int_category>(axis.kind())},
      growing_{axis.is_growing()},
      overflow_{axis.overflow()} {
  if (!growing_) known_ = model::category_index{axis.labels()};
}

std::uint32_t label_table::resolve(const std::string& label) {
  if (const auto code = used_.find(label)) return *code;
  check_label(label, integers_, name_);
  if (!growing_ && !known_.find(label)) {
    if (overflow_) return overflow_code;
    throw key_error{"axis '" + name_ + "' does not grow and has no label '" + label + "': use one of its " +
                    std::to_string(known_.size()) + " labels, or create it with growth"};
  }
  return used_.add(label);
}

}  // namespace hugehist::write
