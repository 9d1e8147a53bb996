// One-dimensional datasets that grow: labels, edges, counters, the ledger.
//
// Reading takes no memory that the file cannot account for, whatever a damaged header says. To be called inside
// a session.
#pragma once

#include "store/hdf5/handle.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store::hdf5 {

enum class list_kind { text, integers, numbers, other };
list_kind kind_of(hid_t dataset);

/// Length of a list. Throws failure where the dataset is no list, or longer than a file of `file_bytes` can hold.
std::size_t list_length(hid_t dataset, std::uint64_t file_bytes);

/// Texts of fixed or variable length. REQUIRES: kind_of is text
std::vector<std::string> read_texts(hid_t dataset, std::uint64_t file_bytes);
/// REQUIRES: kind_of is integers
std::vector<std::int64_t> read_integers(hid_t dataset, std::uint64_t file_bytes);
/// REQUIRES: kind_of is numbers or integers
std::vector<double> read_numbers(hid_t dataset, std::uint64_t file_bytes);
/// The first `length` bytes of a list of bytes.
std::vector<std::byte> read_bytes(hid_t dataset, std::size_t length, std::uint64_t file_bytes);

/// Make the list `name` in `group` hold `values`; the first `keep` are in it already. Texts have a fixed length, and
/// the list is made anew when a longer one comes.
void write_texts(hid_t group, const char* name, std::span<const std::string> values, std::size_t keep);
void write_integers(hid_t group, const char* name, std::span<const std::int64_t> values, std::size_t keep);
void write_numbers(hid_t group, const char* name, std::span<const double> values, std::size_t keep);
/// Appends to a list of bytes that holds `keep` of them.
void append_bytes(hid_t group, const char* name, std::span<const std::byte> values, std::size_t keep);

}  // namespace hugehist::store::hdf5
