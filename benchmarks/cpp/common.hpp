// What the benchmarks share: the histogram of benchmarks/README.md in small, events and deltas for it, and
// a file that removes itself. Seeds are fixed. One thread at a time.
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/file.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

namespace bench {

inline constexpr std::size_t systematics = 152;
inline constexpr std::size_t bins = 400;
inline constexpr std::size_t extent = bins + 2;  // with flow bins
inline constexpr std::size_t block_cells = systematics * extent;
inline constexpr std::size_t block_bytes = 2 * sizeof(double) * block_cells;

inline std::vector<std::string> labels(const std::string& prefix, std::size_t count) {
  std::vector<std::string> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = prefix + std::to_string(i);
  return result;
}

inline hugehist::axis::any category(const std::string& name, std::vector<std::string> known = {}) {
  return {hugehist::axis::str_category{std::move(known)}, name};
}

inline hugehist::axis::any observable() { return {hugehist::axis::regular{bins, 0.0, 1.0}, "score"}; }

/// dataset × category × systematic × score, with these labels to begin with.
inline std::vector<hugehist::axis::any> axes(std::vector<std::string> datasets = {},
                                             std::vector<std::string> categories = {}) {
  return {category("dataset", std::move(datasets)), category("category", std::move(categories)),
          category("systematic", labels("variation_", systematics)), observable()};
}

/// Events with a weight for each systematic, in C order.
struct event_sample {
  std::vector<double> score;
  std::vector<double> weights;
};

inline event_sample make_events(std::size_t count, std::size_t columns) {
  std::mt19937_64 random{20261};
  std::normal_distribution<double> score{0.5, 0.15};
  std::normal_distribution<double> shift{0.0, 0.1};
  std::lognormal_distribution<double> nominal{0.0, 0.3};
  event_sample sample{std::vector<double>(count), std::vector<double>(count * columns)};
  for (std::size_t event = 0; event < count; ++event) {
    sample.score[event] = std::clamp(score(random), 0.0, 0.999);
    const double weight = nominal(random);
    for (std::size_t column = 0; column < columns; ++column) {
      sample.weights[event * columns + column] = weight * (1.0 + shift(random));
    }
  }
  return sample;
}

/// C-order planes of `blocks` blocks: two fifths of the bins filled, three quarters of the rows nominal.
struct planes {
  std::vector<double> values;
  std::vector<double> variances;
};

inline std::shared_ptr<const planes> make_planes(std::size_t blocks) {
  auto made = std::make_shared<planes>(
      planes{std::vector<double>(blocks * block_cells), std::vector<double>(blocks * block_cells)});
  std::mt19937_64 random{20260};
  std::lognormal_distribution<double> weight{0.0, 0.3};
  std::uniform_int_distribution<std::size_t> start{1, bins * 3 / 5};
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t first = start(random);
    double* const values = made->values.data() + block * block_cells;
    double* const variances = made->variances.data() + block * block_cells;
    for (std::size_t row = 0; row < systematics; ++row) {
      if (row % 4 == 1 || row == 0) {
        for (std::size_t bin = first; bin < first + bins * 2 / 5; ++bin) {
          values[row * extent + bin] = weight(random);
          variances[row * extent + bin] = weight(random);
        }
      } else {
        std::copy_n(values, extent, values + row * extent);
        std::copy_n(variances, extent, variances + row * extent);
      }
    }
  }
  return made;
}

/// A delta of one dataset with all of `categories`, over planes that it shares.
inline hugehist::delta make_delta(const std::string& dataset, const std::vector<std::string>& categories,
                                  const std::shared_ptr<const planes>& content) {
  hugehist::dense_view view;
  view.planes = {content->values.data(), content->variances.data()};
  const auto row = static_cast<std::ptrdiff_t>(extent);
  const auto block = static_cast<std::ptrdiff_t>(block_cells);
  view.strides = {block * static_cast<std::ptrdiff_t>(categories.size()), block, row, 1};
  view.owner = content;
  return hugehist::delta::from_dense(axes({dataset}, categories), hugehist::storage::weighted, view);
}

/// A file for one benchmark, removed with all that lies beside it when this goes.
class scratch_file {
 public:
  explicit scratch_file(const std::string& name)
      : directory_{std::filesystem::temp_directory_path() /
                   ("hugehist-bench-" + name + "-" + std::to_string(getpid()))} {
    std::filesystem::create_directories(directory_);
  }
  ~scratch_file() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  std::filesystem::path path() const { return directory_ / "histograms.h5"; }

 private:
  std::filesystem::path directory_;
};

inline hugehist::file_options with_memory(std::size_t mebibytes, unsigned threads = 0) {
  return {.memory = mebibytes << 20, .threads = threads};
}

}  // namespace bench
