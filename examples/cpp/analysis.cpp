// An analysis in C++: events from a loop and from Boost.Histogram objects, merged into one file on disk, and a
// projection brought back as a Boost.Histogram.
#include <hugehist/boost.hpp>
#include <hugehist/hugehist.hpp>

#include <boost/histogram.hpp>

#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace axis = hugehist::axis;
namespace bh = boost::histogram;

namespace {

constexpr std::size_t events_per_chunk = 10'000;
const std::vector<std::string> systematics{"nominal", "pileup_up", "pileup_down"};

/// What an event loop leaves behind for one chunk of events: columns, and a matrix of weights.
struct chunk_of_events {
  std::vector<double> mass;
  std::vector<std::int32_t> channel;  // 0: ee, 1: mumu
  std::vector<double> weight;         // events × systematics
};

chunk_of_events loop_over_events(std::mt19937& random) {
  std::normal_distribution<double> peak{91.2, 2.5};
  std::bernoulli_distribution is_muon{0.5};
  chunk_of_events chunk;
  for (std::size_t event = 0; event < events_per_chunk; ++event) {
    chunk.mass.push_back(peak(random));
    chunk.channel.push_back(is_muon(random) ? 1 : 0);
    const double pileup = 1.0 + 0.01 * peak(random) / 91.2;
    for (double weight : {1.0, pileup, 1.0 / pileup}) chunk.weight.push_back(weight);
  }
  return chunk;
}

/// The same kind of events from a program that fills Boost.Histogram itself, one event at a time.
auto boost_histogram_from_elsewhere(std::mt19937& random) {
  using category = bh::axis::category<std::string, std::string, bh::axis::option::growth_t>;
  const std::vector<std::string> none;
  auto histogram = bh::make_histogram_with(
      bh::weight_storage{}, category{none, "dataset"}, category{none, "channel"}, category{none, "systematic"},
      bh::axis::regular<double, bh::use_default, std::string>{60, 60.0, 120.0, "mass"});
  std::exponential_distribution<double> background{0.03};
  for (int event = 0; event < 5'000; ++event)
    histogram("ttbar", "emu", "nominal", 50.0 + background(random), bh::weight(0.8));
  return histogram;
}

}  // namespace

int main() {
  try {
    hugehist::file file{"analysis.h5", hugehist::open_mode::write, {.memory = std::size_t{64} << 20}};
    auto dilepton = file.create("dilepton_mass",
                                {{axis::str_category{}, "dataset"},
                                 {axis::str_category{}, "channel"},
                                 {axis::str_category{}, "systematic"},
                                 {axis::regular{60, 60.0, 120.0}, "mass"}},
                                hugehist::storage::weighted);

    // One call fills all systematics of a chunk of events. Columns come in the order of the axes.
    std::mt19937 random{1};
    for (int i = 0; i < 10; ++i) {
      const auto chunk = loop_over_events(random);
      hugehist::fill_arguments arguments;
      arguments.columns = {std::string{"drell_yan"}, hugehist::label_codes{{"ee", "mumu"}, std::span{chunk.channel}},
                           hugehist::variations{systematics},
                           hugehist::numbers{hugehist::array_view<double>{chunk.mass}}};
      arguments.weight = hugehist::array_view<double>{chunk.weight.data(), events_per_chunk, systematics.size()};
      dilepton.fill(arguments);
      file.add_to_counter({"events", "drell_yan"}, static_cast<double>(events_per_chunk));
    }

    // A Boost.Histogram merges by label: new datasets and channels grow the axes. The id makes it count once.
    const auto other = boost_histogram_from_elsewhere(random);
    const bool merged = hugehist::add(dilepton, other, "elsewhere/part0");
    const bool again = hugehist::add(dilepton, other, "elsewhere/part0");
    file.commit();

    // A part, summed over the rest, in memory that the answer needs.
    const auto spectrum = hugehist::to_boost(
        dilepton.select({{"systematic", "nominal"}, {"mass", hugehist::slice{.step = hugehist::rebin{5}}}})
            .project({"mass"}));
    double total = 0;
    for (auto&& bin : bh::indexed(spectrum, bh::coverage::all)) total += bin->value();

    const auto expected = 10.0 * events_per_chunk + 5'000 * 0.8;
    std::printf("merged once: %s, again: %s\n", merged ? "yes" : "no", again ? "yes" : "no");
    std::printf("nominal sum of weights: %.1f (expected %.1f)\n", total, expected);
    file.close();
    return merged && !again && std::abs(total - expected) < 1e-6 * expected ? 0 : 1;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
}
