#include "store/text.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace hugehist::store {
namespace {

// An attribute lives in an object header or a heap of HDF5; 64 KiB is what every version of it can keep.
constexpr std::size_t max_attribute_text = 60000;
// Labels have one length in the file: a very long one would lengthen all.
constexpr std::size_t max_label = 1024;

/// Length of the UTF-8 sequence that begins at `at`, 0 where none does.
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF are no UTF-8.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

void check_attribute_name(const std::string& key, const char* what) {
  if (key.empty()) throw std::invalid_argument{std::string{what} + " needs a key that is not empty"};
  check_text(key, what);
}

void check_value(const std::string& key, const scalar& value, const char* what) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return;
  check_text(*text, what);
  if (text->size() > max_attribute_text)
    throw std::invalid_argument{std::string{what} + " '" + key + "' has " + std::to_string(text->size()) +
                                " bytes of text: at most " + std::to_string(max_attribute_text) + " can be kept"};
}

}  // namespace

void check_text(std::string_view text, const char* what) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0')
      throw std::invalid_argument{std::string{what} + " '" + std::string{text.substr(0, at)} +
                                  "' contains a NUL character, which the file cannot keep"};
    const auto length = sequence_length(text, at);
    if (length == 0)
      throw std::invalid_argument{std::string{what} + " is not valid UTF-8 from byte " + std::to_string(at) +
                                  " on: encode text as UTF-8"};
    at += length;
  }
}

void check_label(std::string_view label) {
  check_text(label, "a label");
  if (label.size() > max_label)
    throw std::invalid_argument{"a label has " + std::to_string(label.size()) + " bytes: at most " +
                                std::to_string(max_label) + " can be kept ('" + std::string{label.substr(0, 40)} +
                                "…')"};
}

void check_histogram_name(const std::string& name) {
  const auto refuse = [&](const char* why) {
    throw std::invalid_argument{"a histogram cannot be named '" + name + "': " + why};
  };
  if (name.empty()) refuse("the name is empty");
  check_text(name, "the name of a histogram");
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = std::string_view{name}.substr(begin, end - begin);
    if (part.empty()) refuse("a slash stands between two names, each at least one character long");
    if (part == "." || part == "..") refuse("'.' and '..' have a meaning of their own in HDF5");
    if (part == "hugehist") refuse("'hugehist' is where this library keeps its own things");
    begin = end + 1;
  }
}

void check_metadata(const metadata_map& metadata) {
  for (const auto& [key, value] : metadata) {
    check_attribute_name(key, "metadata");
    check_value(key, value, "metadata");
  }
}

void check_schema(const model::schema& schema) {
  check_metadata(schema.metadata);
  for (const auto& axis : schema.axes) {
    check_metadata(axis.metadata());
    if (const auto* strings = std::get_if<axis::str_category>(&axis.kind()))
      for (const auto& label : strings->labels) check_label(label);
  }
}

void check_attribute(const std::string& key, const scalar& value) {
  check_attribute_name(key, "an attribute");
  check_value(key, value, "attribute");
  if (key == "uhi_schema")
    throw std::invalid_argument{"the attribute 'uhi_schema' would make the file look like one histogram"};
}

void check_counter_key(const counter_key& key) {
  if (key.empty()) throw std::invalid_argument{"a counter needs a key of one or more parts"};
  for (const auto& part : key) {
    check_text(part, "a part of a counter's key");
    if (part.find(key_separator) != std::string::npos)
      throw std::invalid_argument{"a part of a counter's key contains U+001F, which separates the parts"};
  }
}

}  // namespace hugehist::store
