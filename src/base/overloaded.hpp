// Several lambdas as one visitor for std::visit.
#pragma once

namespace hugehist::base {

template <class... Callables>
struct overloaded : Callables... {
  using Callables::operator()...;
};
template <class... Callables>
overloaded(Callables...) -> overloaded<Callables...>;

}  // namespace hugehist::base
