#include "write/axis_bytes.hpp"

#include "base/overloaded.hpp"

#include <stdexcept>

namespace hugehist::write {
namespace {

// docs/format-delta.md lists these numbers; they never change.
constexpr std::uint8_t code_regular = 0, code_variable = 1, code_integer = 2, code_boolean = 3, code_string = 4,
                       code_int = 5;
constexpr std::uint8_t code_bool = 0, code_int64 = 1, code_double = 2, code_text = 3;

constexpr std::uint8_t flag_underflow = 1, flag_overflow = 2, flag_circular = 4, flag_growth = 8;

void put_flags(base::byte_writer& to, bool underflow, bool overflow, bool circular) {
  to.put(static_cast<std::uint8_t>((underflow ? flag_underflow : 0) | (overflow ? flag_overflow : 0) |
                                   (circular ? flag_circular : 0)));
}

void put_category_flags(base::byte_writer& to, bool growth, bool overflow) {
  to.put(static_cast<std::uint8_t>((growth ? flag_growth : 0) | (overflow ? flag_overflow : 0)));
}

std::uint8_t get_flags(base::byte_reader& from, std::uint8_t allowed) {
  const auto flags = from.get<std::uint8_t>();
  if ((flags & ~allowed) != 0) base::byte_reader::fail();
  return flags;
}
constexpr std::uint8_t number_flags = flag_underflow | flag_overflow | flag_circular;
constexpr std::uint8_t category_flags = flag_overflow | flag_growth;

void put_scalar(base::byte_writer& to, const scalar& value) {
  std::visit(base::overloaded{
                 [&](bool x) { to.put(code_bool), to.put(static_cast<std::uint8_t>(x)); },
                 [&](std::int64_t x) { to.put(code_int64), to.put(x); },
                 [&](double x) { to.put(code_double), to.put(x); },
                 [&](const std::string& x) { to.put(code_text), to.put_text(x); },
             },
             value);
}

scalar get_scalar(base::byte_reader& from) {
  switch (from.get<std::uint8_t>()) {
    case code_bool:
      return from.get<std::uint8_t>() != 0;
    case code_int64:
      return from.get<std::int64_t>();
    case code_double:
      return from.get<double>();
    case code_text:
      return from.get_text();
    default:
      base::byte_reader::fail();
  }
}

axis::kind get_regular(base::byte_reader& from) {
  const auto bins = from.get<std::int64_t>();
  const auto lower = from.get<double>();
  const auto upper = from.get<double>();
  const auto flags = get_flags(from, number_flags);
  const auto transform = from.get<std::uint8_t>();
  if (transform > static_cast<std::uint8_t>(axis::transform::pow)) base::byte_reader::fail();
  const auto power = from.get<double>();
  return axis::regular{bins,
                       lower,
                       upper,
                       (flags & flag_underflow) != 0,
                       (flags & flag_overflow) != 0,
                       (flags & flag_circular) != 0,
                       static_cast<axis::transform>(transform),
                       power};
}

axis::kind get_kind(base::byte_reader& from) {
  switch (from.get<std::uint8_t>()) {
    case code_regular:
      return get_regular(from);
    case code_variable: {
      auto edges = from.get_all<double>(from.get_count<std::uint32_t>(sizeof(double)));
      const auto flags = get_flags(from, number_flags);
      if (edges.size() < 2) base::byte_reader::fail();
      return axis::variable{std::move(edges), (flags & flag_underflow) != 0, (flags & flag_overflow) != 0,
                            (flags & flag_circular) != 0};
    }
    case code_integer: {
      const auto lower = from.get<std::int64_t>();
      const auto upper = from.get<std::int64_t>();
      const auto flags = get_flags(from, number_flags);
      return axis::integer{lower, upper, (flags & flag_underflow) != 0, (flags & flag_overflow) != 0,
                           (flags & flag_circular) != 0};
    }
    case code_boolean:
      return axis::boolean{};
    case code_string: {
      const auto flags = get_flags(from, category_flags);
      std::vector<std::string> labels;
      for (auto n = from.get_count<std::uint32_t>(sizeof(std::uint32_t)); n > 0; --n) labels.push_back(from.get_text());
      return axis::str_category{std::move(labels), (flags & flag_growth) != 0, (flags & flag_overflow) != 0};
    }
    case code_int: {
      const auto flags = get_flags(from, category_flags);
      auto labels = from.get_all<std::int64_t>(from.get_count<std::uint32_t>(sizeof(std::int64_t)));
      return axis::int_category{std::move(labels), (flags & flag_growth) != 0, (flags & flag_overflow) != 0};
    }
    default:
      base::byte_reader::fail();
  }
}

}  // namespace

void put_axis(base::byte_writer& to, const axis::any& axis) {
  std::visit(base::overloaded{
                 [&](const axis::regular& a) {
                   to.put(code_regular), to.put(a.bins), to.put(a.lower), to.put(a.upper);
                   put_flags(to, a.underflow, a.overflow, a.circular);
                   to.put(static_cast<std::uint8_t>(a.transform)), to.put(a.power);
                 },
                 [&](const axis::variable& a) {
                   to.put(code_variable), to.put(static_cast<std::uint32_t>(a.edges.size()));
                   to.put_all(std::span<const double>{a.edges});
                   put_flags(to, a.underflow, a.overflow, a.circular);
                 },
                 [&](const axis::integer& a) {
                   to.put(code_integer), to.put(a.lower), to.put(a.upper);
                   put_flags(to, a.underflow, a.overflow, a.circular);
                 },
                 [&](const axis::boolean&) { to.put(code_boolean); },
                 [&](const axis::str_category& a) {
                   to.put(code_string), put_category_flags(to, a.growth, a.overflow);
                   to.put(static_cast<std::uint32_t>(a.growth ? 0 : a.labels.size()));
                   if (!a.growth)
                     for (const auto& label : a.labels) to.put_text(label);
                 },
                 [&](const axis::int_category& a) {
                   to.put(code_int), put_category_flags(to, a.growth, a.overflow);
                   to.put(static_cast<std::uint32_t>(a.growth ? 0 : a.labels.size()));
                   if (!a.growth) to.put_all(std::span<const std::int64_t>{a.labels});
                 },
             },
             axis.kind());
  to.put(static_cast<std::uint32_t>(axis.metadata().size()));
  for (const auto& [key, value] : axis.metadata()) {
    to.put_text(key);
    put_scalar(to, value);
  }
}

axis::any get_axis(base::byte_reader& from) {
  auto kind = get_kind(from);
  metadata_map metadata;
  for (auto n = from.get_count<std::uint32_t>(sizeof(std::uint32_t)); n > 0; --n) {
    auto key = from.get_text();
    if (!metadata.emplace(std::move(key), get_scalar(from)).second) base::byte_reader::fail();
  }
  try {
    return {std::move(kind), std::move(metadata)};
  } catch (const std::invalid_argument&) {
    base::byte_reader::fail();
  }
}

}  // namespace hugehist::write
