#include <hugehist/buffer.hpp>

#include "model/moments.hpp"
#include "model/schema.hpp"
#include "write/block_map.hpp"
#include "write/fill_call.hpp"
#include "write/fill_jobs.hpp"
#include "write/fill_kernels.hpp"
#include "write/fill_threads.hpp"
#include "write/sample_kernels.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace hugehist {

using namespace write;

namespace {

// So many bins are kept between fills.
constexpr std::size_t kept_scratch = std::size_t{1} << 18;

// So many events at a time find their bins and are added, where all go to one block: their bins stay in the cache.
constexpr std::size_t streamed_events = std::size_t{1} << 13;

std::vector<axis::any> dense_only(const std::vector<axis::any>& axes) {
  std::vector<axis::any> result;
  for (auto i : model::dense_axes(axes)) result.push_back(axes[i]);
  return result;
}

/// What one call adds to one block, worked out before anything is added.
struct addition {
  std::size_t block = 0;
  std::vector<const fill_job*> jobs;
  std::size_t count = 0;                   // events
  std::shared_ptr<dense_block> new_dense;  // set: the block becomes dense
};

}  // namespace

struct fill_buffer::impl {
  impl(std::vector<axis::any> all_axes, storage storage_kind)
      : axes{std::move(all_axes)}, kind{storage_kind}, bins{checked_dense(axes, kind)} {
    clear_labels();
  }

  static std::vector<axis::any> checked_dense(const std::vector<axis::any>& axes, storage kind) {
    model::validate({.axes = axes, .kind = kind});
    return dense_only(axes);
  }

  void clear_labels() {
    std::vector<label_table> fresh;
    for (auto i : model::category_axes(axes)) fresh.emplace_back(axes[i]);
    tables = std::move(fresh);
  }

  void fill(const fill_arguments& arguments, unsigned threads);
  void check_numbers(const fill_call& call, bool allow_nan, fill_threads& threads) const;
  std::uint32_t* reserve_scratch(std::size_t bins_needed);
  const std::uint32_t* find_bins(const fill_call& call, fill_threads& threads);
  bool can_stream(const fill_call& call, const std::vector<addition>& additions, const fill_threads& threads) const;
  std::vector<addition> plan(const fill_call& call, const fill_jobs& jobs);
  void prepare(addition& addition, const fill_call& call);
  void make_dense(addition& addition) noexcept;
  void update_blocks(std::vector<addition>& additions, const fill_call& call, const std::uint32_t* bins_of) noexcept;
  void append_few(const addition& addition, const fill_call& call, const std::uint32_t* bins_of) noexcept;
  void add_dense(const addition& addition, const fill_call& call, const std::uint32_t* bins_of, std::size_t first_row,
                 std::size_t last_row) noexcept;
  void add_dense(const std::vector<addition>& additions, const fill_call& call, const std::uint32_t* bins_of,
                 fill_threads& threads) noexcept;
  void stream(const addition& addition, const fill_call& call) noexcept;
  std::uint32_t variations_id(std::size_t span, const std::vector<std::uint32_t>& row_codes);
  std::shared_ptr<delta_data> make_delta(std::vector<std::shared_ptr<event_rows>>& events);
  std::size_t size_bytes() const noexcept;

  std::vector<axis::any> axes;
  storage kind;
  binning bins;  // of the dense axes
  std::vector<label_table> tables;
  std::vector<std::pair<std::size_t, std::vector<std::uint32_t>>> lists;  // of variations: span, codes; id - 1
  std::map<std::pair<std::size_t, std::vector<std::uint32_t>>, std::uint32_t> list_ids;
  block_map blocks;
  std::unique_ptr<std::uint32_t[]> scratch;  // bins of the last fill: fresh memory costs more than they do
  std::size_t scratch_size = 0;
  std::size_t held_bytes = 0;  // of blocks and lists
  bool variance_known = true;
  bool touched = false;  // labels or variance flag may have come without blocks
};

namespace {

bool is_in(const fill_job& job, std::size_t event, std::size_t row) noexcept {
  return std::ranges::all_of(job.row_masks,
                             [&](const auto* mask) { return (*mask)(event, mask->columns == 1 ? 0 : row); });
}

}  // namespace

