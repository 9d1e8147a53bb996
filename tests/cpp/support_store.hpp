// What the tests of stores share: a temporary directory, small records and chunks, and the stores themselves.
#pragma once

#include "codec/codec.hpp"
#include "store/open.hpp"

#include <hugehist/axis.hpp>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>

namespace store_support {

using namespace hugehist;

/// A directory that goes with the test.
class temporary_directory {
 public:
  temporary_directory() {
    auto name = (std::filesystem::temp_directory_path() / "hugehist-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary directory"};
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Attributes and counters become those of the record.
inline void set_file(store::store& target, const store::file_record& record) {
  const auto before = target.file();
  for (const auto& [key, value] : before.attributes)
    if (!record.attributes.contains(key)) target.set_attribute(key, {});
  for (const auto& [key, value] : before.counters)
    if (!record.counters.contains(key)) target.set_counter(key, {});
  for (const auto& [key, value] : record.attributes) target.set_attribute(key, value);
  for (const auto& [key, value] : record.counters) target.set_counter(key, value);
}

inline constexpr std::size_t hdf5_cache = std::size_t{1} << 22;

/// A store that can be closed and opened again, where its kind can.
class store_under_test {
 public:
  virtual ~store_under_test() = default;
  virtual const char* kind() const = 0;
  virtual bool persistent() const { return true; }
  /// Closes without commit and opens again.
  virtual void reopen(bool writable = true) = 0;
  store::store& operator*() const { return *store_; }
  store::store* operator->() const { return store_.get(); }

 protected:
  std::unique_ptr<store::store> store_;
};

class memory_under_test final : public store_under_test {
 public:
  memory_under_test() { store_ = store::make_memory_store(); }
  const char* kind() const override { return "memory"; }
  bool persistent() const override { return false; }
  void reopen(bool) override { store_->rollback(); }
};

class file_under_test final : public store_under_test {
 public:
  file_under_test() { store_ = store::open_hdf5(path(), store::access::create, hdf5_cache); }
  const char* kind() const override { return "HDF5 file"; }
  void reopen(bool writable) override {
    store_.reset();
    store_ = store::open_hdf5(path(), writable ? store::access::read_write : store::access::read, hdf5_cache);
  }
  std::filesystem::path path() const { return directory_ / "store.h5"; }

 private:
  temporary_directory directory_;
};

class image_under_test final : public store_under_test {
 public:
  image_under_test() { take(store::open_hdf5_image({}, true)); }
  const char* kind() const override { return "HDF5 image"; }
  void reopen(bool writable) override {
    const auto image = source_->image();
    store_.reset();
    take(store::open_hdf5_image(image, writable));
  }

 private:
  void take(store::image_store opened) {
    store_ = std::move(opened.store);
    source_ = std::move(opened.source);
  }
  std::shared_ptr<store::image_source> source_;
};

inline std::unique_ptr<store_under_test> make_store(int which) {
  if (which == 0) return std::make_unique<memory_under_test>();
  if (which == 1) return std::make_unique<file_under_test>();
  return std::make_unique<image_under_test>();
}

/// dataset (growing) × number (growing integers) × x (4 bins, flow).
inline store::histogram_record growing_record(storage kind = storage::weighted) {
  store::histogram_record record;
  record.schema.axes = {axis::any{axis::str_category{}, std::string{"dataset"}},
                        axis::any{axis::int_category{}, std::string{"number"}},
                        axis::any{axis::regular{4, 0, 1}, std::string{"x"}}};
  record.schema.kind = kind;
  record.schema.metadata = {{"name", std::string{"h"}}, {"label", std::string{"größe"}}};
  record.variations_axis = 1;
  record.has_variations_axis = true;
  return record;
}

/// The shape used with growing_record: one dataset, two numbers, all of x.
inline std::vector<std::size_t> growing_shape() { return {1, 2, 6}; }
inline constexpr std::size_t growing_cells = 12;

inline store::chunk_coordinate coordinate(std::vector<std::uint32_t> indices) {
  return store::chunk_coordinate{indices};
}

/// Some plane, different for each seed.
inline std::vector<std::byte> plane_bytes(std::size_t cells, unsigned seed) {
  std::vector<double> values(cells);
  for (std::size_t i = 0; i < cells; ++i) values[i] = static_cast<double>((i * 7 + seed * 13) % 101);
  std::vector<std::byte> result(cells * 8);
  std::memcpy(result.data(), values.data(), result.size());
  return result;
}

inline codec::encoded_chunk some_chunk(unsigned seed, std::size_t cells = growing_cells,
                                       const codec::settings& settings = {}) {
  codec::coder coder;
  return codec::encoded_chunk{coder.encode(plane_bytes(cells, seed), settings)};
}

inline bool holds(store::store& store, store::histogram_id id, const store::chunk_coordinate& where, std::size_t plane,
                  unsigned seed) {
  const auto chunk = store.read_chunk({id, where}, plane);
  if (!chunk || !store.has_chunk({id, where}, plane)) return false;
  const auto& record = store.record(id);
  std::size_t cells = 1;
  for (auto length : record.chunk_shape) cells *= length;
  std::vector<std::byte> decoded(cells * 8);
  codec::coder{}.decode(chunk->bytes, chunk->filter_mask, record.codec, decoded);
  return decoded == plane_bytes(cells, seed);
}

inline bool is_absent(store::store& store, store::histogram_id id, const store::chunk_coordinate& where,
                      std::size_t plane) {
  return !store.has_chunk({id, where}, plane) && !store.read_chunk({id, where}, plane);
}

using labels = std::vector<std::string>;
using ids = std::vector<merge_id>;

}  // namespace store_support
