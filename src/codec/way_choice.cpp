#include "codec/way_choice.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace hugehist::codec {
namespace {

constexpr std::size_t element = 8;
constexpr std::size_t samples = 64;

enum class look { empty, integers, short_mantissas, long_mantissas };

look look_of(std::span<const std::byte> plane, const row_layout& rows) noexcept {
  const auto elements = plane.size() / element;
  const auto step = elements < samples ? 1 : elements / samples;
  bool seen = false, integers = true, short_mantissas = true;
  for (std::size_t i = 0; i < elements; i += step) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, plane.data() + rows.place_of(i * element), element);
    if (bits == 0) continue;
    seen = true;
    const auto top = bits >> 48;
    integers = integers && (top == 0 || top == 0xffff);
    short_mantissas = short_mantissas && (bits & 0xffffffff) == 0;
  }
  if (!seen) return look::empty;
  if (integers) return look::integers;
  return short_mantissas ? look::short_mantissas : look::long_mantissas;
}

/// Ways that cost less time may cost more bytes: unshuffling is worth 3 %, searching matches 5 %.
double cost(way way, std::size_t bytes) noexcept {
  constexpr std::array factors{1.0, 1.03, 0.95};
  return static_cast<double>(bytes) * factors[static_cast<std::size_t>(way)];
}

}  // namespace

std::span<const way> way_choice::ways(std::span<const std::byte> plane, const row_layout& rows,
                                      bool may_match_rows) noexcept {
  static constexpr std::array all{way::plain, way::shuffled, way::rows};
  const auto only = [](way which) { return std::span{all}.subspan(static_cast<std::size_t>(which), 1); };
  const auto seen = look_of(plane, rows);
  if (seen == look::empty) return only(way::plain);
  if (seen == look::integers) return only(way::shuffled);
  auto& known = classes_[(seen == look::long_mantissas ? 1 : 0) + (may_match_rows ? 2 : 0)];
  if (known.until_probe == 0) {
    probed_ = &known;
    return std::span{all}.first(may_match_rows ? 3 : 2);
  }
  --known.until_probe;
  return only(known.best);
}

way way_choice::learn(std::span<const std::size_t> sizes) noexcept {
  auto best = way::plain;
  for (std::size_t i = 1; i < sizes.size(); ++i)
    if (cost(static_cast<way>(i), sizes[i]) < cost(best, sizes[static_cast<std::size_t>(best)]))
      best = static_cast<way>(i);
  *probed_ = {best, probe_interval - 1};
  return best;
}

}  // namespace hugehist::codec
