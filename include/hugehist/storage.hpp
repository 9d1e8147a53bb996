// What a bin holds, and how it lies in memory and in the file.
//
// A storage is kept as planes: one array for each number of the cell, C order over the axes with flow bins
// included. Each element takes eight bytes. The names are those of the UHI serialization schema.
#pragma once

#include <hugehist/export.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hugehist {

/// Kinds of storage, after the UHI serialization schema (version 1).
enum class storage { int_, double_, weighted, mean, weighted_mean };

/// One array of a storage.
struct plane_info {
  std::string_view name;  ///< as in the file: "values", "variances", …
  bool is_integer;        ///< int64 elements; else float64
};

/// The planes of a storage in their fixed order.
HUGEHIST_EXPORT std::span<const plane_info> planes(storage kind) noexcept;

/// The UHI name: "int", "double", "weighted", "mean", "weighted_mean".
HUGEHIST_EXPORT std::string_view to_string(storage kind) noexcept;

/// The storage of a UHI name. Throws format_error for a name that this version does not know.
HUGEHIST_EXPORT storage storage_from_string(std::string_view name);

inline constexpr std::size_t element_size = 8;
inline constexpr std::size_t max_planes = 4;

}  // namespace hugehist
