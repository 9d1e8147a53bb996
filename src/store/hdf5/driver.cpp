#include "store/hdf5/driver.hpp"

#include "store/hdf5/descriptor_io.hpp"
#include "store/hdf5/space_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace hugehist::store::hdf5 {
// ---- chunks

chunk_area::location driven_file::write(const codec::encoded_view& chunk) {
  location result{0, checked_size(chunk), chunk.filter_mask};
  {
    const std::lock_guard lock{mutex_};
    result.offset = space_.place(result.size);
  }
  write_placed(result, chunk.bytes);
  return result;
}

std::optional<chunk_area::location> driven_file::copy_before(std::uint64_t end, const location& chunk) {
  auto result = chunk;
  {
    const std::lock_guard lock{mutex_};
    const auto placed = space_.place_before(end, chunk.size);
    if (!placed) return {};
    result.offset = *placed;
  }
  write_placed(result, read(chunk).bytes);
  return result;
}

void driven_file::write_placed(const location& placed, std::span<const std::byte> bytes) {
  if (!write_at(descriptor_, placed.offset, bytes)) {
    const auto code = errno;
    forget(placed);
    throw std::system_error{code, std::generic_category(), "cannot write a chunk to '" + name_ + "'"};
  }
  start_writing_out(placed.size);
}

/// Has the system write to the disk while we work, so that the sync at the commit finds little left to do.
void driven_file::start_writing_out(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t step = std::uint64_t{4} << 20;
  const auto before = written_.fetch_add(bytes, std::memory_order_relaxed);
  if (before / step == (before + bytes) / step) return;
  [[maybe_unused]] const auto only_a_hint = ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);
}

codec::encoded_chunk driven_file::read(const location& from) const {
  codec::encoded_chunk chunk{std::vector<std::byte>(from.size), from.filter_mask};
  if (!read_current(from.offset, chunk.bytes))
    throw std::system_error{errno, std::generic_category(), "cannot read a chunk from '" + name_ + "'"};
  return chunk;
}

/// With what is not in the file yet.
bool driven_file::read_current(std::uint64_t offset, std::span<std::byte> to) const {
  if (!read_at(descriptor_, offset, to)) return false;
  const std::lock_guard lock{mutex_};
  overlay_.patch(offset, to);
  held_.patch(offset, to);
  return true;
}

void driven_file::forget(const location& which) noexcept {
  const std::lock_guard lock{mutex_};
  space_.give_back(which.offset);
}

// ---- commits

void driven_file::expect(const location& placed) {
  expected_ = extent{placed.offset, placed.size};
  is_met_ = false;
}

void driven_file::expect_scratch(std::uint32_t size) {
  constexpr std::uint64_t enough = 2;
  const std::lock_guard lock{mutex_};
  if (!scratch_) scratch_ = extent{space_.place(enough), enough};
  expected_ = extent{scratch_->offset, size};
  is_met_ = false;
}

void driven_file::adopt(const location& placed, const std::optional<location>& replaced) {
  const std::lock_guard lock{mutex_};
  expected_.reset();
  if (!is_met_)
    space_.leave(placed.offset);
  else if (replaced && owns_space_)
    space_.retire(replaced->offset, replaced->size);
}

void driven_file::retire(std::uint64_t offset, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  if (owns_space_) space_.retire(offset, size);
}

void driven_file::check_used(const location& chunk) noexcept {
  const std::lock_guard lock{mutex_};
  if (space_.is_free(chunk.offset, chunk.size)) space_.forget_free();
}

void driven_file::recover(journal& journal, bool writable) {
  auto found = is_pretended_ ? journal.open_in_part() : journal.open(writable);
  const std::lock_guard lock{mutex_};
  lost_ = std::move(found.lost);
  overlay_ = std::move(found.overlay);
  held_end_ = found.end;
  if (writable) checkpoint(journal, 0, true);
}

void driven_file::begin(const journal& journal, bool keeps_no_book) {
  const std::lock_guard lock{mutex_};
  owns_space_ = keeps_no_book;
  if (const auto bytes = file_size(); bytes > 0) length_ = bytes;
  const auto end = space_.hdf5_end();
  std::vector<file_space::state> states;
  std::uint64_t tail = 0;
  if (journal.has_commits()) {
    states = journal.states();
  } else {
    auto found = read_tail(descriptor_, end, journal.read_superblock().bytes);
    states.push_back({0, end, std::move(found.free)});
    tail = found.length;
  }
  if (!owns_space_)
    for (auto& one : states) one.free.clear();
  space_.begin(std::move(states), overlay_.end());
  if (tail > 0) space_.leave(space_.place(tail));  // until a commit says anew what it says
  release();
}

/// Has space used again that nobody sees any more.
void driven_file::release() {
  if (!seen_) return;
  std::vector<extent> unapplied;
  for (const auto& [offset, bytes] : overlay_.ranges()) unapplied.push_back({offset, bytes.size()});
  space_.release(*seen_, unapplied);
}

