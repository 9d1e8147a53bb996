#include <hugehist/axis.hpp>

#include "base/overloaded.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <unordered_set>

namespace hugehist::axis {
namespace {

using base::overloaded;

// Bin numbers are int in Boost.Histogram, and two flow bins must fit beside them.
constexpr std::int64_t max_bins = std::numeric_limits<std::int32_t>::max() - 2;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument{what}; }

void check_bins(std::int64_t bins) {
  if (bins < 1) refuse("it has no bins");
  if (bins > max_bins) refuse("it has more than 2^31 - 3 bins");
}

void check_circular(bool underflow, bool overflow) {
  // The overflow bin takes what has no place on the circle: NaN and infinities.
  if (underflow) refuse("a circular axis has no underflow bin: set underflow to false");
  if (!overflow) refuse("a circular axis has an overflow bin: set overflow to true");
}

template <class Labels>
void check_labels(const Labels& labels, bool growth, bool overflow) {
  if (growth && overflow) refuse("a growing category axis has no overflow bin: set overflow to false");
  if (labels.size() > static_cast<std::size_t>(max_bins)) refuse("it has more than 2^31 - 3 labels");
  std::unordered_set<typename Labels::value_type> seen;
  for (const auto& label : labels)
    if (!seen.insert(label).second) refuse("a label repeats");
}

void check(const regular& a) {
  check_bins(a.bins);
  if (a.circular) check_circular(a.underflow, a.overflow);
  if (!std::isfinite(a.lower) || !std::isfinite(a.upper)) refuse("its range is not finite");
  if (a.lower == a.upper) refuse("its range is empty");
  if (a.transform != transform::none && a.circular) refuse("a circular axis takes no transform");
  const auto low = std::min(a.lower, a.upper);
  if (a.transform == transform::log && low <= 0) refuse("a log axis needs a range above 0");
  if (a.transform == transform::sqrt && low < 0) refuse("a sqrt axis needs a range from 0 up");
  if (a.transform == transform::pow &&
      (!std::isfinite(a.power) || a.power == 0 || !std::isfinite(std::pow(a.lower, a.power)) ||
       !std::isfinite(std::pow(a.upper, a.power))))
    refuse("its range has no finite power");
}

void check(const variable& a) {
  if (a.circular) check_circular(a.underflow, a.overflow);
  check_bins(static_cast<std::int64_t>(a.edges.size()) - 1);
  for (auto edge : a.edges)
    if (std::isnan(edge)) refuse("an edge is NaN");
  if (std::adjacent_find(a.edges.begin(), a.edges.end(), std::greater_equal<>{}) != a.edges.end())
    refuse("its edges do not ascend");
}

void check(const integer& a) {
  if (a.upper <= a.lower) refuse("its range is empty");
  // Boost.Histogram's integer axis counts in int.
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  if (a.lower < -most || a.upper > most) refuse("its range does not fit 32 bits");
  check_bins(a.upper - a.lower);
  if (a.circular && (a.underflow || a.overflow)) refuse("a circular integer axis has no flow bins");
}

void check(const boolean&) {}

void check_text(const std::string& label) {
  // HDF5 keeps labels in fixed length, padded with NUL.
  if (label.find('\0') != std::string::npos) refuse("a label contains a NUL character");
}

void check(const str_category& a) {
  check_labels(a.labels, a.growth, a.overflow);
  for (const auto& label : a.labels) check_text(label);
  if (!a.growth && a.labels.empty() && !a.overflow) refuse("it has no bins: give labels or let it grow");
}

void check(const int_category& a) {
  check_labels(a.labels, a.growth, a.overflow);
  if (!a.growth && a.labels.empty() && !a.overflow) refuse("it has no bins: give labels or let it grow");
}

std::int64_t to_integer(const std::string& label) {
  if (!is_integer_label(label)) throw type_error{"label '" + label + "' of an integer category axis is no integer"};
  std::int64_t value = 0;
  std::from_chars(label.data(), label.data() + label.size(), value);
  return value;
}

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string flow_text(bool underflow, bool overflow, bool circular) {
  std::string text;
  if (circular) text += ", circular=true";
  if (!underflow && !circular) text += ", underflow=false";
  if (!overflow) text += ", overflow=false";
  return text;
}

std::string category_text(const char* kind, std::size_t labels, bool growth) {
  return std::string{kind} + "(" + std::to_string(labels) + " labels" + (growth ? ", growth=true" : "");
}

std::string describe(const kind& value) {
  return std::visit(overloaded{
                        [](const regular& a) {
                          const char* transforms[] = {"", ", transform=log", ", transform=sqrt", ", transform=pow "};
                          auto text = "regular(" + std::to_string(a.bins) + ", " + number(a.lower) + ", " +
                                      number(a.upper) + transforms[static_cast<int>(a.transform)];
                          if (a.transform == transform::pow) text += number(a.power);
                          return text + flow_text(a.underflow, a.overflow, a.circular);
                        },
                        [](const variable& a) {
                          return "variable(" + std::to_string(a.edges.size()) + " edges from " +
                                 number(a.edges.front()) + " to " + number(a.edges.back()) +
                                 flow_text(a.underflow, a.overflow, a.circular);
                        },
                        [](const integer& a) {
                          return "integer(" + std::to_string(a.lower) + ", " + std::to_string(a.upper) +
                                 flow_text(a.underflow, a.overflow, a.circular);
                        },
                        [](const boolean&) { return std::string{"boolean("}; },
                        [](const str_category& a) { return category_text("str_category", a.labels.size(), a.growth); },
                        [](const int_category& a) { return category_text("int_category", a.labels.size(), a.growth); },
                    },
                    value);
}

/// The kind with its labels and growth removed: what must agree between two histograms that are added.
kind without_labels(const kind& value) {
  return std::visit(overloaded{
                        [](const str_category&) -> kind { return str_category{}; },
                        [](const int_category&) -> kind { return int_category{}; },
                        [](const auto& a) -> kind { return a; },
                    },
                    value);
}

}  // namespace