void fill_buffer::impl::fill(const fill_arguments& arguments, unsigned threads) {
  const auto call = check_arguments(axes, kind, bins, arguments);
  fill_threads pool{threads, call.events * call.rows};
  check_numbers(call, arguments.allow_nan, pool);

  std::vector<std::size_t> label_counts;
  for (const auto& table : tables) label_counts.push_back(table.size());
  const auto block_count = blocks.size();
  try {
    const auto jobs = divide_events(call, tables);
    auto additions = plan(call, jobs);
    for (auto& addition : additions) prepare(addition, call);
    const bool streams = can_stream(call, additions, pool);
    const auto* const bins_of = streams ? reserve_scratch(streamed_events) : find_bins(call, pool);
    // From here on nothing throws.
    update_blocks(additions, call, bins_of);
    if (streams)
      stream(additions[0], call);
    else
      add_dense(additions, call, bins_of, pool);
  } catch (...) {
    blocks.truncate(block_count);
    for (std::size_t i = 0; i < tables.size(); ++i) tables[i].truncate(label_counts[i]);
    throw;
  }
  touched = true;
  if (kind == storage::double_ && call.weight.given()) variance_known = false;
}

/// Weights and samples. An infinite one makes NaN of a mean's variance.
void fill_buffer::impl::check_numbers(const fill_call& call, bool allow_nan, fill_threads& threads) const {
  auto required = model::is_mean(kind) ? requirement::finite : requirement::not_nan;
  if (allow_nan) required = requirement::none;
  if (kind == storage::int_) required = requirement::whole_number;
  for (const auto* source : {&call.weight, &call.sample}) {
    if (source->is_array())
      threads.slices(call.events, [&](std::size_t first, std::size_t last) { source->check(required, first, last); });
    else
      source->check(required, 0, 1);
  }
}

std::uint32_t* fill_buffer::impl::reserve_scratch(std::size_t bins_needed) {
  const auto needed = std::max<std::size_t>(bins_needed, 1);
  if (scratch_size < needed || scratch_size > std::max(needed, kept_scratch)) {
    scratch.reset();
    scratch_size = 0;
    scratch = std::make_unique_for_overwrite<std::uint32_t[]>(needed);
    scratch_size = needed;
  }
  return scratch.get();
}

/// Bins of all events; each event's own row of bins where variations differ.
const std::uint32_t* fill_buffer::impl::find_bins(const fill_call& call, fill_threads& threads) {
  const auto width = call.bin_per_weight ? call.rows : 1;
  auto* const bins_of = reserve_scratch(call.events * width);
  threads.slices(call.events, [&](std::size_t first, std::size_t last) {
    bins.find_bins(call.values, first, last, width, bins_of + first * width);
  });
  return bins_of;
}

/// Whether all events go to one dense block in their order, and nothing can fail on the way.
bool fill_buffer::impl::can_stream(const fill_call& call, const std::vector<addition>& additions,
                                   const fill_threads& threads) const {
  if (call.events <= streamed_events || threads.size() > 1 || call.bin_per_weight) return false;
  if (additions.size() != 1 || additions[0].jobs.size() != 1 || !bins.takes_all(call.values)) return false;
  const auto& job = *additions[0].jobs[0];
  return job.events == nullptr && job.row_masks.empty() && (blocks[additions[0].block].dense || additions[0].new_dense);
}

std::uint32_t fill_buffer::impl::variations_id(std::size_t span, const std::vector<std::uint32_t>& row_codes) {
  if (span == no_span) return 0;
  const auto found = list_ids.find({span, row_codes});
  if (found != list_ids.end()) return found->second;
  lists.emplace_back(span, row_codes);
  const auto id = static_cast<std::uint32_t>(lists.size());
  list_ids.emplace(lists.back(), id);
  held_bytes += 2 * (sizeof(lists[0]) + row_codes.size() * sizeof(row_codes[0]));
  return id;
}

