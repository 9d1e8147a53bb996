// Preloaded, it makes hugehist's journal nothing: what is written to it is thrown away, and every sync still happens.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace {

bool is_journal(int descriptor) {
  std::array<char, 4096> target{};
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  const auto length = ::readlink(link.c_str(), target.data(), target.size());
  return length > 0 && std::string_view{target.data(), static_cast<std::size_t>(length)}.ends_with(".journal");
}

template <class Call>
Call next(const char* name) {
  return reinterpret_cast<Call>(::dlsym(RTLD_NEXT, name));  // NOLINT(*-reinterpret-cast)
}

}  // namespace

extern "C" ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return is_journal(descriptor) ? static_cast<ssize_t>(size) : real(descriptor, bytes, size, offset);
}

extern "C" ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return pwrite64(descriptor, bytes, size, offset);
}