/// What fails here is in the journal, from where the next commit or the next opening takes it.
/// REQUIRES: the mutex is held
void driven_file::checkpoint(journal& journal, std::uint64_t least_end, bool is_urgent) noexcept {
  try {
    seen_ = journal.checkpoint(overlay_, least_end, is_urgent);
    release();
  } catch (const std::exception&) {
    return;
  }
}

void driven_file::keep_spare_memory() {
  constexpr std::size_t bytes = std::size_t{1} << 20;
  const std::lock_guard lock{mutex_};
  if (!spare_memory_) spare_memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);  // NOLINT(*-avoid-c-arrays)
}

void driven_file::commit(journal& journal, std::uint64_t stamp) {
  const std::lock_guard lock{mutex_};
  if (scratch_) space_.leave(scratch_->offset);
  scratch_.reset();
  auto states = space_.states();
  states.push_back(space_.settle(journal.number() + 1));
  journal.commit(held_, overlay_, stamp, std::move(states));
  space_.committed(journal.states().back());
  // Space that cannot be used again makes the file grow.
  const bool is_urgent = space_.retired_bytes() > space_.end() / 8;
  checkpoint(journal, space_.placed_end(), is_urgent);
}

void driven_file::write_through(journal& journal) {
  const std::lock_guard lock{mutex_};
  journal.write_through(held_, space_.end());
  length_ = space_.end();
}

std::optional<std::uint64_t> driven_file::compact_end() const {
  constexpr std::uint64_t part = 5;
  const std::lock_guard lock{mutex_};
  const auto end = space_.hdf5_end(), free = space_.usable_bytes();
  if (!owns_space_ || !overlay_.empty() || free >= end || free < end / part) return {};
  return end - free;
}

void driven_file::abandon() noexcept {
  const std::lock_guard lock{mutex_};
  space_.forget_placed();
}

void driven_file::close(journal& journal) noexcept {
  const std::lock_guard lock{mutex_};
  if (journal.is_dead()) return;
  checkpoint(journal, 0, true);
  journal.close();
  if (journal.has_commits() || !length_) return;
  // No commit took what was written behind the end.
  [[maybe_unused]] const auto is_as_before = ::ftruncate(descriptor_, static_cast<off_t>(*length_));
}

// ---- HDF5's side

std::uint64_t driven_file::end() const noexcept {
  const std::lock_guard lock{mutex_};
  return space_.end();
}

void driven_file::set_end(std::uint64_t end) noexcept {
  const std::lock_guard lock{mutex_};
  space_.set_hdf5_end(end);
}

std::uint64_t driven_file::allocate(bool is_chunk, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  const bool meets = is_chunk && expected_ && expected_->size == size && !is_met_;
  is_met_ = is_met_ || meets;
  const bool is_scratch = scratch_ && expected_ && expected_->offset == scratch_->offset;
  if (meets && !is_scratch) space_.take(expected_->offset);
  const auto offset = meets ? expected_->offset : space_.claim(size);
  space_.set_hdf5_end(std::max(space_.hdf5_end(), offset + size));
  return offset;
}

bool driven_file::read_bytes(bool is_chunk, std::uint64_t offset, std::size_t size, void* to) {
  if (is_detached_) {
    errno = EBADF;
    return false;
  }
  if (is_chunk && is_locating_) {
    located_ = offset;
    return true;
  }
  return read_current(offset, {static_cast<std::byte*>(to), size});
}

bool driven_file::write_bytes(bool is_chunk, std::uint64_t offset, std::size_t size, const void* from) {
  if (is_detached_) return true;
  const bool is_placed = is_chunk && expected_ && expected_->size == size;
  if (is_placed && offset == expected_->offset) return true;
  std::span bytes{static_cast<const std::byte*>(from), size};
  std::vector<std::byte> placed(is_placed ? size : 0);
  if (is_placed) {
    if (!read_at(descriptor_, expected_->offset, placed)) return false;
    bytes = placed;
  }
  const std::lock_guard lock{mutex_};
  try {
    held_.write(offset, bytes);
  } catch (const std::bad_alloc&) {
    if (!spare_memory_) throw;
    spare_memory_.reset();
    held_.write(offset, bytes);
  }
  return true;
}

std::uint64_t driven_file::real_size() const noexcept {
  struct stat info {};
  return ::fstat(descriptor_, &info) == 0 ? std::max(static_cast<std::uint64_t>(info.st_size), held_end_) : 0;
}

std::uint64_t driven_file::file_size() const noexcept {
  if (is_pretended_) return std::uint64_t{1} << 62;
  return is_detached_ ? end() : real_size();
}

// ---- the driver class

