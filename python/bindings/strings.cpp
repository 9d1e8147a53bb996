// Labels of events: columns of strings or integers become codes into a list of distinct labels.
//
// Rows are hashed as they lie in memory; only the distinct ones become Python or C++ strings.

#include "bindings.hpp"

#include <hugehist/error.hpp>

#include <cstring>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace hugehist::python {
namespace {

using codes_array = py::array_t<std::int32_t>;

/// Distinct rows in the order in which they first come.
template <class Key>
class row_codes {
 public:
  std::int32_t operator()(const Key& row) {
    if (!keys_.empty() && row == keys_[last_]) return static_cast<std::int32_t>(last_);
    const auto [found, is_new] = codes_.try_emplace(row, keys_.size());
    if (is_new) {
      if (keys_.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
        throw std::invalid_argument{"a column has more than 2^31 distinct labels"};
      keys_.push_back(row);
    }
    last_ = found->second;
    return static_cast<std::int32_t>(last_);
  }
  const std::vector<Key>& keys() const noexcept { return keys_; }

 private:
  std::unordered_map<Key, std::size_t> codes_;
  std::vector<Key> keys_;
  std::size_t last_ = 0;  // events of one label often come together
};

/// Distinct integers likewise. Those from 0 on, as indices and small counts are, have a table in place of the hash.
class integer_codes {
 public:
  std::int32_t operator()(std::int64_t key) {
    if (static_cast<std::uint64_t>(key) >= table_size) return all_(key);
    if (table_.empty()) table_.resize(table_size, unseen);
    auto& code = table_[static_cast<std::size_t>(key)];
    if (code == unseen) code = all_(key);
    return code;
  }
  const std::vector<std::int64_t>& keys() const noexcept { return all_.keys(); }

 private:
  static constexpr std::size_t table_size = 1024;
  static constexpr std::int32_t unseen = -1;
  row_codes<std::int64_t> all_;
  std::vector<std::int32_t> table_;
};

/// The row of a 'U' array without its padding, as a str.
py::str text_of_ucs4(std::string_view row) {
  auto length = row.size() / 4;
  std::uint32_t unit = 0;
  for (; length > 0; --length) {
    std::memcpy(&unit, row.data() + 4 * (length - 1), 4);
    if (unit != 0) break;
  }
  std::vector<Py_UCS4> units(length);
  std::memcpy(units.data(), row.data(), 4 * length);
  auto* text = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, units.data(), static_cast<Py_ssize_t>(length));
  if (text == nullptr) throw py::error_already_set{};
  return py::reinterpret_steal<py::str>(text);
}

/// The row of an 'S' array without its padding, which must be UTF-8.
py::str text_of_bytes(std::string_view row) {
  while (!row.empty() && row.back() == '\0') row.remove_suffix(1);
  auto* text = PyUnicode_DecodeUTF8(row.data(), static_cast<Py_ssize_t>(row.size()), "strict");
  if (text == nullptr) throw py::error_already_set{};
  return py::reinterpret_steal<py::str>(text);
}

/// (labels, codes) of a one-dimensional 'U' or 'S' array in native byte order.
py::tuple factorize_fixed(const py::array& rows) {
  const auto kind = rows.dtype().kind();
  if (rows.ndim() != 1 || (kind != 'U' && kind != 'S'))
    throw type_error{"an array of dtype U or S with one dimension is expected"};
  const auto events = rows.shape(0), width = rows.itemsize(), stride = rows.strides(0);
  const auto* data = static_cast<const char*>(rows.data());
  codes_array codes{events};
  auto* out = codes.mutable_data();
  row_codes<std::string_view> coder;
  unlocked([&] {
    for (py::ssize_t i = 0; i < events; ++i) out[i] = coder({data + i * stride, static_cast<std::size_t>(width)});
  });
  py::list labels;
  for (const auto& row : coder.keys()) labels.append(kind == 'U' ? text_of_ucs4(row) : text_of_bytes(row));
  return py::make_tuple(labels, codes);
}

/// (labels, codes) of a list, a tuple or an object array of str.
py::tuple factorize_objects(const py::object& values) {
  const auto items = py::reinterpret_steal<py::object>(PySequence_Fast(values.ptr(), "a sequence of str is expected"));
  if (!items) throw py::error_already_set{};
  const auto events = PySequence_Fast_GET_SIZE(items.ptr());
  auto** item = PySequence_Fast_ITEMS(items.ptr());
  codes_array codes{events};
  auto* out = codes.mutable_data();
  row_codes<std::string_view> coder;  // into the UTF-8 that each str keeps; `items` keeps them alive
  for (Py_ssize_t i = 0; i < events; ++i) {
    if (!PyUnicode_Check(item[i]))
      throw type_error{"labels are str, but the one of event " + std::to_string(i) + " is of type " +
                       Py_TYPE(item[i])->tp_name};
    Py_ssize_t size = 0;
    const auto* text = PyUnicode_AsUTF8AndSize(item[i], &size);
    if (text == nullptr) throw py::error_already_set{};
    out[i] = coder({text, static_cast<std::size_t>(size)});
  }
  py::list labels;
  for (const auto& label : coder.keys()) labels.append(py::str(label.data(), label.size()));
  return py::make_tuple(labels, codes);
}

/// (labels in decimal, codes) of a one-dimensional int64 array.
py::tuple factorize_integers(const py::array_t<std::int64_t>& values) {
  if (values.ndim() != 1) throw type_error{"an array with one dimension is expected"};
  const auto rows = values.unchecked<1>();
  codes_array codes{rows.shape(0)};
  auto* out = codes.mutable_data();
  integer_codes coder;
  unlocked([&] {
    for (py::ssize_t i = 0; i < rows.shape(0); ++i) out[i] = coder(rows(i));
  });
  py::list labels;
  for (auto key : coder.keys()) labels.append(py::str(std::to_string(key)));
  return py::make_tuple(labels, codes);
}

}  // namespace

std::string text_from(const py::handle& value) {
  if (PyBytes_Check(value.ptr())) return value.cast<std::string>();
  if (!PyUnicode_Check(value.ptr()))
    throw type_error{"a str is expected, not " + std::string{Py_TYPE(value.ptr())->tp_name}};
  Py_ssize_t size = 0;
  const auto* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw py::error_already_set{};
  return {text, static_cast<std::size_t>(size)};
}

std::vector<std::string> texts_from(const py::handle& values) {
  std::vector<std::string> result;
  for (const auto& value : values) result.push_back(text_from(value));
  return result;
}

py::list texts_to(const std::vector<std::string>& values) {
  py::list result{values.size()};
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = py::str(values[i]);
  return result;
}

void bind_strings(py::module_& module) {
  module.def("factorize_fixed", &factorize_fixed, py::arg("rows"));
  module.def("factorize_objects", &factorize_objects, py::arg("values"));
  module.def("factorize_integers", &factorize_integers, py::arg("values"));
}

}  // namespace hugehist::python
