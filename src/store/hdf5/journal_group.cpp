#include "store/hdf5/journal_group.hpp"

#include "base/byte_stream.hpp"
#include "base/checksum.hpp"
#include "store/hdf5/descriptor_io.hpp"
#include "store/hdf5/space_tail.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace hugehist::store::hdf5 {
namespace {

constexpr std::uint64_t magic = 0x33304c4e524a4848;  // "HHJRNL03"
constexpr std::size_t header_bytes = 16;             // the magic number and the length

template <std::size_t States>
void put(base::byte_writer& out, const known_bytes<States>& known) {
  out.put(known.offset);
  for (const auto& state : known.states) {
    out.put(std::uint64_t{state.size()});
    out.put_all(std::span{state});
  }
}

/// They lie in a file that ends at `end`.
template <std::size_t States>
void get(base::byte_reader& in, known_bytes<States>& known, std::uint64_t end) {
  known.offset = in.get<std::uint64_t>();
  for (auto& state : known.states) {
    state = in.get_all<std::byte>(in.get_count<std::uint64_t>(1));
    if (known.offset > end || state.size() > end - known.offset) base::byte_reader::fail();
  }
}

void put(base::byte_writer& out, const std::vector<file_space::state>& states) {
  out.put(std::uint64_t{states.size()});
  for (const auto& [number, end, free] : states) {
    out.put(number);
    out.put(end);
    put_extents(out, free);
  }
}

void get(base::byte_reader& in, std::vector<file_space::state>& states) {
  states.resize(in.get_count<std::uint64_t>(3 * sizeof(std::uint64_t)));
  if (states.empty()) base::byte_reader::fail();
  for (auto& state : states) {
    state.number = in.get<std::uint64_t>();
    state.end = in.get<std::uint64_t>();
    state.free = get_extents(in, state.end);
    if (&state != &states.front() && state.number <= (&state - 1)->number) base::byte_reader::fail();
  }
}

/// The group that the bytes are, without the header; nothing where it is not whole.
std::optional<read_group> decode(std::span<const std::byte> bytes) {
  constexpr std::size_t checksum_bytes = 8;
  try {
    base::byte_reader in{bytes};
    read_group result;
    auto& head = result.head;
    for (auto* number : {&head.salt, &head.number, &head.first}) *number = in.get<std::uint64_t>();
    const auto content = bytes.first(bytes.size() - std::min(bytes.size(), checksum_bytes));
    base::byte_reader checksum{bytes.subspan(content.size())};
    if (checksum.get<std::uint64_t>() != base::checksum(content, head.salt)) return std::nullopt;
    get(in, head.states);
    const auto end = head.end();
    get(in, head.superblock, end);
    get(in, head.stamp, end);
    const auto ranges = in.get<std::uint64_t>();
    for (std::uint64_t i = 0; i < ranges; ++i) {
      const auto offset = in.get<std::uint64_t>();
      const auto range = in.take(in.get<std::uint64_t>());
      if (range.empty() || offset > end || range.size() > end - offset) return std::nullopt;
      result.changes.write(offset, range);
    }
    if (in.left() != checksum_bytes || head.first > head.number || head.states.back().number != head.number)
      return std::nullopt;
    return result;
  } catch (const corruption_error&) {
    return std::nullopt;  // torn
  }
}

void read_journal(int journal, std::uint64_t offset, std::span<std::byte> to) {
  if (!read_at(journal, offset, to)) throw std::system_error{errno, std::generic_category(), "cannot read the journal"};
}

/// What a group begins with, which is in one sector of a disk, and so is there or not.
struct group_header {
  std::uint64_t magic = 0, length = 0, salt = 0, number = 0, first = 0;
};

group_header read_header(int journal, std::uint64_t offset) {
  group_header header;
  read_journal(journal, offset, std::as_writable_bytes(std::span{&header, 1}));
  return header;
}

/// The group at that place of a journal of so many bytes. `budget` bounds what is read of groups that are not whole.
std::optional<read_group> read_group_at(int journal, std::uint64_t offset, std::uint64_t journal_bytes,
                                        const group_header& header, std::uint64_t& budget) {
  if (journal_bytes - offset < header_bytes) return {};
  const auto length = header.length;
  if (header.magic != magic || length > journal_bytes - offset - header_bytes || length > budget) return {};
  budget -= length;
  std::vector<std::byte> bytes(length);
  read_journal(journal, offset + header_bytes, bytes);
  auto result = decode(bytes);
  if (result) result->place = {result->head.number, offset, header_bytes + length};
  return result;
}

corruption_error missing(std::uint64_t number) {
  return corruption_error{"its commit " + std::to_string(number) + " is missing"};
}

/// A group that is whole: what it needs, and where it is.
struct whole_group {
  std::uint64_t salt = 0, first = 0;
  group_place place;
};

struct survey {
  std::uint64_t bytes = 0;                     // of the journal
  std::map<std::uint64_t, whole_group> whole;  // by number
  std::vector<group_header> torn;
};

survey look_through(int journal) {
  struct stat info {};
  if (::fstat(journal, &info) != 0) throw std::system_error{errno, std::generic_category(), "cannot read the journal"};
  survey result{static_cast<std::uint64_t>(info.st_size), {}, {}};
  // Each byte once, and what is left of old groups that were written over in part.
  auto budget = 4 * result.bytes;
  for (std::uint64_t at = 0; at < result.bytes;) {
    const auto header = read_header(journal, at);
    const auto found = read_group_at(journal, at, result.bytes, header, budget);
    at = found ? found->place.end() : at + group_alignment;
    if (found)
      result.whole[found->head.number] = {found->head.salt, found->head.first, found->place};
    else if (header.magic == magic)
      result.torn.push_back(header);
  }
  return result;
}

/// That group, after all that it needs.
std::vector<read_group> read_up_to(int journal, const survey& all, std::uint64_t last) {
  const auto& [salt, first, last_place] = all.whole.at(last);
  std::vector<read_group> result;
  for (auto number = first; number <= last; ++number) {
    const auto known = all.whole.find(number);
    if (known == all.whole.end()) throw missing(number);
    const auto offset = known->second.place.offset;
    auto budget = all.bytes;
    auto found = read_group_at(journal, offset, all.bytes, read_header(journal, offset), budget);
    if (!found || found->head.number != number || found->head.salt != salt) throw missing(number);
    result.push_back(std::move(*found));
  }
  return result;
}

}  // namespace

