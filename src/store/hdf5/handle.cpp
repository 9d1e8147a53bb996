#include "store/hdf5/handle.hpp"

#include <pthread.h>

#include <cstdlib>
#include <new>

namespace hugehist::store::hdf5 {
namespace {

std::recursive_mutex& hdf5_lock() {
  // Never destroyed: handles in static objects may outlive everything else.
  static auto* lock = new std::recursive_mutex;
  return *lock;
}

/// HDF5's structures differ between releases, and a process may hold a second copy of the library (in the h5py
/// wheel, for one) that took over its symbols.
void check_library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  if (major == H5_VERS_MAJOR && minor == H5_VERS_MINOR) return;
  throw error{"hugehist was compiled for HDF5 " + std::to_string(H5_VERS_MAJOR) + "." + std::to_string(H5_VERS_MINOR) +
              " but this process runs HDF5 " + std::to_string(major) + "." + std::to_string(minor) + "." +
              std::to_string(release) +
              ": install hugehist for that version, or do not load another HDF5 with global symbols"};
}

herr_t append_description(unsigned, const H5E_error2_t* entry, void* text) noexcept {
  try {
    auto& trace = *static_cast<std::string*>(text);
    if (entry->func_name != nullptr) trace += std::string{entry->func_name} + ": ";
    if (entry->desc != nullptr) trace += entry->desc;
    trace += '\n';
    return 0;
  } catch (...) {
    return -1;
  }
}

/// HDF5 writes "errno = 28, error message = …" into its descriptions and hands it out nowhere else.
int system_code(const std::string& trace) {
  constexpr const char* mark = "errno = ";
  const auto at = trace.find(mark);
  return at == std::string::npos ? 0 : std::atoi(trace.c_str() + at + std::char_traits<char>::length(mark));
}

/// The description of the innermost entry, without the function that it comes from.
std::string innermost(const std::string& trace) {
  const auto line = trace.substr(0, trace.find('\n'));
  const auto colon = line.find(": ");
  return colon == std::string::npos ? line : line.substr(colon + 2);
}

/// No thread is within HDF5 when the process forks, so that a child finds it in order, nor when the process ends: HDF5
/// then closes what is open, while threads that nobody waits for may still be at work. They wait from there on.
void keep_in_order() {
  if (H5open() < 0) throw error{"HDF5 cannot be initialised"};
  const auto lock = [] { hdf5_lock().lock(); };
  const auto unlock = [] { hdf5_lock().unlock(); };
  const auto make_anew = [] { new (&hdf5_lock()) std::recursive_mutex; };  // its owner has another number in a child
  if (pthread_atfork(lock, unlock, make_anew) != 0 || std::atexit(lock) != 0) throw std::bad_alloc{};
}

}  // namespace

session::session() : lock_{hdf5_lock()} {
  static const bool ready = (check_library_version(), keep_in_order(), true);
  static_cast<void>(ready);
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

session::~session() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

std::string take_error_stack() {
  std::string trace;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_description, &trace);
  H5Eclear2(H5E_DEFAULT);
  return trace;
}

void fail(const char* what) {
  auto trace = take_error_stack();
  auto message = std::string{what} + ": " + (trace.empty() ? "HDF5 gives no reason" : innermost(trace));
  const auto code = system_code(trace);
  throw failure{message, std::move(trace), code};
}

void handle::reset() noexcept {
  if (id_ < 0) return;
  // A failure to close cannot be reported from here; what must not fail unseen is flushed before.
  if (H5Iis_valid(id_) > 0) H5Idec_ref(id_);
  id_ = H5I_INVALID_HID;
}

}  // namespace hugehist::store::hdf5