any::any(axis::kind value, metadata_map metadata) : kind_{std::move(value)}, metadata_{std::move(metadata)} {
  try {
    std::visit([](const auto& a) { check(a); }, kind_);
  } catch (const std::invalid_argument& problem) {
    const auto shown = name();
    throw std::invalid_argument{"axis" + (shown.empty() ? "" : " '" + shown + "'") + ": " + problem.what()};
  }
}

any::any(axis::kind value, std::string name)
    : any{std::move(value), name.empty() ? metadata_map{} : metadata_map{{"name", std::move(name)}}} {}

std::string any::name() const {
  const auto found = metadata_.find("name");
  if (found == metadata_.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string{} : *text;
}

std::size_t any::size() const noexcept {
  return std::visit(overloaded{
                        [](const regular& a) { return static_cast<std::size_t>(a.bins); },
                        [](const variable& a) { return a.edges.size() - 1; },
                        [](const integer& a) { return static_cast<std::size_t>(a.upper - a.lower); },
                        [](const boolean&) { return std::size_t{2}; },
                        [](const auto& a) { return a.labels.size(); },
                    },
                    kind_);
}

bool any::underflow() const noexcept {
  return std::visit(overloaded{
                        [](const boolean&) { return false; },
                        [](const str_category&) { return false; },
                        [](const int_category&) { return false; },
                        [](const auto& a) { return a.underflow; },
                    },
                    kind_);
}

bool any::overflow() const noexcept {
  return std::visit(overloaded{
                        [](const boolean&) { return false; },
                        [](const auto& a) { return a.overflow; },
                    },
                    kind_);
}

bool any::is_category() const noexcept {
  return std::holds_alternative<str_category>(kind_) || std::holds_alternative<int_category>(kind_);
}

bool any::is_growing() const noexcept {
  return std::visit(overloaded{
                        [](const str_category& a) { return a.growth; },
                        [](const int_category& a) { return a.growth; },
                        [](const auto&) { return false; },
                    },
                    kind_);
}

std::vector<std::string> any::labels() const {
  if (const auto* strings = std::get_if<str_category>(&kind_)) return strings->labels;
  std::vector<std::string> result;
  for (auto label : std::get<int_category>(kind_).labels) result.push_back(std::to_string(label));
  return result;
}

std::vector<double> any::edges() const {
  std::vector<double> result;
  const auto spaced = [&result](std::int64_t bins, auto&& edge) {
    for (std::int64_t i = 0; i <= bins; ++i) result.push_back(edge(i));
  };
  std::visit(overloaded{
                 [&](const regular& a) {
                   const auto forward = [&a](double x) {
                     switch (a.transform) {
                       case transform::log:
                         return std::log(x);
                       case transform::sqrt:
                         return std::sqrt(x);
                       case transform::pow:
                         return std::pow(x, a.power);
                       case transform::none:
                         break;
                     }
                     return x;
                   };
                   const auto inverse = [&a](double x) {
                     switch (a.transform) {
                       case transform::log:
                         return std::exp(x);
                       case transform::sqrt:
                         return x * x;
                       case transform::pow:
                         return std::pow(x, 1.0 / a.power);
                       case transform::none:
                         break;
                     }
                     return x;
                   };
                   // As Boost.Histogram's axis::regular computes value(i), so that edges agree to the last bit.
                   const auto low = forward(a.lower);
                   const auto delta = forward(a.upper) - low;
                   spaced(a.bins, [&](std::int64_t i) {
                     const auto z = static_cast<double>(i) / static_cast<double>(a.bins);
                     return inverse((1.0 - z) * low + z * (low + delta));
                   });
                 },
                 [&](const variable& a) { result = a.edges; },
                 [&](const integer& a) {
                   spaced(a.upper - a.lower, [&](std::int64_t i) { return static_cast<double>(a.lower + i); });
                 },
                 [&](const boolean&) {
                   result = {0, 1, 2};
                 },
                 [](const auto&) { throw type_error{"a category axis has labels, no edges"}; },
             },
             kind_);
  return result;
}

any any::with_labels(const std::vector<std::string>& labels) const {
  auto changed = kind_;
  if (auto* strings = std::get_if<str_category>(&changed)) {
    strings->labels = labels;
  } else {
    auto& integers = std::get<int_category>(changed).labels;
    integers.clear();
    for (const auto& label : labels) integers.push_back(to_integer(label));
  }
  return {std::move(changed), metadata_};
}

void any::append_labels(std::span<const std::string> labels) {
  if (auto* strings = std::get_if<str_category>(&kind_)) {
    for (const auto& label : labels) check_text(label);
    strings->labels.insert(strings->labels.end(), labels.begin(), labels.end());
    return;
  }
  std::vector<std::int64_t> parsed;
  std::ranges::transform(labels, std::back_inserter(parsed), to_integer);
  auto& integers = std::get<int_category>(kind_).labels;
  integers.insert(integers.end(), parsed.begin(), parsed.end());
}

std::string to_string(const any& axis) {
  const auto name = axis.name();
  return describe(axis.kind()) + (name.empty() ? ")" : ", name='" + name + "')");
}

namespace {

/// Libraries compute the upper bound back from the width, or through a transform: it comes with another last digit.
bool same_bins(const kind& a, const kind& b) {
  const auto* left = std::get_if<regular>(&a);
  const auto* right = std::get_if<regular>(&b);
  if (left == nullptr || right == nullptr) return a == b;
  const auto tolerance =
      4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(left->lower), std::abs(left->upper));
  auto same = *left;
  if (std::abs(left->lower - right->lower) <= tolerance) same.lower = right->lower;
  if (std::abs(left->upper - right->upper) <= tolerance) same.upper = right->upper;
  return same == *right;
}

}  // namespace

std::string incompatibility(const any& a, const any& b) {
  const auto names_differ = !a.name().empty() && !b.name().empty() && a.name() != b.name();
  const auto flow_differs = a.is_category() && !a.is_growing() && !b.is_growing() && a.overflow() != b.overflow();
  if (!names_differ && !flow_differs && same_bins(without_labels(a.kind()), without_labels(b.kind()))) return {};
  return to_string(a) + " against " + to_string(b) +
         (names_differ   ? ": the names differ"
          : flow_differs ? ": one has an overflow bin"
                         : ": they differ");
}

bool is_integer_label(const std::string& text) noexcept {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || stop != end) return false;
  char canonical[24];
  const auto* last = std::to_chars(canonical, canonical + sizeof canonical, value).ptr;
  return std::string_view(canonical, static_cast<std::size_t>(last - canonical)) == text;
}

}  // namespace hugehist::axis