/// Jobs by block: two tuples of labels are one block where labels meet in an overflow bin.
std::vector<addition> fill_buffer::impl::plan(const fill_call& call, const fill_jobs& jobs) {
  const auto list = variations_id(call.span, jobs.row_codes);
  std::vector<std::pair<std::size_t, const fill_job*>> by_block;
  by_block.reserve(jobs.jobs.size());
  for (const auto& job : jobs.jobs)
    by_block.emplace_back(blocks.find_or_add({job.codes, list, call.bin_per_weight}, call.rows), &job);
  std::ranges::stable_sort(by_block, {}, [](const auto& entry) { return entry.first; });

  std::vector<addition> result;
  for (const auto& [block, job] : by_block) {
    if (result.empty() || result.back().block != block) result.push_back({.block = block, .jobs = {}, .new_dense = {}});
    result.back().jobs.push_back(job);
    result.back().count += job->count;
  }
  return result;
}

/// Takes the memory that the addition needs, so that nothing can fail afterwards.
void fill_buffer::impl::prepare(addition& addition, const fill_call& call) {
  auto& block = blocks[addition.block];
  if (block.dense) return;
  const auto bins_of_event = call.bin_per_weight ? call.rows : 1;
  const auto sample_rows = model::is_mean(kind) ? call.rows : 0;
  const auto event_bytes = bins_of_event * sizeof(std::uint32_t) + (call.rows + sample_rows) * sizeof(double);
  const auto events = block.event_count() + addition.count;
  const auto dense_bytes = dense_block::bytes_for(kind, call.rows, bins.bins());
  if (events >= dense_bytes / event_bytes + (dense_bytes % event_bytes != 0 ? 1 : 0)) {
    addition.new_dense = std::make_shared<dense_block>(kind, bins.axes(), call.span != no_span, call.rows);
    return;
  }
  const auto reserve = [&](auto& values, std::size_t more) {
    const auto needed = values.size() + more;
    if (needed > values.capacity()) values.reserve(std::max(needed, values.capacity() + values.capacity() / 2));
  };
  reserve(block.few.bins, addition.count * bins_of_event);
  reserve(block.few.weights, addition.count * call.rows);
  reserve(block.few.samples, addition.count * sample_rows);
}

/// Moves the block's few events to the dense one that was prepared.
void fill_buffer::impl::make_dense(addition& addition) noexcept {
  auto& block = blocks[addition.block];
  const auto& few = block.few;
  const fill_task task{.cells = addition.new_dense->cells(),
                       .rows = block.rows,
                       .count = block.event_count(),
                       .bins = few.bins.data(),
                       .bin_per_weight = few.bin_per_weight,
                       .one_bin = bins.rank() == 0,
                       .last_row = block.rows};
  const auto view = [&](const std::vector<double>& row_values) {
    return weight_view<double>{row_values.data(), static_cast<std::ptrdiff_t>(block.rows), 1};
  };
  if (model::is_mean(kind))
    add_samples(kind, task, view(few.weights), view(few.samples));
  else
    add_events(kind, task, view(few.weights));
  block.dense = std::move(addition.new_dense);
  block.few.bins = {};
  block.few.weights = {};
  block.few.samples = {};
}

/// Dense blocks are there afterwards, and get their events next; blocks of few events have them.
void fill_buffer::impl::update_blocks(std::vector<addition>& additions, const fill_call& call,
                                      const std::uint32_t* bins_of) noexcept {
  for (auto& addition : additions) {
    auto& block = blocks[addition.block];
    if (addition.new_dense) make_dense(addition);
    if (!block.dense) append_few(addition, call, bins_of);
    held_bytes += block.size_bytes() - block.counted_bytes;
    block.counted_bytes = block.size_bytes();
  }
}

