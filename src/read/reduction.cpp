#include "read/reduction.hpp"

#include <hugehist/error.hpp>

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/c_order.hpp"
#include "base/checked.hpp"
#include "read/available_memory.hpp"
#include "read/mean_kernels.hpp"

namespace hugehist::read {
namespace {

template <class In, class Out>
void run_nest(const loop_nest& nest, const std::byte* in, void* out) {
  accumulate(nest.loops(), reinterpret_cast<const In*>(in) + nest.in_offset, static_cast<Out*>(out) + nest.out_offset,
             nest.scale);
}

/// All planes of means. `out`: where each begins.
template <class Plane>
void run_means(storage kind, const loop_nest& nest, const std::byte* in, std::size_t plane_bytes, const Plane& out) {
  const auto from = model::moment_planes_of<const double>(
      kind, [&](std::size_t p) { return reinterpret_cast<const double*>(in + p * plane_bytes); });
  const auto to = model::moment_planes_of<double>(kind, out);
  accumulate(nest.loops(), from.at(static_cast<std::ptrdiff_t>(nest.in_offset)),
             to.at(static_cast<std::ptrdiff_t>(nest.out_offset)), nest.scale);
}

}  // namespace

dense_planes make_answer(std::vector<std::size_t> shape, std::span<const plane_info> infos, bool scaled) {
  using base::checked_multiply;
  const auto cells = base::checked_product(shape, "the answer of the read");
  const auto bytes = checked_multiply(checked_multiply(cells, element_size, "the answer of the read"), infos.size(),
                                      "the answer of the read");
  const auto refuse = [&](std::size_t available) {
    std::string text;
    for (const auto length : shape) text += (text.empty() ? "" : ", ") + std::to_string(length);
    std::string message = "an answer of shape (" + text + ") takes " + std::to_string(bytes >> 20) + " MiB";
    if (available != 0) message += ", but only " + std::to_string(available >> 20) + " MiB of memory are available";
    throw memory_error{message + ": project or slice first, or read it in parts"};
  };
  if (const auto available = available_memory(); bytes > available) refuse(available);
  dense_planes answer;
  answer.shape = std::move(shape);
  try {
    for (const auto& info : infos) {
      if (info.is_integer && !scaled)
        answer.planes.emplace_back(std::vector<std::int64_t>(cells));
      else
        answer.planes.emplace_back(std::vector<double>(cells));
    }
  } catch (const std::bad_alloc&) {
    refuse(0);
  } catch (const std::length_error&) {
    refuse(0);
  }
  return answer;
}

reduction::reduction(storage kind, const chunk::grid& grid, std::span<const axis_map> maps)
    : kind_{kind},
      grid_{grid},
      infos_{planes(kind)},
      tracks_{model::is_mean(kind) ? 1 : infos_.size()},
      plan_{make_plan(grid, maps)},
      answer_{make_answer(plan_.shape, infos_, plan_.scaled)},
      position_(plan_.axes.size(), 0) {
  if (!at_end()) next_ = visit(position_).coordinate();
}

void reduction::advance() {
  if (++visited_ == plan_.chunks) return;
  base::advance(position_, position_.size(), [this](std::size_t axis) { return plan_.axes[axis].parts.size(); });
  next_ = visit(position_).coordinate();
}

std::size_t reduction::box_bytes(const contribution& chunk) const noexcept {
  return chunk.box_cells() * element_size * infos_.size();
}

void reduction::reduce(const contribution& chunk, const std::byte* data, std::byte* box) const {
  const auto chunk_plane = grid_.cells() * element_size;
  const auto box_plane = chunk.box_cells() * element_size;
  std::memset(box, 0, box_plane * infos_.size());
  if (model::is_mean(kind_)) {
    loop_nest nest;
    chunk.reduce_nest(nest, 1);
    return run_means(kind_, nest, data, chunk_plane,
                     [&](std::size_t p) { return reinterpret_cast<double*>(box + p * box_plane); });
  }
  for (std::size_t plane = 0; plane < infos_.size(); ++plane) {
    loop_nest nest;
    chunk.reduce_nest(nest, power(plane));
    const auto* in = data + plane * chunk_plane;
    auto* out = box + plane * box_plane;
    if (!infos_[plane].is_integer)
      run_nest<double, double>(nest, in, out);
    else if (plan_.scaled)
      run_nest<std::int64_t, double>(nest, in, out);
    else
      run_nest<std::int64_t, std::int64_t>(nest, in, out);
  }
}

void reduction::add(const contribution& chunk, const std::byte* data, std::size_t track, const stripe* within) {
  loop_nest nest;
  chunk.answer_nest(nest, power(track), within);
  if (nest.empty) return;
  const auto plane_bytes = (chunk.direct() ? grid_.cells() : chunk.box_cells()) * element_size;
  if (model::is_mean(kind_))
    return run_means(kind_, nest, data, plane_bytes,
                     [&](std::size_t p) { return std::get<std::vector<double>>(answer_.planes[p]).data(); });
  const auto* in = data + track * plane_bytes;
  std::visit(
      [&](auto& out) {
        using out_type = typename std::decay_t<decltype(out)>::value_type;
        // A box has the answer's type already; a chunk has the plane's.
        if constexpr (std::is_same_v<out_type, double>) {
          if (infos_[track].is_integer && chunk.direct()) return run_nest<std::int64_t, double>(nest, in, out.data());
        }
        run_nest<out_type, out_type>(nest, in, out.data());
      },
      answer_.planes[track]);
}

std::vector<stripe> reduction::choose_stripes(std::size_t count) const {
  std::vector<stripe> stripes;
  for (std::size_t axis = 0; axis < plan_.axes.size(); ++axis) {
    if (!is_copied(plan_.axes[axis]) || plan_.axes[axis].chunk_length < 2 * count) continue;
    const auto length = plan_.shape[axis];
    for (std::size_t i = 0; i < count; ++i) stripes.push_back({axis, length * i / count, length * (i + 1) / count});
    break;
  }
  return stripes;
}

}  // namespace hugehist::read
