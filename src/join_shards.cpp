#include "join_shards.hpp"

#include <hugehist/error.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace hugehist::join {
namespace {

struct shard {
  std::string run;
  std::int64_t count = 0;
  std::vector<std::int64_t> numbers;
};

template <class T>
const T* value_of(const metadata_map& attributes, const char* key) {
  const auto found = attributes.find(key);
  return found == attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

/// "0,2" as numbers; nothing for another text.
std::vector<std::int64_t> numbers_from(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    std::int64_t number = 0;
    const auto [stop, failure] = std::from_chars(text.data() + begin, text.data() + end, number);
    if (failure != std::errc{} || stop != text.data() + end) return {};
    numbers.push_back(number);
    begin = end + 1;
  }
  return numbers;
}

std::string joined(const std::vector<std::int64_t>& numbers, const char* separator) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : separator) + std::to_string(number);
  return text;
}

std::optional<shard> shard_of(const source& from) {
  const auto& attributes = from.store->file().attributes;
  if (std::ranges::none_of(attributes, [](const auto& each) { return is_shard_attribute(each.first); })) return {};
  const auto* run = value_of<std::string>(attributes, shard_run_attribute);
  const auto* count = value_of<std::int64_t>(attributes, shard_count_attribute);
  const auto* number = value_of<std::int64_t>(attributes, shard_number_attribute);
  const auto* several = value_of<std::string>(attributes, shard_number_attribute);
  shard found;
  if (number != nullptr) found.numbers = {*number};
  if (several != nullptr) found.numbers = numbers_from(*several);
  const auto is_number = [&](std::int64_t i) { return count != nullptr && i >= 0 && i < *count; };
  if (run == nullptr || found.numbers.empty() || !std::ranges::all_of(found.numbers, is_number))
    throw std::invalid_argument{"'" + from.path + "' does not say which shard it is: it needs the attributes '" +
                                shard_run_attribute + "' (text), '" + shard_count_attribute + "' (an integer) and '" +
                                shard_number_attribute + "' (an integer from 0 to one less)"};
  found.run = *run;
  found.count = *count;
  return found;
}

/// The first of them, of a number that a person could read.
std::string missing_of(const shard_set& set) {
  constexpr std::size_t shown = 20;
  std::vector<std::int64_t> missing;
  for (std::int64_t i = 0; i < set.count && missing.size() < shown; ++i)
    if (!set.of_number.contains(i)) missing.push_back(i);
  const auto all = static_cast<std::size_t>(set.count) - set.of_number.size();
  return joined(missing, ", ") + (all > shown ? ", … (" + std::to_string(all) + " in all)" : "");
}

}  // namespace

bool is_shard_attribute(const std::string& key) noexcept {
  return key == shard_run_attribute || key == shard_count_attribute || key == shard_number_attribute;
}

sharding find_shards(std::span<const source> sources, bool partial) {
  sharding found;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto shard = shard_of(sources[s]);
    found.run_of.push_back(shard ? std::optional{shard->run} : std::nullopt);
    if (!shard) continue;
    auto& set = found.sets[shard->run];
    if (set.of_number.empty()) set.count = shard->count;
    if (set.count != shard->count)
      throw std::invalid_argument{"'" + sources[set.of_number.begin()->second].path + "' and '" + sources[s].path +
                                  "' are shards of run '" + shard->run + "', which has " + std::to_string(set.count) +
                                  " shards for one and " + std::to_string(shard->count) + " for the other"};
    for (const auto number : shard->numbers)
      if (const auto [there, is_new] = set.of_number.emplace(number, s); !is_new)
        throw std::invalid_argument{"'" + sources[there->second].path + "' and '" + sources[s].path +
                                    "' are both shard " + std::to_string(number) + " of run '" + shard->run +
                                    "': leave one of them out"};
  }
  for (const auto& [run, set] : found.sets)
    if (static_cast<std::int64_t>(set.of_number.size()) < set.count && !partial)
      throw std::invalid_argument{"of the " + std::to_string(set.count) + " shards of run '" + run + "' (as '" +
                                  sources[set.of_number.begin()->second].path + "') these are missing: " +
                                  missing_of(set) + ". Join them as well, or ask for a partial join (partial=True)"};
  return found;
}

metadata_map shard_attributes(const sharding& shards) {
  const bool is_one_set =
      shards.sets.size() == 1 && std::ranges::all_of(shards.run_of, [](const auto& run) { return run.has_value(); });
  if (!is_one_set) return {};
  const auto& [run, set] = *shards.sets.begin();
  if (static_cast<std::int64_t>(set.of_number.size()) == set.count) return {};
  std::vector<std::int64_t> numbers;
  for (const auto& [number, source] : set.of_number) numbers.push_back(number);
  return {
      {shard_run_attribute, run}, {shard_count_attribute, set.count}, {shard_number_attribute, joined(numbers, ",")}};
}

}  // namespace hugehist::join
