// A journal: what read_groups makes of the file beside a file. First byte odd: checksums are mended.

#include "target.hpp"

#include "store/hdf5/journal_group.hpp"

#include <algorithm>
#include <random>

namespace fuzz {
namespace {

using namespace hugehist::store::hdf5;

std::size_t aligned(std::size_t length) { return (length + group_alignment - 1) / group_alignment * group_alignment; }

void append_group(bytes& to, const journal_group& head, const held_writes& changes) {
  const auto group = encode_group(head, changes);
  to.insert(to.end(), group.begin(), group.end());
}

bytes journal_of(const std::vector<read_group>& groups) {
  bytes result;
  for (const auto& one : groups) {
    result.resize(aligned(result.size()));
    append_group(result, one.head, one.changes);
  }
  return result;
}

std::vector<bytes> seeds() {
  std::vector<bytes> result;
  for (unsigned number = 0; number < 8; ++number) {
    std::minstd_rand random{number + 1};
    const auto some = [&](std::size_t length) {
      bytes made(length);
      for (auto& byte : made) byte = static_cast<std::byte>(random());
      return made;
    };
    std::vector<read_group> groups(1 + number % 4);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      auto& [head, changes, place] = groups[i];
      head.salt = 7;
      head.number = 5 + i;
      head.first = number > 5 ? head.number : 5;
      head.superblock = {0, {some(48), some(48), some(48)}};
      head.stamp = {2000, {some(16), some(16)}};
      head.states = {{3, 19'000, {{4096, 100}}}, {head.number, 20'000, {{4096, 4096}, {12'288, 100}}}};
      for (unsigned range = 0; range < number; ++range) changes.write(random() % 19'000, some(1 + random() % 900));
    }
    bytes input{static_cast<std::byte>(number % 2)};
    const auto journal = journal_of(groups);
    input.insert(input.end(), journal.begin(), journal.end());
    result.push_back(std::move(input));
  }
  return result;
}

bool run(byte_view input) {
  if (input.empty()) return false;
  bytes content{input.begin() + 1, input.end()};
  if ((input[0] & std::byte{1}) != std::byte{0}) mend_journal(content);
  std::vector<read_group> groups;
  if (!is_accepted([&] { groups = read_groups(nameless_file{content}.get()); }) || groups.empty()) return false;

  const auto& last = groups.back().head;
  require(groups.size() == last.number - last.first + 1, "groups are missing, or too many");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto& one = groups[i];
    require(one.head.number == last.first + i && one.head.salt == last.salt, "a group of another journal");
    require(one.changes.end() <= one.head.end(), "a change beyond the end");
    require(one.changes.bytes() <= content.size(), "more changes than bytes");
  }
  const auto again = read_groups(nameless_file{journal_of(groups)}.get());
  require(again.size() == groups.size(), "written and read again, groups are missing");
  for (std::size_t i = 0; i < groups.size(); ++i)
    require(again[i].changes.ranges() == groups[i].changes.ranges() && again[i].head.states == groups[i].head.states,
            "written and read again, a group is another");
  return true;
}

}  // namespace

const target journal{"journal", seeds, run};

}  // namespace fuzz
