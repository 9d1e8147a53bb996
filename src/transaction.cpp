#include "file_impl.hpp"

#include <hugehist/error.hpp>
#include <hugehist/transaction.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <utility>

namespace hugehist {
namespace {

thread_local std::thread::id caller_of_this_thread;  // of none: the thread itself
std::atomic<void (*)()> wait_callback = nullptr;

constexpr std::chrono::milliseconds between_callbacks{50};

}  // namespace

// ---- whose turn it is

std::thread::id file::impl::caller() noexcept {
  return caller_of_this_thread == std::thread::id{} ? std::this_thread::get_id() : caller_of_this_thread;
}

void file::impl::wait_for_turn(std::unique_lock<std::mutex>& lock) {
  while (!is_my_turn()) {
    if (turn->wait_for(lock, between_callbacks) == std::cv_status::no_timeout) continue;
    lock.unlock();
    if (auto* const callback = wait_callback.load()) callback();
    lock.lock();
  }
}

void file::impl::check_no_transaction(const char* what) const {
  if (transaction_owner)
    throw error{std::string{what} + " within a transaction of file '" + name +
                "': it ends by itself at the end of the transaction, or goes back where that fails"};
}

// ---- begin and end

void file::impl::set_transaction_owner(std::optional<std::thread::id> owner_of_it) noexcept {
  const std::lock_guard lock{filling};
  transaction_owner = owner_of_it;
}

bool file::impl::begin_transaction(const std::optional<merge_id>& id) {
  const auto lock = enter_to_write();
  if (transaction_owner)
    throw error{"file '" + name +
                "': a transaction within a transaction: they do not nest, so end the outer one first"};
  const bool already = id && is_merged(*id);
  set_transaction_owner(caller());  // from here on no fill of others comes in
  try {
    commit();
  } catch (...) {
    end_transaction();
    throw;
  }
  transaction_id = already ? std::nullopt : id;
  return already;
}

void file::impl::end_transaction() noexcept {
  transaction_id.reset();
  set_transaction_owner({});
  turn->notify_all();
}

void file::impl::roll_back() {
  try {
    discard();
  } catch (const std::exception&) {  // its commit failed midway, and memory is no state to go on from
    close(false);
  }
}

void file::impl::finish_transaction(bool keep) {
  const std::lock_guard lock{mutex};
  if (!store || !transaction_owner) throw error{"file '" + name + "' was closed within its transaction"};
  try {
    if (keep) {
      if (transaction_id && !is_merged(*transaction_id)) store->add_to_ledger(*transaction_id);
      commit();
    } else {
      roll_back();
    }
  } catch (...) {
    roll_back();
    end_transaction();
    throw;
  }
  end_transaction();
}

transaction::transaction(file target, const std::optional<merge_id>& id)
    : target_{std::move(target)}, already_{target_.impl_->begin_transaction(id)} {}

transaction::transaction(transaction&& other) noexcept
    : target_{std::move(other.target_)}, is_over_{std::exchange(other.is_over_, true)}, already_{other.already_} {}

transaction::~transaction() {
  try {
    roll_back();
  } catch (const std::exception&) {
    // The file was closed meanwhile, and has nothing of it.
  }
}

bool transaction::already() const noexcept { return already_; }

void transaction::commit() {
  if (is_over_) throw error{"this transaction is over: begin a new one"};
  if (!target_.impl_->in_own_process()) static_cast<void>(target_.impl_->lock());  // says so
  is_over_ = true;
  target_.impl_->finish_transaction(!already_);
}

void transaction::roll_back() {
  if (std::exchange(is_over_, true) || !target_.impl_->in_own_process()) return;
  target_.impl_->finish_transaction(false);
}

// ---- calls for others

on_behalf_of::on_behalf_of(std::thread::id caller) noexcept : before_{std::exchange(caller_of_this_thread, caller)} {}
on_behalf_of::~on_behalf_of() { caller_of_this_thread = before_; }

void set_wait_callback(void (*callback)()) noexcept { wait_callback = callback; }

}  // namespace hugehist
