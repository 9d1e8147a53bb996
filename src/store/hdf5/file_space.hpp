// The space of a file: what each state of it that anybody sees leaves free, and what can be used.
//
// A plain value, not synchronised. Extents are in bytes. Space can be used where it is free in the last commit, in the
// older ones that readers hold, in the one that the file itself has, and in the one that is prepared; and where no
// commit that is still to be applied to the file has bytes.
#pragma once

#include "base/free_extents.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace hugehist::store::hdf5 {

class file_space {
 public:
  struct extent {
    std::uint64_t offset, size;
    bool operator==(const extent&) const = default;
  };
  /// What is free before the end of the file as a commit left it. It stands for the commits after that one, too, up to
  /// the next that is known.
  struct state {
    std::uint64_t number = 0, end = 0;
    std::vector<extent> free;  // by offset
    bool operator==(const state&) const = default;
  };
  /// The commits that others see.
  struct seen_states {
    std::uint64_t applied = 0;         // the one that the file has
    std::vector<std::uint64_t> older;  // than the last, that readers hold
  };

  /// What is known of a file that was opened; the last of the states is the last commit. Until release() nothing is
  /// placed before their ends, nor before `least_end`.
  void begin(std::vector<state> states, std::uint64_t least_end);
  /// Nothing is free.
  void forget_free() noexcept;
  bool is_free(std::uint64_t offset, std::uint64_t size) const { return next_.overlaps(offset, size); }

  /// Where so many bytes can be written, for a commit that takes them.
  std::uint64_t place(std::uint64_t size);
  /// The same before `end`, where there is room.
  std::optional<std::uint64_t> place_before(std::uint64_t end, std::uint64_t size);
  /// The commit that is prepared has what was placed there.
  void take(std::uint64_t offset) noexcept;
  /// place() and take().
  std::uint64_t claim(std::uint64_t size);
  /// It does not; the place stays until that commit is made.
  void leave(std::uint64_t offset) { left_.push_back(offset); }
  /// What was placed there and not taken is not needed any more.
  void give_back(std::uint64_t offset) noexcept;
  /// The commit that is prepared does not have these bytes.
  void retire(std::uint64_t offset, std::uint64_t size) { next_.give(offset, size); }

  /// The state that the commit which is prepared leaves. HDF5's end of the file becomes its end.
  state settle(std::uint64_t number);
  /// That commit is made.
  void committed(state made);
  /// Looks for what can be used, where others see these states; the extents `unapplied`, by offset, are still to be
  /// written to the file.
  void release(const seen_states& seen, std::span<const extent> unapplied) noexcept;

  const std::vector<state>& states() const noexcept { return states_; }
  std::uint64_t usable_bytes() const noexcept { return usable_.bytes(); }
  /// What would be free if nobody saw an older state than the one that is prepared.
  std::uint64_t retired_bytes() const noexcept;

  /// End of the file as HDF5 knows it. What it uses lies before it.
  std::uint64_t hdf5_end() const noexcept { return hdf5_end_; }
  void set_hdf5_end(std::uint64_t end) noexcept { hdf5_end_ = end; }
  /// End of all that was placed.
  std::uint64_t end() const noexcept { return std::max(end_, hdf5_end_); }
  /// End of what was placed and not taken; 0 where there is none.
  std::uint64_t placed_end() const noexcept;
  /// What no commit took is forgotten.
  void forget_placed() noexcept;

 private:
  bool keep(const seen_states& seen);

  std::vector<state> states_;                      // that somebody may see, by number
  base::free_extents next_;                        // free in the state that is prepared, before end()
  base::free_extents usable_;                      // of those
  std::map<std::uint64_t, std::uint64_t> placed_;  // size of what was placed, until it is taken or given back
  std::vector<std::uint64_t> left_;                // of those
  std::uint64_t hdf5_end_ = 0, end_ = 0;
};

}  // namespace hugehist::store::hdf5
