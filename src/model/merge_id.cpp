#include <hugehist/merge_id.hpp>

#include <stdexcept>
#include <utility>

namespace hugehist {

merge_id::merge_id(std::string text) : what_{std::move(text)} {
  if (this->text()->empty()) throw std::invalid_argument{"the id of a merge is not empty"};
}

const std::string& merge_id::name() const noexcept {
  const auto* entries = interval();
  return entries != nullptr ? entries->source : std::get<std::string>(what_);
}

merge_id::merge_id(const char* text) : merge_id{std::string{text}} {}

merge_id::merge_id(struct interval entries) : what_{std::move(entries)} {
  const auto& [source, start, stop] = *interval();
  if (source.empty()) throw std::invalid_argument{"the id of a merge names its source: a file, a tree in a file"};
  if (start < 0 || start >= stop)
    throw std::invalid_argument{"the id of a merge has entries [start, stop) with 0 <= start < stop, not [" +
                                std::to_string(start) + ", " + std::to_string(stop) + ") of '" + source + "'"};
}

}  // namespace hugehist
