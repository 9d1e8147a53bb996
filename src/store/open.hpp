// The stores that there are.
#pragma once

#include "store/store.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hugehist::store {

enum class access { read, read_write, create, replace };

/// The HDF5 file at `path`. access::create: it must not exist; replace: it is emptied where it does.
/// `hdf5_cache` bounds HDF5's own metadata cache in bytes. Throws as hugehist::file's constructor.
std::unique_ptr<store> open_hdf5(const std::filesystem::path& path, access access, std::size_t hdf5_cache);

/// Gets what of a file cannot be read: the name of a histogram or roll-up (empty: the file as a whole), and why.
using damage_listener = std::function<void(const std::string& name, const std::string& reason)>;

/// The same for reading what can be read of a damaged file, even of one that lacks its end. Throws where that is
/// nothing.
std::unique_ptr<store> open_damaged_hdf5(const std::filesystem::path& path, std::size_t hdf5_cache,
                                         damage_listener damage);

/// A new file that is to take the place of the one with this uuid. It must not exist, or is replaced.
std::unique_ptr<store> create_hdf5_copy(const std::filesystem::path& path, std::size_t hdf5_cache,
                                        const std::string& uuid);

/// An HDF5 file in memory, and its bytes after each commit.
class image_source {
 public:
  virtual ~image_source() = default;
  virtual std::vector<std::byte> image() const = 0;
};
struct image_store {
  std::unique_ptr<hugehist::store::store> store;
  std::shared_ptr<image_source> source;
};
/// `image` empty: a new file.
image_store open_hdf5_image(std::span<const std::byte> image, bool writable);

/// Nothing on disk, no HDF5.
std::unique_ptr<store> make_memory_store();

}  // namespace hugehist::store