std::vector<std::byte> encode_group(const journal_group& head, const held_writes& changes) {
  base::byte_writer out;
  out.put(magic);
  out.put(std::uint64_t{0});  // the length
  for (const auto number : {head.salt, head.number, head.first}) out.put(number);
  put(out, head.states);
  put(out, head.superblock);
  put(out, head.stamp);
  out.put(std::uint64_t{changes.ranges().size()});
  for (const auto& [offset, content] : changes.ranges()) {
    out.put(offset);
    out.put(std::uint64_t{content.size()});
    out.put_all(std::span{content});
  }
  out.put(base::checksum(std::span{out.bytes()}.subspan(header_bytes), head.salt));
  const std::uint64_t length = out.size() - header_bytes;
  std::memcpy(out.bytes().data() + sizeof magic, &length, sizeof length);
  return std::move(out.bytes());
}

std::vector<read_group> read_groups(int journal) {
  const auto all = look_through(journal);
  const auto last = all.whole.rbegin();
  // A commit begins when those before it are whole: only the last one can be torn.
  for (const auto& one : all.torn)
    if (one.first > 0 && one.first < one.number && !all.whole.contains(one.number - 1) &&
        (last == all.whole.rend() || (one.salt == last->second.salt && one.number > last->first)))
      throw missing(one.number - 1);
  if (last == all.whole.rend()) return {};
  return read_up_to(journal, all, last->first);
}

std::vector<read_group> read_groups_in_part(int journal) {
  const auto all = look_through(journal);
  for (auto last = all.whole.rbegin(); last != all.whole.rend(); ++last) {
    try {
      return read_up_to(journal, all, last->first);
    } catch (const corruption_error&) {
      continue;
    }
  }
  return {};
}

}  // namespace hugehist::store::hdf5
