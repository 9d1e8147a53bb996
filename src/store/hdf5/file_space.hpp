// The space of a file: what is free, what commits have replaced, and where the file ends.
//
// A plain value, not synchronised. Extents are in bytes. Space that a commit lets go of is *retired*: readers of older
// commits, and the file itself before the commit is applied to it, still have something there. It is free once nobody
// can see a state from before that commit.
#pragma once

#include "base/free_extents.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace hugehist::store::hdf5 {

class file_space {
 public:
  struct extent {
    std::uint64_t offset, size;
    bool operator==(const extent&) const = default;
  };

  /// What is known of a file that was opened: free extents after its last commit, and nothing is placed before `end`
  /// but in them.
  void begin(std::span<const extent> free, std::uint64_t number, std::uint64_t end);
  /// Nothing is free.
  void forget_free() noexcept;
  bool is_free(std::uint64_t offset, std::uint64_t size) const { return free_.overlaps(offset, size); }

  /// Where so many bytes can be written.
  std::uint64_t place(std::uint64_t size);
  /// Gives back what was placed and never committed.
  void give_back(std::uint64_t offset, std::uint64_t size) noexcept;

  /// Lets the commit that is prepared retire an extent, or not.
  void retire(std::uint64_t offset, std::uint64_t size) { retiring_.push_back({offset, size}); }
  void keep(std::uint64_t offset);
  /// Has HDF5 end where the last byte ends that the commit uses. Returns what is free once that commit is all that
  /// anybody sees; by offset.
  std::vector<extent> settle();
  /// That commit is made, and has this number.
  void committed(std::uint64_t number) noexcept;
  /// Of what is retired and not free yet.
  std::uint64_t retired_bytes() const noexcept;
  /// Nobody sees a state from before this commit any more.
  void release(std::uint64_t number) noexcept;

  /// End of the file as HDF5 knows it. What it uses lies before it.
  std::uint64_t hdf5_end() const noexcept { return hdf5_end_; }
  void set_hdf5_end(std::uint64_t end) noexcept { hdf5_end_ = end; }
  /// End of all that was placed.
  std::uint64_t end() const noexcept { return std::max(end_, hdf5_end_); }
  /// What no commit took is forgotten.
  void forget_placed() noexcept { end_ = 0; }

 private:
  struct retired_by {
    std::uint64_t number;
    std::vector<extent> extents;
  };
  base::free_extents free_;
  std::vector<extent> retiring_;
  std::deque<retired_by> retired_;
  std::uint64_t hdf5_end_ = 0, end_ = 0;
};

}  // namespace hugehist::store::hdf5
