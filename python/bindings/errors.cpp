// Exceptions of the core as exceptions of Python.

#include "bindings.hpp"

#include <hugehist/error.hpp>

#include <filesystem>
#include <new>
#include <system_error>

namespace hugehist::python {
namespace {

// Created once and never released: exceptions may be raised until the interpreter is gone.
PyObject* base_error = nullptr;
PyObject* format_failure = nullptr;
PyObject* corruption_failure = nullptr;
PyObject* lock_failure = nullptr;
PyObject* overlap_failure = nullptr;

PyObject* make_exception(py::module_& module, const char* name, const char* doc, PyObject* base) {
  // The package re-exports them, and tracebacks and pickles should show that name.
  auto* type = PyErr_NewExceptionWithDoc((std::string{"hugehist."} + name).c_str(), doc, base, nullptr);
  if (type == nullptr) throw py::error_already_set{};
  module.attr(name) = py::handle{type};
  return type;
}

/// Messages may hold file names that are no UTF-8.
py::object message_text(const char* what) {
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(what, static_cast<Py_ssize_t>(std::char_traits<char>::length(what)), "replace"));
}

void raise(PyObject* type, const std::exception& problem) {
  if (const auto text = message_text(problem.what())) PyErr_SetObject(type, text.ptr());
}

/// OSError chooses its own subclass by errno.
void raise_os_error(const std::system_error& problem) {
  const auto& category = problem.code().category();
  if (category != std::generic_category() && category != std::system_category()) return raise(base_error, problem);
  const auto text = message_text(problem.what());
  if (!text) return;
  const auto arguments = py::make_tuple(problem.code().value(), text);
  PyErr_SetObject(PyExc_OSError, arguments.ptr());
}

// The signature is pybind11's.
void translate(std::exception_ptr pending) {  // NOLINT(performance-unnecessary-value-param)
  try {
    if (pending) std::rethrow_exception(pending);
  } catch (const format_error& problem) {
    raise(format_failure, problem);
  } catch (const corruption_error& problem) {
    raise(corruption_failure, problem);
  } catch (const locked_error& problem) {
    raise(lock_failure, problem);
  } catch (const overlap_error& problem) {
    raise(overlap_failure, problem);
  } catch (const error& problem) {
    raise(base_error, problem);
  } catch (const key_error& problem) {
    raise(PyExc_KeyError, problem);
  } catch (const type_error& problem) {
    raise(PyExc_TypeError, problem);
  } catch (const std::invalid_argument& problem) {
    raise(PyExc_ValueError, problem);
  } catch (const std::length_error& problem) {
    raise(PyExc_ValueError, problem);
  } catch (const std::out_of_range& problem) {
    raise(PyExc_IndexError, problem);
  } catch (const std::system_error& problem) {
    raise_os_error(problem);
  } catch (const std::bad_alloc& problem) {
    raise(PyExc_MemoryError, problem);
  }
}

}  // namespace

void bind_errors(py::module_& module) {
  base_error = make_exception(module, "Error", "Base of the errors that are hugehist's own.", PyExc_Exception);
  format_failure =
      make_exception(module, "FormatError",
                     "The file is no HDF5 file, holds no UHI histogram, or is from a newer format.", base_error);
  corruption_failure = make_exception(module, "CorruptionError",
                                      "Stored bytes are damaged: a checksum or a decoder refused them.", base_error);
  lock_failure =
      make_exception(module, "LockedError", "Another process, or another handle, holds the file.", base_error);
  overlap_failure = make_exception(
      module, "OverlapError",
      "A merge whose interval is in the ledger in part: merging it would count that part twice.", base_error);
  // Local: the translators of other pybind11 modules, boost_histogram's too, stay as they are.
  py::register_local_exception_translator(&translate);
}

}  // namespace hugehist::python
