#include "file_impl.hpp"

#include "chunk/policy.hpp"
#include "codec/codec.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace hugehist {
namespace {

store::access access_for(const std::filesystem::path& path, open_mode mode) {
  switch (mode) {
    case open_mode::read_write:
      return store::access::read_write;
    case open_mode::write:
      return store::access::replace;
    case open_mode::exclusive:
      return store::access::create;
    case open_mode::append: {
      std::error_code ignored;  // what is wrong with the path is said by the opening
      return std::filesystem::exists(path, ignored) ? store::access::read_write : store::access::create;
    }
    case open_mode::read:
      break;
  }
  return store::access::read;
}

codec::settings codec_for(const create_options& options) {
  const auto method = options.compression == compression::zstd   ? codec::method::zstd
                      : options.compression == compression::gzip ? codec::method::gzip
                                                                 : codec::method::none;
  codec::settings settings{method, options.level.value_or(codec::settings::default_level(method))};
  codec::validate(settings);
  return settings;
}

store::histogram_record record_for(std::vector<axis::any> axes, storage kind, const create_options& options) {
  store::histogram_record record;
  record.schema = {std::move(axes), kind, options.metadata};
  const auto& all = record.schema.axes;
  model::validate(record.schema);
  record.codec = codec_for(options);
  if (!options.expected.empty() && options.expected.size() != all.size())
    throw std::invalid_argument{"expected= has " + std::to_string(options.expected.size()) + " lengths for " +
                                std::to_string(all.size()) + " axes: give one each, 0 where unknown"};
  record.expected = options.expected;
  record.expected.resize(all.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].is_category()) continue;
    const auto wanted = options.variations.empty() || options.variations == all[i].name();
    if (!wanted) continue;
    record.variations_axis = i;
    record.has_variations_axis = true;
  }
  if (!options.variations.empty() && !record.has_variations_axis)
    throw key_error{"variations='" + options.variations + "' names no category axis of the histogram"};
  if (!options.chunks.empty()) chunk::validate_chunk_shape(options.chunks, record.schema);
  record.chunk_shape = options.chunks;
  return record;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > shown) text += ", … (" + std::to_string(names.size()) + " in all)";
  return names.empty() ? "no histogram" : text;
}

}  // namespace

file::file(std::shared_ptr<impl> shared) noexcept : impl_{std::move(shared)} {}

file::file(const std::filesystem::path& path, open_mode mode, file_options options) {
  check_options(options, path.string());
  impl_ = std::make_shared<impl>(store::open_hdf5(path, access_for(path, mode), hdf5_cache_for(options)), options);
}

file file::in_memory(file_options options) {
  check_options(options, "in memory");
  return file{std::make_shared<impl>(store::make_memory_store(), options)};
}

file file::from_image(std::span<const std::byte> image, bool writable, file_options options) {
  check_options(options, "image");
  auto opened = store::open_hdf5_image(image, writable);
  return file{std::make_shared<impl>(std::move(opened.store), options, std::move(opened.source))};
}

std::vector<std::byte> file::image() const {
  const auto lock = impl_->enter();
  if (!impl_->image) throw std::invalid_argument{"file '" + impl_->name + "' was not opened from an image"};
  return impl_->image->image();
}

histogram file::create(const std::string& name, std::vector<axis::any> axes, storage kind,
                       const create_options& options) {
  const auto lock = impl_->enter_to_write();
  auto record = record_for(std::move(axes), kind, options);
  std::vector<std::vector<std::size_t>> kept;
  for (const auto& each : options.rollups)
    kept.push_back(rollups::find_axes(each, record.schema.axes, "histogram '" + name + "'"));
  const auto id = impl_->store->create(name, std::move(record));
  auto& state = impl_->adopt(name, id);
  try {
    for (auto& each : kept) rollups::add(impl_->rolled(state), each, {});
  } catch (...) {
    impl_->store->remove(id);
    state.removed = true;
    throw;
  }
  return histogram{std::shared_ptr<histogram::state>{impl_, &state}};
}

histogram file::at(const std::string& name) const {
  const auto lock = impl_->enter();
  if (!impl_->store->contains(name))
    throw key_error{"file '" + impl_->name + "' has no histogram '" + name + "': it holds " +
                    joined(impl_->store->histograms())};
  return histogram{std::shared_ptr<histogram::state>{impl_, &impl_->state_of(name)}};
}

bool file::contains(const std::string& name) const {
  const auto lock = impl_->enter();
  return impl_->store->contains(name);
}

std::vector<std::string> file::names() const {
  const auto lock = impl_->enter();
  return impl_->store->histograms();
}

