// What text a file can keep: the checks on names, labels, keys and metadata before they enter a store.
//
// HDF5 keeps our strings with a fixed length, padded by NUL, marked as UTF-8. A NUL inside or bytes that are no
// UTF-8 would come back changed, or break other readers.
#pragma once

#include "store/store.hpp"

#include <string>
#include <string_view>

namespace hugehist::store {

/// Throws std::invalid_argument, naming `what`, when the text has a NUL or is not UTF-8.
void check_text(std::string_view text, const char* what);

/// The same for a label, which also has a greatest length.
void check_label(std::string_view label);

/// Throws std::invalid_argument for a name that no histogram may have: empty, with empty components, "." or
/// "..", or the reserved component "hugehist".
void check_histogram_name(const std::string& name);

/// Check everything in them that ends up as text.
void check_metadata(const metadata_map& metadata);
void check_schema(const model::schema& schema);
void check_attribute(const std::string& key, const scalar& value);
void check_counter_key(const counter_key& key);

/// Between the parts of a counter's key in the file: U+001F, the unit separator.
inline constexpr char key_separator = '\x1f';

}  // namespace hugehist::store
