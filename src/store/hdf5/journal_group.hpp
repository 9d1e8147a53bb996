// One commit in a journal: what it changes of a file, and by what to know the file.
//
// A journal is groups at multiples of 4096 bytes, in no order. The commit with the highest number counts, and the ones
// that it says are needed with it; others were applied to the file before, and their space is written over.
//
// A group, little-endian, of numbers with 64 bits: "HHJRNL03"; its length without these two; salt, the same for all of
// a journal; number of the commit; number of the first one needed with it; number of states, the last of them the one
// after this commit, the others what readers and the file may have, and of each the number of its commit, the length of
// the file, the number of free extents, and of each its offset and length; place of the superblock, and its content in
// the file before, while it is changed, and after, each with its length; place of the stamp (file_state.hpp), and its
// content before and after; number of ranges, and of each its offset, length and bytes; XXH64 of all before, with the
// salt as seed.
#pragma once

#include "store/hdf5/file_space.hpp"
#include "store/hdf5/held_writes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hugehist::store::hdf5 {

/// Bytes at a place of the file, by which to know what state it is in.
template <std::size_t States>
struct known_bytes {
  std::uint64_t offset = 0;
  std::array<std::vector<std::byte>, States> states;
};

struct journal_group {
  std::uint64_t salt = 0, number = 0, first = 0;
  known_bytes<3> superblock;  // before, marked, after
  known_bytes<2> stamp;       // before, after
  std::vector<file_space::state> states;

  /// Length of the file after it.
  std::uint64_t end() const noexcept { return states.empty() ? 0 : states.back().end; }
};

constexpr std::uint64_t group_alignment = 4096;

/// Where a group is in a journal.
struct group_place {
  std::uint64_t number = 0, offset = 0, length = 0;

  /// Where the next one may begin.
  std::uint64_t end() const noexcept {
    return offset + (length + group_alignment - 1) / group_alignment * group_alignment;
  }
};

/// A group that was read.
struct read_group {
  journal_group head;
  held_writes changes;
  group_place place;
};

std::vector<std::byte> encode_group(const journal_group& head, const held_writes& changes);

/// The groups that count, in order; none where a journal holds no commit. A last group that is not whole is no commit:
/// its writer did not come to its end, as far as anybody can tell. Throws corruption_error where another is missing.
std::vector<read_group> read_groups(int journal);

/// Of a journal that lacks a group: those up to the last that has all it needs.
std::vector<read_group> read_groups_in_part(int journal);

}  // namespace hugehist::store::hdf5
