// Transactions, and how a thread that waits for one is interrupted.

#include "opened.hpp"

#include <hugehist/transaction.hpp>

#include <optional>

namespace hugehist::python {
namespace {

/// What hugehist._core.Transaction holds. One that is dropped goes back, without the GIL.
class running {
 public:
  running(opened& file, const py::object& id) {
    std::optional<merge_id> key;
    if (!id.is_none()) key = id_from(id);
    unlocked([&] { transaction_.emplace(file.target(), key); });
  }
  running(running&&) = default;
  running& operator=(running&&) = delete;
  ~running() {
    if (transaction_) unlocked([this] { transaction_.reset(); });
  }
  transaction& target() noexcept { return *transaction_; }

 private:
  std::optional<transaction> transaction_;
};

unsigned long main_thread = 0;  // NOLINT(*-avoid-non-const-global-variables): known when the module is imported

/// Ctrl-C, of a main thread that waits for a transaction of another one. Python tells signals to that thread only, and
/// others may be here when there is no interpreter any more.
void check_signals() {
  if (PyThread_get_thread_ident() != main_thread) return;
  std::optional<py::gil_scoped_acquire> acquired;
  take_gil([&] { acquired.emplace(); });
  if (PyErr_CheckSignals() != 0) throw py::error_already_set{};
}

}  // namespace

void bind_transaction(py::module_& module) {
  main_thread = py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  set_wait_callback(&check_signals);
  py::class_<running>(module, "Transaction")
      .def(py::init<opened&, const py::object&>(), py::arg("file"), py::arg("id"))
      .def_property_readonly("already", [](running& self) { return self.target().already(); })
      .def("commit", [](running& self) { unlocked([&] { self.target().commit(); }); })
      .def("roll_back", [](running& self) { unlocked([&] { self.target().roll_back(); }); });
}

}  // namespace hugehist::python
