// Cache entries in the order of their last use. Intrusive, so that nothing here allocates or throws.
//
// Not synchronised: the cache's lock guards it.
#pragma once

#include <cassert>

namespace hugehist::chunk {

/// Base of what can be in the list.
struct lru_node {
  lru_node* previous = nullptr;
  lru_node* next = nullptr;
  bool listed() const noexcept { return next != nullptr; }
};

class lru_list {
 public:
  lru_list() noexcept { ends_.previous = ends_.next = &ends_; }
  lru_list(const lru_list&) = delete;
  lru_list& operator=(const lru_list&) = delete;

  /// The least recently used; end() where there is none. Then follow `next`.
  lru_node* oldest() const noexcept { return ends_.next; }
  const lru_node* end() const noexcept { return &ends_; }

  /// REQUIRES: !node.listed()
  void add_newest(lru_node& node) noexcept {
    assert(!node.listed());
    node.previous = ends_.previous;
    node.next = &ends_;
    ends_.previous->next = &node;
    ends_.previous = &node;
  }

  void remove(lru_node& node) noexcept {
    if (!node.listed()) return;
    node.previous->next = node.next;
    node.next->previous = node.previous;
    node.previous = node.next = nullptr;
  }

 private:
  lru_node ends_;  // before the oldest and after the newest
};

}  // namespace hugehist::chunk
