#include "store/open.hpp"

#include "store/hdf5/backend.hpp"
#include "store/hdf5/file_access.hpp"
#include "store/staged_store.hpp"

#include <stdexcept>
#include <utility>

namespace hugehist::store {
namespace hdf5 {
namespace {

/// Hands out the image of a file that the store changes.
class file_image final : public image_source {
 public:
  explicit file_image(std::weak_ptr<file_access> access) : access_{std::move(access)} {}

  std::vector<std::byte> image() const override {
    return guarded<error>("cannot take the image of a file in memory", [&] {
      const auto access = access_.lock();
      if (!access) throw std::invalid_argument{"the file in memory is closed: take its image before closing it"};
      if (access->writable()) access->flush();
      return image_of(*access);
    });
  }

 private:
  std::weak_ptr<file_access> access_;
};

}  // namespace
}  // namespace hdf5

std::unique_ptr<store> open_hdf5(const std::filesystem::path& path, access access, std::size_t hdf5_cache) {
  return make_staged_store(hdf5::make_backend(hdf5::open_file(path, access, hdf5_cache)));
}

std::unique_ptr<store> open_damaged_hdf5(const std::filesystem::path& path, std::size_t hdf5_cache,
                                         damage_listener damage) {
  return make_staged_store(hdf5::make_backend(hdf5::open_damaged_file(path, hdf5_cache), {}, std::move(damage)));
}

std::unique_ptr<store> create_hdf5_copy(const std::filesystem::path& path, std::size_t hdf5_cache,
                                        const std::string& uuid) {
  return make_staged_store(hdf5::make_backend(hdf5::open_file(path, access::replace, hdf5_cache), uuid));
}

image_store open_hdf5_image(std::span<const std::byte> image, bool writable) {
  std::shared_ptr<hdf5::file_access> access = hdf5::open_image(image, writable);
  auto source = std::make_shared<hdf5::file_image>(access);
  return {make_staged_store(hdf5::make_backend(std::move(access))), std::move(source)};
}

}  // namespace hugehist::store
