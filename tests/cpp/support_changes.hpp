// Random changes of a store, for tests of what becomes of them, and what a store holds, as text.
#pragma once

#include "support_store.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace store_support {

/// All that a store holds, as text.
inline std::string snapshot(store::store& store) {
  std::ostringstream out;
  codec::coder coder;
  for (const auto& name : store.histograms()) {
    const auto id = store.find(name);
    const auto& record = store.record(id);
    out << name << '\n';
    for (const auto& axis : record.schema.axes)
      if (axis.is_category())
        for (const auto& label : axis.labels()) out << label << ',';
    out << '\n';
    if (record.chunk_shape.empty()) continue;
    std::size_t cells = 1;
    for (const auto length : record.chunk_shape) cells *= length;
    std::vector<std::byte> decoded(cells * 8);
    const auto count = [&](std::size_t axis) {
      return (record.schema.axes[axis].extent() + record.chunk_shape[axis] - 1) / record.chunk_shape[axis];
    };
    for (std::uint32_t i = 0; i < count(0); ++i)
      for (std::uint32_t j = 0; j < count(1); ++j)
        for (std::size_t plane = 0; plane < planes(record.schema.kind).size(); ++plane) {
          const auto chunk = store.read_chunk({id, coordinate({i, j, 0})}, plane);
          if (!chunk) continue;
          coder.decode(chunk->bytes, chunk->filter_mask, record.codec, decoded);
          out << i << ',' << j << ',' << plane << ':';
          for (const auto byte : decoded) out << static_cast<char>(byte);
        }
  }
  for (const auto& [key, value] : store.file().counters) out << key.front() << '=' << value << '\n';
  for (const auto& id : store.ledger().entries()) {
    if (const auto* text = id.text()) out << *text << '\n';
    if (const auto* part = id.interval()) out << part->source << ' ' << part->start << ' ' << part->stop << '\n';
  }
  return out.str();
}

class random_changes {
 public:
  /// New histograms grow along two axes or along one, which HDF5 keeps in other indices.
  random_changes(std::uint64_t seed, bool two_growing) : random_{seed}, two_growing_{two_growing} {}

  void make(store::store& store) {
    for (int i = 0, n = 1 + static_cast<int>(random_() % 6); i < n; ++i) make_one(store);
  }

 private:
  void make_one(store::store& store) {
    const auto names = store.histograms();
    if (names.empty() || (names.size() < 4 && random_() % 5 == 0)) {
      create(store, "h" + std::to_string(next_++));
      return;
    }
    const auto id = store.find(names[random_() % names.size()]);
    switch (random_() % 9) {
      case 0:
        if (names.size() > 1) store.remove(id);
        break;
      case 1:
        store.append_labels(id, two_growing_ ? random_() % 2 : 0, labels{std::to_string(next_++)});
        break;
      case 2:
        store.set_counter({"events"}, static_cast<double>(next_++));
        break;
      case 3:
        store.add_to_ledger("job " + std::to_string(next_));
        store.add_to_ledger(hugehist::interval{"file", next_, next_ + 1});
        ++next_;
        break;
      default:
        write(store, id);
    }
  }

  void create(store::store& store, const std::string& name) {
    auto record = growing_record();
    if (!two_growing_)
      record.schema.axes[1] = hugehist::axis::any{hugehist::axis::integer{0, 3, false, false}, std::string{"number"}};
    if (!two_growing_) record.variations_axis = 0;
    if (random_() % 4 == 0) record.codec = {codec::method::none, 0};
    const auto id = store.create(name, record);
    store.append_labels(id, 0, labels{"1", "2"});
    if (two_growing_) store.append_labels(id, 1, labels{"3", "4", "5"});
    store.set_chunk_shape(id, growing_shape());
  }

  void write(store::store& store, store::histogram_id id) {
    const auto& record = store.record(id);
    const auto i = static_cast<std::uint32_t>(random_() % record.schema.axes[0].extent());
    const auto j = static_cast<std::uint32_t>(random_() % ((record.schema.axes[1].extent() + 1) / 2));
    store.write_chunk({id, coordinate({i, j, 0})}, random_() % 2,
                      some_chunk(static_cast<unsigned>(random_() % 1000), growing_cells, record.codec));
  }

  std::mt19937_64 random_;
  const bool two_growing_;
  unsigned next_ = 10;
};

}  // namespace store_support
