#include "store/memory_backend.hpp"

#include "store/open.hpp"
#include "store/staged_store.hpp"

#include <array>
#include <unordered_map>

namespace hugehist::store {
namespace {

class memory_backend final : public backend {
 public:
  std::string name() const override { return "memory"; }
  bool writable() const noexcept override { return true; }

  std::vector<stored_histogram> load() override { return {}; }
  file_record load_file() override { return {}; }
  std::vector<std::string> load_ledger() override { return {}; }

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
      ++result.chunks;
      for (const auto& plane : planes)
        if (plane) result.bytes += plane->size;
    }
    return result;
  }

  // The staged store knows every name that there is.
  void check_name(const std::string&) const override {}

  void apply(const change_set& changes) override {
    // What can fail (memory) comes first and is idempotent; records live in the staged store alone.
    intact_ = false;
    changes.for_each_chunk([&](const chunk_key& key, std::size_t plane, const chunk_area::location& where) {
      auto& held = histograms_[key.histogram][key][plane];
      if (held && held->offset != where.offset) area_.forget(*held);
      held = where;
    });
    for (auto id : changes.removed) {
      for (const auto& [key, planes] : histograms_[id])
        for (const auto& plane : planes)
          if (plane) area_.forget(*plane);
      histograms_.erase(id);
    }
    intact_ = true;
  }
  bool intact() const noexcept override { return intact_; }

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
  bool intact_ = true;
};

}  // namespace

std::unique_ptr<backend> make_memory_backend() { return std::make_unique<memory_backend>(); }

std::unique_ptr<store> make_memory_store() { return make_staged_store(make_memory_backend()); }

}  // namespace hugehist::store
