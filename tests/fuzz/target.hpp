// What is fuzzed: readers of bytes that anybody may have written.
//
// An input is not the bytes alone that a reader gets: its first byte says what is done to the rest before, so that
// parsers behind a checksum are reached, too, and an input is all that a repetition needs. Each target has a libFuzzer
// executable (libfuzzer.cpp); tests/cpp/test_fuzz.cpp runs all of them in small.
#pragma once

#include <hugehist/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace fuzz {

using bytes = std::vector<std::byte>;
using byte_view = std::span<const std::byte>;

struct target {
  std::string_view name;
  /// Inputs that hold what the library itself writes.
  std::vector<bytes> (*seeds)();
  /// Ends the program, or throws what the library must not throw, where something is wrong. Returns whether all of the
  /// input was read and nothing refused.
  bool (*run)(byte_view input);
};

extern const target delta, file, journal, decoders;

/// Whether `work` came to its end. The library may refuse any input, but by no other exceptions.
template <class Work>
bool is_accepted(Work&& work) {
  try {
    work();
    return true;
  } catch (const hugehist::error&) {
  } catch (const std::system_error&) {
  }
  return false;
}

/// Throws std::logic_error, which no reader does.
void require(bool condition, const char* what);

/// An open file without a name. Closed with the object.
class nameless_file {
 public:
  explicit nameless_file(byte_view content);
  ~nameless_file();
  nameless_file(const nameless_file&) = delete;
  nameless_file& operator=(const nameless_file&) = delete;
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// A number at a place of the bytes. REQUIRES: it lies within
template <class T>
T get(byte_view from, std::size_t at) {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}
template <class T>
void set(std::span<std::byte> to, std::size_t at, T value) {
  std::memcpy(to.data() + at, &value, sizeof value);
}

/// Makes the checksums of a journal's groups right, and lengths that go beyond its end.
void mend_journal(std::span<std::byte> content);

}  // namespace fuzz
