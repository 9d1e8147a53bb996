#include <hugehist/view.hpp>

#include "read/selection.hpp"

#include <utility>

namespace hugehist {

struct view::state {
  using change = std::function<void(read::selection&)>;

  histogram source;
  std::vector<change> steps;

  read::selection selection() const {
    auto result = read::selection::whole(source.axes(), "histogram '" + source.name() + "'");
    for (const auto& step : steps) step(result);
    return result;
  }

  /// The same with one more step, which is tried at once.
  std::shared_ptr<const state> then(change next) const {
    auto made = std::make_shared<state>(*this);
    made->steps.push_back(std::move(next));
    static_cast<void>(made->selection());
    return made;
  }
};

view::view(histogram source) : state_{std::make_shared<state>(state{std::move(source), {}})} {}
view::view(std::shared_ptr<const state> made) noexcept : state_{std::move(made)} {}
view::~view() = default;
view::view(const view&) = default;
view::view(view&&) noexcept = default;
view& view::operator=(const view&) = default;
view& view::operator=(view&&) noexcept = default;

const histogram& view::source() const noexcept { return state_->source; }
std::vector<axis::any> view::axes() const { return state_->selection().axes; }

view view::select(std::initializer_list<axis_selector> parts) const {
  return select(std::span{parts.begin(), parts.size()});
}

view view::select(std::span<const axis_selector> parts) const {
  return view{
      state_->then([kept = std::vector(parts.begin(), parts.end())](auto& selection) { selection.select(kept); })};
}

view view::project(std::initializer_list<axis_reference> kept) const {
  return project(std::span{kept.begin(), kept.size()});
}

view view::project(std::span<const axis_reference> kept) const {
  return view{
      state_->then([kept = std::vector(kept.begin(), kept.end())](auto& selection) { selection.project(kept); })};
}

view view::scale(const axis_reference& axis, std::span<const double> factors) const {
  return view{state_->then([axis, kept = std::vector(factors.begin(), factors.end())](auto& selection) {
    selection.scale(axis, std::span<const double>{kept});
  })};
}

view view::scale(const axis_reference& axis, const std::map<std::string, double>& factors) const {
  return view{state_->then([axis, factors](auto& selection) { selection.scale(axis, factors); })};
}

dense_planes view::read(const histogram::progress_callback& progress) const {
  const auto selection = state_->selection();
  return selection.arrange(state_->source.read(selection.maps, progress));
}

std::vector<dense_planes> view::project_many(std::span<const std::vector<axis_reference>> kept,
                                             const histogram::progress_callback& progress) const {
  std::vector<view> views;
  for (const auto& each : kept) views.push_back(project(each));
  return hugehist::read_many(views, progress);
}

std::vector<dense_planes> read_many(std::span<const view> views, const histogram::progress_callback& progress) {
  std::vector<dense_planes> answers(views.size());
  std::vector<bool> is_read(views.size(), false);
  for (std::size_t first = 0; first < views.size(); ++first) {
    if (is_read[first]) continue;
    std::vector<std::size_t> members;
    std::vector<read::selection> selections;
    std::vector<std::vector<axis_map>> maps;
    for (auto i = first; i < views.size(); ++i) {
      if (!(views[i].source() == views[first].source())) continue;
      members.push_back(i);
      maps.push_back(selections.emplace_back(views[i].state_->selection()).maps);
    }
    auto contents = views[first].source().read_many(maps, progress);
    for (std::size_t i = 0; i < members.size(); ++i) {
      answers[members[i]] = selections[i].arrange(std::move(contents[i]));
      is_read[members[i]] = true;
    }
  }
  return answers;
}

std::vector<dense_planes> histogram::project_many(std::span<const std::vector<axis_reference>> kept,
                                                  const progress_callback& progress) const {
  return view{*this}.project_many(kept, progress);
}

view histogram::select(std::initializer_list<axis_selector> parts) const { return view{*this}.select(parts); }
view histogram::project(std::initializer_list<axis_reference> kept) const { return view{*this}.project(kept); }

}  // namespace hugehist
