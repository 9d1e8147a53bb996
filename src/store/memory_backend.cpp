#include "store/memory_backend.hpp"

#include "store/open.hpp"
#include "store/staged_store.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hugehist::store {
namespace {

class memory_backend final : public backend {
 public:
  std::string name() const override { return "memory"; }
  bool writable() const noexcept override { return true; }

  std::vector<stored_histogram> load() override { return {}; }
  file_record load_file() override { return {}; }
  merge_ledger load_ledger() override { return {}; }

  found_chunk find_chunk(const chunk_key& key, std::size_t plane) override {
    const auto* found = find(key, plane);
    if (found == nullptr) return {};
    return *found;
  }
  bool has_chunk(const chunk_key& key, std::size_t plane) override { return find(key, plane) != nullptr; }

  storage_usage usage(histogram_id id) const override {
    storage_usage result;
    const auto histogram = histograms_.find(id);
    if (histogram == histograms_.end()) return result;
    for (const auto& [key, planes] : histogram->second) {
      if (std::ranges::any_of(planes, [](const auto& plane) { return plane.has_value(); })) ++result.chunks;
      for (const auto& plane : planes)
        if (plane) result.bytes += plane->size;
    }
    return result;
  }

  void visit_chunks(histogram_id id, std::size_t plane, const chunk_visitor& visitor) override {
    const auto histogram = histograms_.find(id);
    if (histogram == histograms_.end()) return;
    for (const auto& [key, planes] : histogram->second)
      if (planes[plane]) visitor.found(key.coordinate);
  }
  std::string uuid() const override { return {}; }
  std::vector<std::string> strangers() const override { return {}; }

  // The staged store knows every name that there is.
  void check_name(const std::string&) const override {}

  void apply(const change_set& changes) override {
    // What can fail (memory) comes first and changes nothing; records live in the staged store alone.
    std::vector<std::pair<std::optional<chunk_area::location>*, chunk_area::location>> moves;
    changes.for_each_chunk([&](const chunk_key& key, std::size_t plane, const chunk_area::location& where) {
      moves.emplace_back(&histograms_[key.histogram][key][plane], where);
    });
    for (const auto& [held, where] : moves) {
      if (*held) area_.forget(**held);
      *held = where;
    }
    for (auto id : changes.removed) {
      const auto found = histograms_.find(id);
      if (found == histograms_.end()) continue;
      for (const auto& [key, planes] : found->second)
        for (const auto& plane : planes)
          if (plane) area_.forget(*plane);
      histograms_.erase(found);
    }
  }
  bool intact() const noexcept override { return true; }

  chunk_area& area() noexcept override { return area_; }

 private:
  using chunk_planes = std::array<std::optional<chunk_area::location>, max_planes>;

  const chunk_area::location* find(const chunk_key& key, std::size_t plane) const {
    const auto histogram = histograms_.find(key.histogram);
    if (histogram == histograms_.end()) return nullptr;
    const auto chunk = histogram->second.find(key);
    return chunk == histogram->second.end() || !chunk->second[plane] ? nullptr : &*chunk->second[plane];
  }

  std::unordered_map<histogram_id, std::unordered_map<chunk_key, chunk_planes, chunk_key_hash>> histograms_;
  memory_area area_;
};

}  // namespace

std::unique_ptr<backend> make_memory_backend() { return std::make_unique<memory_backend>(); }

std::unique_ptr<store> make_memory_store() { return make_staged_store(make_memory_backend()); }

}  // namespace hugehist::store
