#include "store/hdf5/axis_io.hpp"

#include "store/hdf5/attributes.hpp"
#include "store/hdf5/groups.hpp"
#include "store/hdf5/lists.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace hugehist::store::hdf5 {
namespace {

constexpr const char* boost_info = "writer_info/boost-histogram";
constexpr const char* own_info = "writer_info/hugehist";

struct transform_name {
  axis::transform value;
  const char* name;
};
constexpr std::array<transform_name, 3> transform_names{
    {{axis::transform::log, "log"}, {axis::transform::sqrt, "sqrt"}, {axis::transform::pow, "pow"}}};

// ---- writing

/// What describes an axis besides its lists.
struct axis_attributes {
  metadata_map schema, boost, own;

  void flow(bool underflow, bool overflow, bool circular) {
    schema["underflow"] = underflow;
    schema["overflow"] = overflow;
    schema["circular"] = circular;
  }
  void range(scalar lower, scalar upper, std::int64_t bins) {
    schema["lower"] = std::move(lower);
    schema["upper"] = std::move(upper);
    schema["bins"] = bins;
  }
  void category(const char* type, bool overflow, bool growth) {
    schema["type"] = std::string{type};
    schema["flow"] = overflow;
    if (growth) boost["growth"] = true;
  }

  void operator()(const axis::regular& a) {
    flow(a.underflow, a.overflow, a.circular);
    if (a.transform == axis::transform::none) {
      schema["type"] = std::string{"regular"};
      range(a.lower, a.upper, a.bins);
      return;
    }
    schema["type"] = std::string{"variable"};
    // boost-histogram restores a transformed axis with both flow bins, whatever the schema says.
    auto& info = a.underflow && a.overflow && !a.circular ? boost : own;
    for (const auto& [value, name] : transform_names)
      if (value == a.transform) info["transform"] = std::string{name};
    if (a.transform == axis::transform::pow) info["power"] = a.power;
    info["bins"] = a.bins;
    info["lower"] = a.lower;
    info["upper"] = a.upper;
  }
  void operator()(const axis::variable& a) {
    schema["type"] = std::string{"variable"};
    flow(a.underflow, a.overflow, a.circular);
  }
  void operator()(const axis::integer& a) {
    schema["type"] = std::string{"regular"};
    flow(a.underflow, a.overflow, a.circular);
    range(a.lower, a.upper, a.upper - a.lower);
    boost["orig_type"] = std::string{"Integer"};
  }
  void operator()(const axis::boolean&) { schema["type"] = std::string{"boolean"}; }
  void operator()(const axis::str_category& a) { category("category_str", a.overflow, a.growth); }
  void operator()(const axis::int_category& a) { category("category_int", a.overflow, a.growth); }
};

// ---- reading

/// Attributes under the names of the schema, with the types that the axis needs.
class attribute_reader {
 public:
  explicit attribute_reader(metadata_map attributes) : attributes_{std::move(attributes)} {}

  bool has(const char* name) const { return attributes_.contains(name); }