void file::remove(const std::string& name) {
  const auto lock = impl_->enter_to_write();
  auto& state = impl_->state_of(name);
  impl_->store->remove(state.id);
  impl_->cache->drop(state.id);
  for (const auto& each : state.rollups) impl_->cache->drop(each.id);
  state.rollups.clear();
  state.removed = true;
  impl_->drop_filled(state);
}

metadata_map file::attributes() const {
  const auto lock = impl_->enter();
  return impl_->store->file().attributes;
}

void file::set_attribute(const std::string& key, scalar value) {
  const auto lock = impl_->enter_to_write();
  impl_->store->set_attribute(key, std::move(value));
}

void file::remove_attribute(const std::string& key) {
  const auto lock = impl_->enter_to_write();
  if (!impl_->store->file().attributes.contains(key))
    throw key_error{"file '" + impl_->name + "' has no attribute '" + key + "'"};
  impl_->store->set_attribute(key, {});
}

std::map<file::counter_key, double> file::counters() const {
  const auto lock = impl_->enter();
  return impl_->store->file().counters;
}

std::optional<double> file::counter(const counter_key& key) const {
  const auto lock = impl_->enter();
  return impl_->counter(key);
}

void file::set_counter(const counter_key& key, double value) {
  const auto lock = impl_->enter_to_write();
  impl_->store->set_counter(key, value);
}

void file::add_to_counter(const counter_key& key, double value) {
  const auto lock = impl_->enter_to_write();
  impl_->store->set_counter(key, impl_->counter(key).value_or(0.0) + value);
}

void file::remove_counter(const counter_key& key) {
  const auto lock = impl_->enter_to_write();
  if (!impl_->counter(key)) throw key_error{"file '" + impl_->name + "' has no such counter"};
  impl_->store->set_counter(key, {});
}

bool file::add_to_ledger(const merge_id& id) {
  const auto lock = impl_->enter_to_write();
  if (impl_->is_merged(id)) return false;
  impl_->store->add_to_ledger(id);
  return true;
}

bool file::merged(const merge_id& id) const {
  const auto lock = impl_->enter();
  return impl_->store->ledger().has(id);
}

std::vector<merge_id> file::merge_ids() const {
  const auto lock = impl_->enter();
  return impl_->store->ledger().entries();
}

std::vector<interval> file::missing(const merge_id& id) const {
  const auto lock = impl_->enter();
  if (id.interval() == nullptr) throw type_error{"an id that is a text has no parts: ask for an interval"};
  return impl_->store->ledger().missing(*id.interval());
}

void file::commit() {
  const auto lock = impl_->enter_to_write();
  impl_->check_no_transaction("a commit");
  impl_->commit();
}

void file::discard() {
  const auto lock = impl_->enter_to_write();
  impl_->check_no_transaction("a discard");
  impl_->discard();
}

bool file::refresh() {
  const auto lock = impl_->enter();
  if (!impl_->store->is_outdated()) return false;
  impl_->reopen(store::open_hdf5(impl_->name, store::access::read, hdf5_cache_for(impl_->options)));
  return true;
}

void file::close() {
  {
    const auto lock = impl_->lock();
    impl_->check_no_transaction("closing");
    if (impl_->store) impl_->close(true);
  }
  if (impl_->merging) impl_->merging->stop();
}

void file::abandon() noexcept {
  try {
    if (!impl_->in_own_process()) return;
    {
      const std::lock_guard lock{impl_->mutex};  // what another thread's transaction did is given up, too
      if (!impl_->store) return;
      impl_->close(false);
    }
    if (impl_->merging) impl_->merging->stop();
  } catch (const std::exception&) {
    // nothing that could be done about it
  }
}

bool file::is_open() const noexcept {
  if (!impl_->in_own_process()) return false;
  const std::lock_guard lock{impl_->mutex};
  return impl_->store != nullptr;
}

bool file::has_changes() const {
  const auto lock = impl_->enter();
  return impl_->store->has_changes() || impl_->cache->has_changes() || impl_->has_filled();
}

bool file::writable() const noexcept { return impl_->writable; }
std::string file::path() const { return impl_->name; }

std::optional<std::string> file::uuid() const {
  const auto lock = impl_->enter();
  auto text = impl_->store->uuid();
  if (text.empty()) return {};
  return text;
}

file_stats file::stats() const {
  const auto lock = impl_->enter();
  const auto cache = impl_->cache->stats();
  return {.chunks_read = cache.chunks_read,
          .chunks_written = cache.chunks_written,
          .cache_hits = cache.hits,
          .cache_misses = cache.misses,
          .bytes_read = cache.bytes_read,
          .bytes_written = cache.bytes_written,
          .merges = impl_->merges,
          .commits = impl_->commits,
          .automatic_commits = impl_->automatic_commits,
          .cache_bytes = impl_->cache->size_bytes(),
          .buffer_bytes = impl_->buffered_bytes()};
}

}  // namespace hugehist
