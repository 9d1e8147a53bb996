#include "store/hdf5/file_state.hpp"

#include "base/checksum.hpp"
#include "store/hdf5/attributes.hpp"
#include "store/hdf5/canonical.hpp"
#include "store/hdf5/groups.hpp"
#include "store/hdf5/histogram_io.hpp"
#include "store/hdf5/lists.hpp"
#include "store/text.hpp"

#include <array>
#include <cstring>
#include <random>

namespace hugehist::store::hdf5 {
namespace {

constexpr const char* schema_attribute = "uhi_schema";  // of a histogram that is the root group itself
constexpr const char* attribute_sums = "attribute_checksums";
constexpr const char* counter_keys = "counter_keys";
constexpr const char* counter_values = "counter_values";
constexpr const char* stamp_name = "stamp";
constexpr const char* counters_checksum = "counters_checksum";

/// A random UUID (version 4).
std::string make_uuid() {
  std::random_device random;
  std::string text;
  for (int digit = 0; digit < 32; ++digit) {
    unsigned nibble = random() & 0xf;
    if (digit == 12) nibble = 4;
    if (digit == 16) nibble = 8 | (nibble & 3);
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text += '-';
    text += "0123456789abcdef"[nibble];
  }
  return text;
}

std::vector<std::byte> bytes_of(const void* data, std::size_t size) {
  std::vector<std::byte> result(size);
  if (size > 0) std::memcpy(result.data(), data, size);
  return result;
}

std::uint64_t checksum_of(const std::vector<std::string>& keys, const std::vector<double>& values) {
  std::string packed;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    packed += keys[i];
    packed += '\0';
    packed.append(reinterpret_cast<const char*>(&values[i]), sizeof(double));
  }
  return base::checksum(bytes_of(packed.data(), packed.size()));
}

std::string join(const std::vector<std::string>& parts) {
  std::string key = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) key += key_separator + parts[i];
  return key;
}