  std::string text(const char* name) const {
    const auto* value = std::get_if<std::string>(&at(name));
    if (value == nullptr) refuse(name, "is no text");
    return *value;
  }
  bool flag(const char* name, bool otherwise) const {
    if (!has(name)) return otherwise;
    const auto& value = at(name);
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number != 0;
    refuse(name, "is neither true nor false");
  }
  double number(const char* name) const {
    const auto& value = at(name);
    if (const auto* real = std::get_if<double>(&value)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
    refuse(name, "is no number");
  }
  std::int64_t integer(const char* name) const {
    const auto& value = at(name);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
    constexpr double exact = 9007199254740992.0;  // 2^53: doubles below it are whole without doubt
    if (const auto* real = std::get_if<double>(&value);
        real != nullptr && std::abs(*real) <= exact && std::floor(*real) == *real)
      return static_cast<std::int64_t>(*real);
    refuse(name, "is no whole number");
  }

 private:
  [[noreturn]] static void refuse(const char* name, const char* why) {
    throw format_error{std::string{"its attribute '"} + name + "' " + why};
  }
  const scalar& at(const char* name) const {
    const auto found = attributes_.find(name);
    if (found == attributes_.end()) refuse(name, "is missing");
    return found->second;
  }

  metadata_map attributes_;
};

handle open_list(hid_t group, const char* name) {
  if (!is_dataset(group, name)) throw format_error{std::string{"its dataset '"} + name + "' is missing"};
  return open_dataset(group, name);
}

std::vector<double> read_edges(hid_t group, std::uint64_t file_bytes) {
  const auto dataset = open_list(group, "edges");
  const auto kind = kind_of(dataset);
  if (kind != list_kind::numbers && kind != list_kind::integers) throw format_error{"its edges are no numbers"};
  return read_numbers(dataset, file_bytes);
}

/// The regular axis behind a variable one, if writer_info describes one that has as many bins.
std::optional<axis::regular> read_transformed(const attribute_reader& schema, const metadata_map& attributes,
                                              std::size_t edges) {
  const attribute_reader info{attributes};
  if (!info.has("transform") || !info.has("bins")) return std::nullopt;
  const auto name = info.text("transform");
  for (const auto& known : transform_names) {
    if (name != known.name) continue;
    axis::regular result{info.integer("bins"), info.number("lower"), info.number("upper")};
    if (result.bins < 1 || static_cast<std::size_t>(result.bins) + 1 != edges) return std::nullopt;
    result.underflow = schema.flag("underflow", true);
    result.overflow = schema.flag("overflow", true);
    result.circular = schema.flag("circular", false);
    result.transform = known.value;
    if (known.value == axis::transform::pow) result.power = info.number("power");
    return result;
  }
  return std::nullopt;
}

axis::kind read_variable(hid_t group, const attribute_reader& schema, std::uint64_t file_bytes) {
  auto edges = read_edges(group, file_bytes);
  for (const auto* path : {own_info, boost_info})
    if (auto regular = read_transformed(schema, read_group_attributes(group, path), edges.size())) return *regular;
  return axis::variable{std::move(edges), schema.flag("underflow", true), schema.flag("overflow", true),
                        schema.flag("circular", false)};
}

axis::kind read_regular(const attribute_reader& schema, const attribute_reader& boost) {
  const auto bins = schema.integer("bins");
  const auto underflow = schema.flag("underflow", true), overflow = schema.flag("overflow", true),
             circular = schema.flag("circular", false);
  if (!boost.has("orig_type") || boost.text("orig_type") != "Integer")
    return axis::regular{bins, schema.number("lower"), schema.number("upper"), underflow, overflow, circular};
  const axis::integer result{schema.integer("lower"), schema.integer("upper"), underflow, overflow, circular};
  std::int64_t length = 0;
  if (__builtin_sub_overflow(result.upper, result.lower, &length) || length != bins)
    throw format_error{"its number of bins is not upper - lower, as it must be on an integer axis"};
  return result;
}

axis::kind read_category(hid_t group, bool text, bool overflow, bool growth, std::uint64_t file_bytes) {
  const auto dataset = open_list(group, "categories");
  const auto kind = kind_of(dataset);
  growth = growth && !overflow;  // what grows needs no overflow bin; with one, nothing can be added by us
  // An empty list that uhi wrote is one of floats.
  const bool empty = list_length(dataset, file_bytes) == 0;
  if (text) {
    if (!empty && kind != list_kind::text) throw format_error{"its categories are no texts"};
    return axis::str_category{empty ? std::vector<std::string>{} : read_texts(dataset, file_bytes), growth, overflow};
  }
  if (!empty && kind != list_kind::integers) throw format_error{"its categories are no integers"};
  return axis::int_category{empty ? std::vector<std::int64_t>{} : read_integers(dataset, file_bytes), growth, overflow};
}

}  // namespace

metadata_map read_group_attributes(hid_t location, const std::string& path) {
  if (!exists(location, path)) return {};
  return read_attributes(open_group(location, path));
}

void write_group_attributes(hid_t location, const std::string& path, const metadata_map& attributes) {
  if (!attributes.empty()) write_attributes(create_group(location, path), attributes);
}

void write_labels(hid_t group, const axis::any& axis, std::size_t keep) {
  if (const auto* strings = std::get_if<axis::str_category>(&axis.kind()))
    write_texts(group, "categories", strings->labels, keep);
  else
    write_integers(group, "categories", std::get<axis::int_category>(axis.kind()).labels, keep);
}

void write_axis(hid_t group, const axis::any& axis) {
  axis_attributes attributes;
  std::visit(attributes, axis.kind());
  write_attributes(group, attributes.schema);
  write_group_attributes(group, "metadata", axis.metadata());
  write_group_attributes(group, boost_info, attributes.boost);
  write_group_attributes(group, own_info, attributes.own);
  if (axis.is_category())
    write_labels(group, axis, 0);
  else if (std::get<std::string>(attributes.schema.at("type")) == "variable")
    write_numbers(group, "edges", axis.edges(), 0);
}

axis::any read_axis(hid_t group, std::uint64_t file_bytes) {
  const attribute_reader schema{read_attributes(group)};
  const attribute_reader boost{read_group_attributes(group, boost_info)};
  const auto type = schema.text("type");
  const auto growth = boost.flag("growth", false);
  auto kind = [&]() -> axis::kind {
    if (type == "regular") return read_regular(schema, boost);
    if (type == "variable") return read_variable(group, schema, file_bytes);
    if (type == "boolean") return axis::boolean{};
    if (type == "category_str") return read_category(group, true, schema.flag("flow", false), growth, file_bytes);
    if (type == "category_int") return read_category(group, false, schema.flag("flow", false), growth, file_bytes);
    throw format_error{"its type '" + type + "' is unknown"};
  }();
  return {std::move(kind), read_group_attributes(group, "metadata")};
}

}  // namespace hugehist::store::hdf5
