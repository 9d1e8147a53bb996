// What belongs to the file as a whole: attributes, counters and the ledger.
//
// Attributes are HDF5 attributes of the root group. Counters and ledger live in the root's private group
// `hugehist`, under checksums. To be called inside a session.
#pragma once

#include "store/hdf5/handle.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

/// How much of the ledger is committed: what the next commit continues.
struct ledger_tail {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
};

/// Whether the root has our private group. Throws corruption_error where something else has its name.
bool has_file_state(hid_t file);
/// Makes the private group, with a new uuid where none is given.
void create_file_state(hid_t file, const std::string& uuid);
/// Empty where there is none.
std::string read_uuid(hid_t file);

/// The stamp of a commit, 16 bytes in one place: its number, and a random one. By it a journal knows the state of the
/// file. Returns where it is.
std::uint64_t write_stamp(hid_t file, std::uint64_t number);
/// The number of the last commit; 0 where there is no stamp.
std::uint64_t read_stamp(hid_t file);

/// Throw format_error, corruption_error or failure, without naming the file.
void check_file_version(hid_t file, bool for_writing);
/// What is damaged is told to `damage` and left out, unless that throws.
file_record read_file_record(hid_t file, std::uint64_t file_bytes,
                             const std::function<void(const std::string& reason)>& damage);
merge_ledger read_ledger(hid_t file, ledger_tail& tail, std::uint64_t file_bytes);

/// Changes what differs between `before` and `after`.
void write_file_record(hid_t file, const file_record& before, const file_record& after);
/// Appends to the ledger that ends at `tail`, and returns where it ends then.
ledger_tail append_ledger(hid_t file, const ledger_tail& tail, std::span<const merge_id> entries);

}  // namespace hugehist::store::hdf5
