#pragma once

// For tests of the chunk and read layers: a store that counts and fails as told, and quick records.

#include <hugehist/axis.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "chunk/cache.hpp"
#include "store/open.hpp"
#include "store/store.hpp"

namespace support {

namespace hh = hugehist;

/// Passes everything on to a real store. Notes when two threads are in it at once.
class watched_store final : public hh::store::store {
 public:
  explicit watched_store(std::unique_ptr<hh::store::store> real) : real_{std::move(real)} {}

  std::function<void(const hh::store::chunk_key&, std::size_t)> before_write = [](auto&&...) {};
  std::function<void(hh::codec::encoded_chunk&)> after_read = [](auto&&) {};
  std::atomic<int> writes{0}, reads{0};
  std::atomic<bool> entered_twice{false};

  std::string name() const override { return real_->name(); }
  bool writable() const noexcept override { return real_->writable(); }
  std::vector<std::string> histograms() const override { return real_->histograms(); }
  bool contains(const std::string& name) const override { return real_->contains(name); }
  hh::store::histogram_id find(const std::string& name) const override { return real_->find(name); }
  const hh::store::histogram_record& record(hh::store::histogram_id id) const override { return real_->record(id); }
  hh::store::histogram_id create(const std::string& name, hh::store::histogram_record record) override {
    return real_->create(name, std::move(record));
  }
  void remove(hh::store::histogram_id id) override { real_->remove(id); }
  const std::string& name_of(hh::store::histogram_id id) const override { return real_->name_of(id); }
  hh::store::histogram_id create_rollup(hh::store::histogram_id of, hh::store::histogram_record record) override {
    return real_->create_rollup(of, std::move(record));
  }
  void set_stale(hh::store::histogram_id rollup, bool stale) override { real_->set_stale(rollup, stale); }
  void append_labels(hh::store::histogram_id id, std::size_t axis, std::span<const std::string> labels) override {
    real_->append_labels(id, axis, labels);
  }
  void set_chunk_shape(hh::store::histogram_id id, std::vector<std::size_t> shape) override {
    real_->set_chunk_shape(id, std::move(shape));
  }
  void set_variance_known(hh::store::histogram_id id, bool known) override { real_->set_variance_known(id, known); }
  hh::store::chunk_area& area() noexcept override { return real_->area(); }
  hh::store::found_chunk find_chunk(const hh::store::chunk_key& key, std::size_t plane) override {
    const guard inside{*this};
    ++reads;
    auto chunk = real_->read_chunk(key, plane);
    if (!chunk) return {};
    after_read(*chunk);
    return std::move(*chunk);
  }
  bool has_chunk(const hh::store::chunk_key& key, std::size_t plane) override {
    const guard inside{*this};
    return real_->has_chunk(key, plane);
  }
  void set_chunk(const hh::store::chunk_key& key, std::size_t plane,
                 const hh::store::chunk_area::location& where) override {
    const guard inside{*this};
    before_write(key, plane);
    ++writes;
    real_->set_chunk(key, plane, where);
  }
  void visit_chunks(hh::store::histogram_id id, std::size_t plane, const hh::store::chunk_visitor& visitor) override {
    real_->visit_chunks(id, plane, visitor);
  }
  std::string uuid() const override { return real_->uuid(); }
  std::vector<std::string> strangers() const override { return real_->strangers(); }
  hh::store::storage_usage usage(hh::store::histogram_id id) const override { return real_->usage(id); }
  const hh::store::file_record& file() const override { return real_->file(); }
  void set_attribute(const std::string& key, std::optional<hh::scalar> value) override {
    real_->set_attribute(key, std::move(value));
  }
  void set_counter(const hh::store::counter_key& key, std::optional<double> value) override {
    real_->set_counter(key, value);
  }
  const hh::store::merge_ledger& ledger() const override { return real_->ledger(); }
  void add_to_ledger(const hh::merge_id& id) override { real_->add_to_ledger(id); }
  std::uint64_t pending_bytes() const noexcept override { return real_->pending_bytes(); }
  bool has_changes() const noexcept override { return real_->has_changes(); }
  void mark() override { real_->mark(); }
  void revert() noexcept override { real_->revert(); }
  void release() noexcept override { real_->release(); }
  void commit() override { real_->commit(); }
  void rollback() override { real_->rollback(); }

 private:
  struct guard {
    explicit guard(watched_store& store) : store_{store} {
      if (store_.inside_.fetch_add(1) != 0) store_.entered_twice = true;
      std::this_thread::yield();  // long enough inside for another to be noticed
    }
    ~guard() { store_.inside_.fetch_sub(1); }
    watched_store& store_;
  };

  std::unique_ptr<hh::store::store> real_;
  std::atomic<int> inside_{0};
};

[[noreturn]] inline void throw_disk_full() {
  throw std::system_error{std::make_error_code(std::errc::no_space_on_device), "the disk is full"};
}

inline hh::axis::any growing(std::string name, std::size_t labels = 0) {
  hh::axis::str_category category;
  for (std::size_t i = 0; i < labels; ++i) category.labels.push_back(name + std::to_string(i));
  return {std::move(category), std::move(name)};
}

/// An axis with exactly so many storage bins.
inline hh::axis::any bins(std::size_t extent, std::string name) {
  return {hh::axis::regular{static_cast<std::int64_t>(extent), 0, 1, false, false}, std::move(name)};
}

/// A histogram with integer axes of the given extents, cut into chunks of the given shape.
inline hh::chunk::layout make_histogram(hh::store::store& store, const std::string& name, hh::storage kind,
                                        const std::vector<std::size_t>& extents,
                                        const std::vector<std::size_t>& chunk_shape) {
  hh::store::histogram_record record;
  for (std::size_t i = 0; i < extents.size(); ++i)
    record.schema.axes.push_back(bins(extents[i], std::string{'x'}.append(std::to_string(i))));
  record.schema.kind = kind;
  record.chunk_shape = chunk_shape;
  hh::chunk::layout layout;
  layout.id = store.create(name, record);
  layout.grid = hh::chunk::grid{chunk_shape};
  layout.codec = record.codec;
  layout.planes = hh::planes(kind).size();
  return layout;
}

inline hh::store::chunk_coordinate at(std::vector<std::uint32_t> indices) {
  return hh::store::chunk_coordinate{indices};
}

}  // namespace support
