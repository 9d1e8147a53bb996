// Little-endian numbers and texts in a run of bytes: what a delta's compact form and a journal are made of.
#pragma once

#include <hugehist/error.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hugehist::base {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian and are copied as they are");

class byte_writer {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    append(&value, sizeof value);
  }
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    put_all(std::span{text.data(), text.size()});
  }
  template <class T>
  void put_all(std::span<const T> values) {
    if (!values.empty()) append(values.data(), values.size_bytes());
  }
  /// Zeros, to be written over before the next call.
  std::byte* put_zeros(std::size_t bytes) {
    bytes_.resize(bytes_.size() + bytes);
    return bytes_.data() + (bytes_.size() - bytes);
  }
  /// Zeros up to a multiple of eight bytes.
  void align() { bytes_.resize((bytes_.size() + 7) / 8 * 8); }

  std::size_t size() const noexcept { return bytes_.size(); }
  std::vector<std::byte>& bytes() noexcept { return bytes_; }

 private:
  void append(const void* from, std::size_t bytes) {
    const auto at = bytes_.size();
    bytes_.resize(at + bytes);
    std::memcpy(bytes_.data() + at, from, bytes);
  }

  std::vector<std::byte> bytes_;
};

/// Reads what byte_writer wrote. Every read is checked against the end: corruption_error.
class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> bytes) : bytes_{bytes} {}

  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string get_text() {
    const auto text = take(get<std::uint32_t>());
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }
  /// A count of things that take at least `least` bytes each, which is checked: a count alone takes no memory.
  template <class T>
  std::size_t get_count(std::size_t least) {
    const auto count = get<T>();
    if (count > left() / least) fail();
    return static_cast<std::size_t>(count);
  }
  template <class T>
  std::vector<T> get_all(std::size_t count) {
    if (count > left() / sizeof(T)) fail();
    std::vector<T> values(count);
    const auto raw = take(count * sizeof(T));
    if (count > 0) std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }
  std::span<const std::byte> take(std::size_t count) {
    if (count > left()) fail();
    const auto result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }
  /// Over the zeros that byte_writer::align wrote.
  void align() {
    for (auto padding : take((8 - position_ % 8) % 8))
      if (padding != std::byte{0}) fail();
  }

  std::size_t left() const noexcept { return bytes_.size() - position_; }
  [[noreturn]] static void fail() {
    throw corruption_error{"the bytes of a delta contradict themselves: make or send the delta again"};
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace hugehist::base