void fill_buffer::impl::append_few(const addition& addition, const fill_call& call,
                                   const std::uint32_t* bins_of) noexcept {
  auto& few = blocks[addition.block].few;
  const auto append_row = [&](std::vector<double>& row_values, const auto& view, std::size_t event) {
    const auto* row = view.data + static_cast<std::ptrdiff_t>(event) * view.event_stride;
    for (std::size_t j = 0; j < call.rows; ++j)
      row_values.push_back(static_cast<double>(row[static_cast<std::ptrdiff_t>(j) * view.row_stride]));
  };
  const auto append_job = [&](const fill_job& job, const auto& weight) {
    for (std::size_t i = 0; i < job.count; ++i) {
      const std::size_t event = job.events ? job.events[i] : i;
      if (call.bin_per_weight) {
        for (std::size_t j = 0; j < call.rows; ++j)
          few.bins.push_back(is_in(job, event, j) ? bins_of[event * call.rows + j] : event_rows::dropped);
      } else {
        if (bins_of[event] == event_rows::dropped) continue;
        few.bins.push_back(bins_of[event]);
      }
      append_row(few.weights, weight, event);
      if (call.sample.given()) call.sample.visit([&](const auto& sample) { append_row(few.samples, sample, event); });
    }
  };
  call.weight.visit([&](const auto& view) {
    for (const auto* job : addition.jobs) append_job(*job, view);
  });
}

void fill_buffer::impl::add_dense(const addition& addition, const fill_call& call, const std::uint32_t* bins_of,
                                  std::size_t first_row, std::size_t last_row) noexcept {
  auto& block = blocks[addition.block];
  fill_task task{.cells = block.dense->cells(),
                 .rows = block.rows,
                 .bins = bins_of,
                 .bin_per_weight = call.bin_per_weight,
                 .one_bin = bins.rank() == 0,
                 .first_row = first_row,
                 .last_row = last_row};
  const auto add = [&](const fill_task& part, const auto& weight) {
    if (!call.sample.given()) return add_events(kind, part, weight);
    call.sample.visit([&](const auto& sample) { add_samples(kind, part, weight, sample); });
  };
  // Masks of single rows are rare; they go event by event, with a row of bins of their own.
  constexpr std::size_t masked_rows = 256;
  std::uint32_t masked[masked_rows];
  for (const auto* job : addition.jobs) {
    task.events = job->events;
    task.count = job->count;
    call.weight.visit([&](const auto& view) {
      if (job->row_masks.empty()) return add(task, view);
      for (auto first = first_row; first < last_row; first += masked_rows) {
        const auto last = std::min(first + masked_rows, last_row);
        for (std::size_t i = 0; i < job->count; ++i) {
          const std::size_t event = job->events[i];
          for (auto j = first; j < last; ++j)
            masked[j - first] = is_in(*job, event, j) ? bins_of[event * call.rows + j] : event_rows::dropped;
          fill_task one = task;
          one.events = job->events + i;
          one.count = 1;
          one.bins = masked;
          one.first_bin_row = first;
          one.bins_in_order = true;
          one.first_row = first;
          one.last_row = last;
          add(one, view);
        }
      }
    });
  }
}

void fill_buffer::impl::add_dense(const std::vector<addition>& additions, const fill_call& call,
                                  const std::uint32_t* bins_of, fill_threads& threads) noexcept {
  const auto is_dense = [&](const addition& addition) { return blocks[addition.block].dense != nullptr; };
  const auto dense = static_cast<std::size_t>(std::ranges::count_if(additions, is_dense));
  if (dense == 0) return;

  // Threads take ranges of rows where there are enough of them, else whole blocks: each cell gets its events in
  // their order, whatever the number of threads.
  const auto add = [&](std::size_t i, std::size_t first, std::size_t last) {
    if (is_dense(additions[i])) add_dense(additions[i], call, bins_of, first, last);
  };
  constexpr std::size_t rows_at_least = 8;  // what the kernels take at once
  const auto parts = std::min<std::size_t>(threads.size(), call.rows / rows_at_least);
  if (dense < threads.size() && parts > 1) {
    const auto step = ((call.rows + parts - 1) / parts + rows_at_least - 1) / rows_at_least * rows_at_least;
    const auto slice = [&](std::size_t part, unsigned) {
      const auto first = std::min(part * step, call.rows);
      const auto last = std::min(first + step, call.rows);
      for (std::size_t i = 0; i < additions.size() && first < last; ++i) add(i, first, last);
    };
    threads.run(parts, std::cref(slice));
  } else {
    const auto whole = [&](std::size_t i, unsigned) { add(i, 0, call.rows); };
    threads.run(additions.size(), std::cref(whole));
  }
}

