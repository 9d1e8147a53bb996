#include "target.hpp"

#include "base/checksum.hpp"
#include "store/hdf5/descriptor_io.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace fuzz {

void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error{what};
}

nameless_file::nameless_file(byte_view content) : descriptor_{::memfd_create("fuzzed", MFD_CLOEXEC)} {
  if (descriptor_ < 0 || !hugehist::store::hdf5::write_at(descriptor_, 0, content))
    throw std::logic_error{"no file in memory"};
}

nameless_file::~nameless_file() { ::close(descriptor_); }

void mend_journal(std::span<std::byte> content) {
  constexpr std::uint64_t magic = 0x32304c4e524a4848;
  constexpr std::size_t alignment = 4096, header = 16, least = header + 2 * sizeof(std::uint64_t);
  for (std::size_t at = 0; at + least <= content.size(); at += alignment) {
    const auto group = content.subspan(at);
    if (get<std::uint64_t>(group, 0) != magic) continue;
    const auto length = std::clamp<std::uint64_t>(get<std::uint64_t>(group, 8), least - header, group.size() - header);
    set(group, 8, length);
    const auto summed = group.subspan(header, length - sizeof(std::uint64_t));
    set(group, header + summed.size(), hugehist::base::checksum(summed, get<std::uint64_t>(group, header)));
  }
}

}  // namespace fuzz
