// The module hugehist._core.

#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
  using namespace hugehist::python;
  module.doc() = "The C++ core of hugehist; use the package hugehist.";
  bind_errors(module);
  bind_strings(module);
  bind_delta(module);
  bind_buffer(module);
  bind_histogram(module);
  bind_file(module);
  bind_transaction(module);
  bind_integrity(module);
}