void fill_buffer::impl::stream(const addition& addition, const fill_call& call) noexcept {
  const auto& block = blocks[addition.block];
  const auto from = [](auto view, std::size_t first) {
    view.data += static_cast<std::ptrdiff_t>(first) * view.event_stride;
    return view;
  };
  for (std::size_t first = 0; first < call.events; first += streamed_events) {
    const auto count = std::min(streamed_events, call.events - first);
    bins.find_bins(call.values, first, first + count, 1, scratch.get());
    const fill_task task{.cells = block.dense->cells(),
                         .rows = block.rows,
                         .count = count,
                         .bins = scratch.get(),
                         .one_bin = bins.rank() == 0,
                         .last_row = block.rows};
    call.weight.visit([&](const auto& weight) {
      if (!call.sample.given()) return add_events(kind, task, from(weight, first));
      call.sample.visit([&](const auto& sample) { add_samples(kind, task, from(weight, first), from(sample, first)); });
    });
  }
}

std::size_t fill_buffer::impl::size_bytes() const noexcept {
  auto result = held_bytes;
  for (const auto& table : tables) result += table.size_bytes();
  return result;
}

/// `events` gets, for each block of few events, where in the delta they are to go.
std::shared_ptr<delta_data> fill_buffer::impl::make_delta(std::vector<std::shared_ptr<event_rows>>& events) {
  auto result = std::make_shared<delta_data>();
  for (const auto& axis : axes)  // labels of growing axes stand in `labels`: of those only what this delta has
    result->axes.push_back(axis.is_growing() ? axis.with_labels({}) : axis);
  result->kind = kind;
  for (const auto& table : tables) result->labels.push_back(table.labels());
  result->variance_known = variance_known;
  result->size_bytes = size_bytes();
  result->blocks.reserve(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& source = blocks[i];
    auto& target = result->blocks.emplace_back();
    target.codes = source.key.codes;
    if (source.key.variations != 0) std::tie(target.span, target.row_codes) = lists[source.key.variations - 1];
    auto& few = events.emplace_back();
    if (source.dense) {
      target.cells = cells_of(source.dense, kind, source.rows, bins.strides());
    } else {
      few = std::make_shared<event_rows>();
      target.cells = few;
    }
  }
  return result;
}

fill_buffer::fill_buffer(std::vector<axis::any> axes, storage kind)
    : impl_{std::make_unique<impl>(std::move(axes), kind)} {}
fill_buffer::~fill_buffer() = default;
fill_buffer::fill_buffer(fill_buffer&&) noexcept = default;
fill_buffer& fill_buffer::operator=(fill_buffer&&) noexcept = default;

void fill_buffer::fill(const fill_arguments& arguments, unsigned threads) { impl_->fill(arguments, threads); }

const std::vector<axis::any>& fill_buffer::axes() const noexcept { return impl_->axes; }
storage fill_buffer::kind() const noexcept { return impl_->kind; }
std::vector<std::string> fill_buffer::labels(std::size_t axis) const {
  const auto categories = model::category_axes(impl_->axes);
  const auto found = std::ranges::find(categories, axis);
  return impl_->tables.at(static_cast<std::size_t>(found - categories.begin())).labels();
}
std::size_t fill_buffer::size_bytes() const noexcept { return impl_->size_bytes(); }
bool fill_buffer::empty() const noexcept { return !impl_->touched; }

delta fill_buffer::take() {
  std::vector<std::shared_ptr<event_rows>> events;
  auto result = impl_->make_delta(events);
  auto fresh = std::make_unique<impl>(impl_->axes, impl_->kind);
  // From here on nothing throws.
  const auto cell_bytes = planes(impl_->kind).size() * element_size;
  for (std::size_t i = 0; i < impl_->blocks.size(); ++i) {
    auto& block = impl_->blocks[i];
    if (events[i])
      *events[i] = std::move(block.few);
    else if (model::is_mean(impl_->kind))
      finish_cells(impl_->kind, block.dense->cells(), block.dense->size_bytes() / cell_bytes);
  }
  impl_ = std::move(fresh);
  return delta{std::move(result)};
}

}  // namespace hugehist