std::vector<std::string> split(const std::string& key) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= key.size();) {
    const auto end = std::min(key.find(key_separator, begin), key.size());
    parts.push_back(key.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void write_counters(hid_t own, const file_record& record) {
  std::vector<std::string> keys;
  std::vector<double> values;
  for (const auto& [parts, value] : record.counters) {
    keys.push_back(join(parts));
    values.push_back(value);
  }
  write_texts(own, counter_keys, keys, 0);
  write_numbers(own, counter_values, values, 0);
  write_unsigned(own, counters_checksum, checksum_of(keys, values));
}

void read_counters(hid_t own, file_record& record, std::uint64_t file_bytes) {
  if (!has_attribute(own, counters_checksum)) return;
  const auto keys_dataset = open_dataset(own, counter_keys), values_dataset = open_dataset(own, counter_values);
  if (kind_of(keys_dataset) != list_kind::text || kind_of(values_dataset) != list_kind::numbers)
    throw corruption_error{"its counters are damaged"};
  const auto keys = read_texts(keys_dataset, file_bytes);
  const auto values = read_numbers(values_dataset, file_bytes);
  if (keys.size() != values.size() || read_unsigned(own, counters_checksum) != checksum_of(keys, values))
    throw corruption_error{"its counters do not have the checksum that they were written with"};
  for (std::size_t i = 0; i < keys.size(); ++i) record.counters.emplace(split(keys[i]), values[i]);
}

// Attributes of the root have a checksum each, under the same name in a group of ours. Those that another program added
// have none.

void check_attributes(hid_t own, metadata_map& attributes, const std::function<void(const std::string&)>& damage) {
  if (!exists(own, attribute_sums)) return;
  for (const auto& [name, sum] : read_unsigned_attributes(open_group(own, attribute_sums))) {
    const auto found = attributes.find(name);
    if (found != attributes.end() && attribute_checksum(name, found->second) == sum) continue;
    damage("its attribute '" + name +
           "' does not have the checksum that it was written with: it is damaged, or was changed by another program");
    attributes.erase(name);
  }
}

void write_changed_attributes(hid_t file, const metadata_map& before, const metadata_map& after) {
  const auto root = open_group(file, "/"), own = open_group(file, private_group);
  const auto sums = exists(own, attribute_sums) ? open_group(own, attribute_sums) : create_group(own, attribute_sums);
  for (const auto& [name, value] : before) {
    if (after.contains(name)) continue;
    remove_attribute(root, name);
    remove_attribute(sums, name);
  }
  for (const auto& [name, value] : after) {
    if (const auto old = before.find(name); old != before.end() && old->second == value) continue;
    write_attribute(root, name, value);
    write_unsigned(sums, name, attribute_checksum(name, value));
  }
}

// The ledger is a list of bytes: an entry after another, see docs/format.md. The checksum of each entry is the seed of
// the next one's, so that appending need not read what is there.

enum class entry_kind : std::uint8_t { text = 0, interval = 1 };

void append_number(std::vector<std::byte>& ledger, std::uint64_t number, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) ledger.push_back(static_cast<std::byte>(number >> (8 * i)));
}

void append_entry(std::vector<std::byte>& ledger, std::uint64_t& checksum, const merge_id& id) {
  const auto begin = ledger.size();
  const auto* entries = id.interval();
  const auto& text = id.name();
  ledger.push_back(static_cast<std::byte>(entries != nullptr ? entry_kind::interval : entry_kind::text));
  append_number(ledger, text.size(), 4);
  for (char c : text) ledger.push_back(static_cast<std::byte>(c));
  if (entries != nullptr) {
    append_number(ledger, static_cast<std::uint64_t>(entries->start), 8);
    append_number(ledger, static_cast<std::uint64_t>(entries->stop), 8);
  }
  checksum = base::checksum(std::span{ledger}.subspan(begin), checksum);
}

/// Reads an entry after another; anything that is none is damage.
class ledger_reader {
 public:
  explicit ledger_reader(std::span<const std::byte> ledger) : ledger_{ledger} {}
  bool at_end() const noexcept { return at_ == ledger_.size(); }
  std::uint64_t checksum() const noexcept { return checksum_; }

  merge_id next() {
    const auto begin = at_;
    const auto kind = static_cast<entry_kind>(number(1));
    const auto text = take(number(4));
    std::string what(reinterpret_cast<const char*>(text.data()), text.size());
    if (kind != entry_kind::text && kind != entry_kind::interval) refuse();
    const auto start = kind == entry_kind::interval ? number(8) : 0,
               stop = kind == entry_kind::interval ? number(8) : 0;
    checksum_ = base::checksum(ledger_.subspan(begin, at_ - begin), checksum_);
    try {
      if (kind == entry_kind::text) return {std::move(what)};
      return {interval{std::move(what), static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop)}};
    } catch (const std::invalid_argument&) {
      refuse();
    }
  }

 private:
  [[noreturn]] static void refuse() { throw corruption_error{"its ledger is damaged"}; }

  std::span<const std::byte> take(std::size_t size) {
    if (ledger_.size() - at_ < size) refuse();
    at_ += size;
    return ledger_.subspan(at_ - size, size);
  }

  std::uint64_t number(unsigned bytes) {
    std::uint64_t result = 0;
    unsigned shift = 0;
    for (const auto byte : take(bytes)) {
      result |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return result;
  }

  std::span<const std::byte> ledger_;
  std::size_t at_ = 0;
  std::uint64_t checksum_ = 0;
};

}  // namespace

bool has_file_state(hid_t file) {
  if (is_group(file, private_group)) return true;
  if (exists(file, private_group))
    throw corruption_error{"it is damaged, or was changed by another program: 'hugehist' is no group"};
  return false;
}

void create_file_state(hid_t file, const std::string& uuid) {
  const auto own = create_group(file, private_group);
  write_version(own);
  write_attribute(own, "uuid", scalar{uuid.empty() ? make_uuid() : uuid});
  write_stamp(file, 0);
}

