#include "store/hdf5/canonical.hpp"

#include "base/checksum.hpp"

#include <bit>
#include <string_view>
#include <vector>

namespace hugehist::store::hdf5 {
namespace {

/// Values one after another: integers as eight little-endian bytes, doubles by their bits, texts after their
/// length.
class canonical_bytes {
 public:
  void add(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<std::byte>(value >> shift));
  }
  void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }
  void add(double value) { add(std::bit_cast<std::uint64_t>(value)); }
  void add(bool value) { add(std::uint64_t{value}); }
  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    for (char c : text) bytes_.push_back(static_cast<std::byte>(c));
  }
  template <class T>
  void add(const std::vector<T>& list) {
    add(std::uint64_t{list.size()});
    for (const auto& item : list) add(item);
  }

  void add_attribute(const std::string& key, const scalar& value) {
    add(std::string_view{key});
    add(std::uint64_t{value.index()});
    std::visit([this](const auto& content) { add(content); }, value);
  }
  void add_attributes(const metadata_map& attributes) {
    add(std::uint64_t{attributes.size()});
    for (const auto& [key, value] : attributes) add_attribute(key, value);
  }

  void operator()(const axis::regular& a) {
    add(a.bins);
    add(a.lower);
    add(a.upper);
    flow(a);
    add(static_cast<std::uint64_t>(a.transform));
    add(a.transform == axis::transform::pow ? a.power : 0.0);
  }
  void operator()(const axis::variable& a) {
    add(a.edges);
    flow(a);
  }
  void operator()(const axis::integer& a) {
    add(a.lower);
    add(a.upper);
    flow(a);
  }
  void operator()(const axis::boolean&) {}
  void operator()(const axis::str_category& a) { category(a); }
  void operator()(const axis::int_category& a) { category(a); }

  std::uint64_t checksum() const { return base::checksum(bytes_); }

 private:
  template <class Axis>
  void flow(const Axis& a) {
    add(a.underflow);
    add(a.overflow);
    add(a.circular);
  }
  template <class Axis>
  void category(const Axis& a) {
    add(a.labels);
    add(a.growth);
    add(a.overflow);
  }

  std::vector<std::byte> bytes_;
};

}  // namespace

std::uint64_t schema_checksum(const histogram_record& record) {
  canonical_bytes bytes;
  bytes.add(to_string(record.schema.kind));
  bytes.add(record.schema.variance_known);
  bytes.add(std::uint64_t{record.schema.axes.size()});
  for (const auto& axis : record.schema.axes) {
    bytes.add(std::uint64_t{axis.kind().index()});
    bytes.add_attributes(axis.metadata());
    std::visit(bytes, axis.kind());
  }
  bytes.add_attributes(record.schema.metadata);
  bytes.add(std::uint64_t{static_cast<unsigned>(record.codec.method)});
  bytes.add(std::int64_t{record.codec.level});
  bytes.add(record.chunk_shape);
  bytes.add(record.expected);
  bytes.add(record.has_variations_axis);
  bytes.add(std::uint64_t{record.has_variations_axis ? record.variations_axis : 0});
  if (!record.kept_axes.empty()) {
    bytes.add(record.kept_axes);
    bytes.add(record.stale);
  }
  return bytes.checksum();
}

std::uint64_t attribute_checksum(const std::string& name, const scalar& value) {
  canonical_bytes bytes;
  bytes.add_attribute(name, value);
  return bytes.checksum();
}

}  // namespace hugehist::store::hdf5
