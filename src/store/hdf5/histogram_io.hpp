// A whole histogram in a file: the UHI layout, and beside it the private subgroup `hugehist`.
//
// The subgroup says who may read and write (format version, feature flags), what the schema has no word for
// (chunk shape, codec, hints), and holds the checksum over the schema. To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <vector>

namespace hugehist::store::hdf5 {

inline constexpr std::int64_t format_version = 1;
/// What writes: in the file, and in the messages of those who cannot read it.
inline constexpr const char* writer_name = "hugehist 0.1.0";
inline constexpr const char* private_group = "hugehist";

/// Whether the group is a histogram in the UHI layout.
bool is_histogram(hid_t group);

void write_histogram(hid_t group, const histogram_record& record);

/// Brings what is stored up to `record`: labels beyond `labels_before`, extents, private things.
void update_histogram(hid_t group, const histogram_record& record, const std::vector<std::size_t>& labels_before,
                      bool chunk_shape_changed);

/// Reads and checks. `is_root`: the group is the root group, whose subgroup `hugehist` is the file's. Throws
/// format_error, corruption_error or failure, without naming file or histogram.
histogram_record read_histogram(hid_t group, bool is_root, bool for_writing, std::uint64_t file_bytes);

/// Throws corruption_error where what was read is no roll-up of that histogram.
void check_rollup(const histogram_record& rollup, const histogram_record& owner);

/// Throws format_error when what carries these version attributes is too new for us.
void check_version(hid_t group, bool for_writing);
void write_version(hid_t group);

}  // namespace hugehist::store::hdf5