std::uint64_t write_stamp(hid_t file, std::uint64_t number) {
  const auto own = open_group(file, private_group);
  if (!exists(own, stamp_name)) {
    constexpr hsize_t length = 2;
    const handle space{H5Screate_simple(1, &length, nullptr), "stamp"};
    const handle properties{H5Pcreate(H5P_DATASET_CREATE), "stamp"};
    check(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY), "stamp");
    const handle made{H5Dcreate2(own, stamp_name, H5T_STD_U64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT), "stamp"};
  }
  const auto stamp = open_dataset(own, stamp_name);
  std::random_device random;
  const std::array<std::uint64_t, 2> content{number, std::uint64_t{random()} << 32 | random()};
  check(H5Dwrite(stamp, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), "stamp");
  check(H5Dflush(stamp), "stamp");
  const auto offset = H5Dget_offset(stamp);
  if (offset == HADDR_UNDEF) throw corruption_error{"its stamp has no place in the file"};
  return offset;
}

std::uint64_t read_stamp(hid_t file) {
  if (!has_file_state(file)) return 0;
  const auto own = open_group(file, private_group);
  if (!exists(own, stamp_name)) return 0;
  const auto stamp = open_dataset(own, stamp_name);
  const handle space{H5Dget_space(stamp), "stamp"};
  std::array<std::uint64_t, 2> content{};
  if (H5Sget_simple_extent_npoints(space) != 2) throw corruption_error{"its stamp is not what it was written as"};
  check(H5Dread(stamp, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), "stamp");
  return content[0];
}

std::string read_uuid(hid_t file) {
  if (!has_file_state(file)) return {};
  const auto value = read_attribute(open_group(file, private_group), "uuid");
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  return text == nullptr ? std::string{} : *text;
}

void check_file_version(hid_t file, bool for_writing) { check_version(open_group(file, private_group), for_writing); }

file_record read_file_record(hid_t file, std::uint64_t file_bytes,
                             const std::function<void(const std::string& reason)>& damage) {
  file_record record{read_attributes(open_group(file, "/")), {}};
  record.attributes.erase(schema_attribute);
  if (!has_file_state(file)) return record;
  const auto own = open_group(file, private_group);
  check_attributes(own, record.attributes, damage);
  try {
    read_counters(own, record, file_bytes);
  } catch (const corruption_error& problem) {
    damage(problem.what());
  }
  return record;
}

merge_ledger read_ledger(hid_t file, ledger_tail& tail, std::uint64_t file_bytes) {
  tail = {};
  if (!has_file_state(file)) return {};
  const auto own = open_group(file, private_group);
  if (!has_attribute(own, "ledger_checksum")) return {};
  tail = {read_unsigned(own, "ledger_entries").value_or(0), read_unsigned(own, "ledger_bytes").value_or(0),
          read_unsigned(own, "ledger_checksum").value_or(0)};
  const auto bytes = read_bytes(open_dataset(own, "ledger"), tail.bytes, file_bytes);
  merge_ledger ledger;
  ledger_reader reader{bytes};
  for (std::uint64_t entries = 0; !reader.at_end() || entries != tail.entries; ++entries) {
    const auto id = reader.next();
    if (const auto* part = id.interval(); part != nullptr ? !ledger.present(*part).empty() : ledger.has(id))
      throw corruption_error{"its ledger is damaged: it has an entry twice"};
    ledger.add(id);
    ledger.settle();
  }
  if (reader.checksum() != tail.checksum)
    throw corruption_error{"its ledger does not have the checksum that it was written with"};
  return ledger;
}

void write_file_record(hid_t file, const file_record& before, const file_record& after) {
  if (before.attributes != after.attributes) write_changed_attributes(file, before.attributes, after.attributes);
  if (before.counters != after.counters) write_counters(open_group(file, private_group), after);
}

ledger_tail append_ledger(hid_t file, const ledger_tail& tail, std::span<const merge_id> entries) {
  if (entries.empty()) return tail;
  auto result = tail;
  std::vector<std::byte> added;
  for (const auto& id : entries) append_entry(added, result.checksum, id);
  result.entries += entries.size();
  result.bytes += added.size();
  const auto own = open_group(file, private_group);
  append_bytes(own, "ledger", added, tail.bytes);
  write_unsigned(own, "ledger_entries", result.entries);
  write_unsigned(own, "ledger_bytes", result.bytes);
  write_unsigned(own, "ledger_checksum", result.checksum);
  return result;
}

}  // namespace hugehist::store::hdf5