namespace {

struct open_file : H5FD_t {
  std::shared_ptr<driven_file> file;
};

/// What the access properties carry.
struct properties_info {
  const std::shared_ptr<driven_file>* file;
};

driven_file& file_of(H5FD_t* file) { return *static_cast<open_file*>(file)->file; }
const driven_file& file_of(const H5FD_t* file) { return *static_cast<const open_file*>(file)->file; }

/// In the form from which `fail` takes the code.
herr_t fail_in_driver(const char* function, const char* what, int code) {
  H5Epush2(H5E_DEFAULT, __FILE__, function, __LINE__, H5E_ERR_CLS, H5E_VFL, H5E_SYSERRSTR,
           "%s: errno = %d, error message = '%s'", what, code, std::generic_category().message(code).c_str());
  return -1;
}

H5FD_t* driver_open(const char*, unsigned, hid_t properties, haddr_t) noexcept {
  const auto* const info = static_cast<const properties_info*>(H5Pget_driver_info(properties));
  if (info == nullptr) return nullptr;
  auto* const made = new (std::nothrow) open_file{};
  if (made == nullptr) return nullptr;
  made->file = *info->file;
  made->file->set_end(0);
  return made;
}

herr_t driver_close(H5FD_t* file) noexcept {
  delete static_cast<open_file*>(file);
  return 0;
}

/// Each opening is a file of its own to HDF5: what is shared would outlive the handle that it came from.
int driver_compare(const H5FD_t* a, const H5FD_t* b) noexcept {
  const auto *x = &file_of(a), *y = &file_of(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

herr_t driver_query(const H5FD_t*, unsigned long* flags) noexcept {
  // Without aggregation: space for each chunk is asked for, and HDF5 has no block of its own into which it would draw
  // the space of a chunk beside it that it lets go.
  // Without ACCUMULATE_METADATA: what is written is held here, and HDF5 (1.10.8) reads through that buffer at addresses
  // that a damaged file makes wrap around, and crashes.
  *flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t driver_allocate(H5FD_t* file, H5FD_mem_t type, hid_t, hsize_t size) noexcept {
  try {
    return file_of(file).allocate(type == H5FD_MEM_DRAW, size);
  } catch (...) {
    return HADDR_UNDEF;
  }
}

haddr_t driver_get_end(const H5FD_t* file, H5FD_mem_t) noexcept { return file_of(file).end(); }

herr_t driver_set_end(H5FD_t* file, H5FD_mem_t, haddr_t end) noexcept {
  file_of(file).set_end(end);
  return 0;
}

/// Space at the end that HDF5 lets go.
herr_t driver_free(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, hsize_t size) noexcept {
  try {
    file_of(file).retire(offset, size);
  } catch (const std::bad_alloc&) {
    return 0;  // then nobody uses it again
  }
  return 0;
}

haddr_t driver_get_file_size(const H5FD_t* file, H5FD_mem_t) noexcept { return file_of(file).file_size(); }

herr_t driver_read(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t offset, size_t size, void* to) noexcept {
  if (file_of(file).read_bytes(type == H5FD_MEM_DRAW, offset, size, to)) return 0;
  return fail_in_driver(__func__, "file read failed", errno);
}

herr_t driver_write(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t offset, size_t size, const void* from) noexcept {
  try {
    if (file_of(file).write_bytes(type == H5FD_MEM_DRAW, offset, size, from)) return 0;
    return fail_in_driver(__func__, "file write failed", errno);
  } catch (...) {
    return fail_in_driver(__func__, "file write failed", ENOMEM);
  }
}

/// The length of the file is the journal's to set, and its locks are file_locks'.
herr_t driver_truncate(H5FD_t*, hid_t, hbool_t) noexcept { return 0; }
herr_t driver_lock(H5FD_t*, hbool_t) noexcept { return 0; }
herr_t driver_unlock(H5FD_t*) noexcept { return 0; }

hid_t driver_id() {
  static const H5FD_class_t driver = [] {
    H5FD_class_t made{};
#if H5_VERSION_GE(1, 13, 2)
    made.version = H5FD_CLASS_VERSION;
    made.value = static_cast<H5FD_class_value_t>(H5_VFD_RESERVED + 0x68);  // "h"
#endif
    made.name = "hugehist";
    made.maxaddr = (haddr_t{1} << 63) - 1;
    made.fc_degree = H5F_CLOSE_WEAK;
    made.fapl_size = sizeof(properties_info);
    made.open = driver_open;
    made.close = driver_close;
    made.cmp = driver_compare;
    made.query = driver_query;
    made.alloc = driver_allocate;
    made.free = driver_free;
    made.get_eoa = driver_get_end;
    made.set_eoa = driver_set_end;
    made.get_eof = driver_get_file_size;
    made.read = driver_read;
    made.write = driver_write;
    made.truncate = driver_truncate;
    made.lock = driver_lock;
    made.unlock = driver_unlock;
    constexpr std::array map = H5FD_FLMAP_DICHOTOMY;
    std::ranges::copy(map, made.fl_map);
    return made;
  }();
  static const hid_t id = check(H5FDregister(&driver), "registering the file driver");
  return id;
}

}  // namespace

void use_driver(hid_t access_properties, const std::shared_ptr<driven_file>& file) {
  const properties_info info{&file};
  check(H5Pset_driver(access_properties, driver_id(), &info), "file properties");
}

}  // namespace hugehist::store::hdf5
