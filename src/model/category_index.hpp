// The labels of one category axis, found by hash: label to bin in O(1), appended in O(1).
//
// Labels are strings; integer categories are kept in decimal. Not synchronised.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hugehist::model {

class category_index {
 public:
  category_index() = default;
  explicit category_index(const std::vector<std::string>& labels) {
    for (const auto& label : labels) add(label);
  }
  category_index(const category_index& other) : category_index{other.labels()} {}
  category_index& operator=(const category_index& other) { return *this = category_index{other.labels()}; }
  category_index(category_index&&) noexcept = default;
  category_index& operator=(category_index&&) noexcept = default;

  std::size_t size() const noexcept { return labels_.size(); }
  const std::string& label(std::size_t bin) const { return labels_.at(bin); }
  std::vector<std::string> labels() const { return {labels_.begin(), labels_.end()}; }

  /// What the labels take in memory, about.
  std::size_t size_bytes() const noexcept {
    constexpr std::size_t node = sizeof(std::string) + sizeof(std::string_view) + 40;  // the map's, with its bucket
    return text_bytes_ + labels_.size() * node;
  }

  std::optional<std::uint32_t> find(std::string_view label) const {
    const auto found = bins_.find(label);
    if (found == bins_.end()) return std::nullopt;
    return found->second;
  }

  /// Bin of the label, which is appended where it is new.
  std::uint32_t add(std::string_view label) {
    if (const auto bin = find(label)) return *bin;
    const auto bin = static_cast<std::uint32_t>(labels_.size());
    labels_.emplace_back(label);
    try {
      bins_.emplace(labels_.back(), bin);
    } catch (...) {
      labels_.pop_back();
      throw;
    }
    text_bytes_ += label.size();
    return bin;
  }

  /// Forgets the labels from bin `size` on: undoes add.
  void truncate(std::size_t size) {
    while (labels_.size() > size) {
      text_bytes_ -= labels_.back().size();
      bins_.erase(labels_.back());
      labels_.pop_back();
    }
  }

 private:
  std::deque<std::string> labels_;  // a deque: views into it stay valid as it grows
  std::unordered_map<std::string_view, std::uint32_t> bins_;
  std::size_t text_bytes_ = 0;
};

}  // namespace hugehist::model
