// SPDX-License-Identifier: Apache-2.0
// A cache of objects by name: an index of weak references, a ring that keeps the newest, observers
// that each object tells of changes, and an index that is told of each object's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "workloads.h"

namespace hoop::bench {

template <class Kit>
struct Observer : Kit::template Base<Observer<Kit>> {
  std::int64_t seen = 0;
  [[no_unique_address]] typename Kit::Tally tally;
};

template <class Kit>
struct Entry : Kit::template Watched<Entry<Kit>> {
  using Observers = typename Kit::template Vector<typename Kit::template Weak<Observer<Kit>>>;
  explicit Entry(Observers list) : observers(std::move(list)) {}
  void trace(typename Kit::Visitor& visitor) const { visitor(observers); }

  std::int64_t value = 0;
  Observers observers;
  [[no_unique_address]] typename Kit::Tally tally;
};

template <class Kit>
class Cache {
 public:
  static constexpr std::size_t kNames = 20000;

  explicit Cache(Kit& kit) : kit_(kit), ring_(kCapacity) {
    for (std::size_t i = 0; i < kNames; ++i) names_.push_back("object-" + std::to_string(i));
    for (std::size_t i = 0; i < kObservers; ++i)
      observers_.push_back(kit_.template make<Observer<Kit>>());
  }

  void request(std::size_t name) {
    Ref entry = find_or_make(name);
    ++entry->value;
    if (entry->value % 4 != 0) return;
    for (const auto& observer : entry->observers) {
      if (const auto alive = observer.lock()) alive->seen += entry->value;
    }
  }

  [[nodiscard]] std::int64_t checksum() const {
    std::int64_t sum = evicted_;
    for (const auto& observer : observers_) sum += observer->seen;
    return sum;
  }

 private:
  using Ref = typename Kit::template Ref<Entry<Kit>>;
  using Weak = typename Kit::template Weak<Entry<Kit>>;
  static constexpr std::size_t kCapacity = 5000;
  static constexpr std::size_t kObservers = 64;
  static constexpr std::size_t kObserversOfOne = 4;

  Ref find_or_make(std::size_t name) {
    const auto found = index_.find(names_[name]);
    if (found != index_.end()) return found->second.lock();
    auto observers = kit_.template vector<typename Kit::template Weak<Observer<Kit>>>();
    observers.reserve(kObserversOfOne);
    for (std::size_t i = 0; i < kObserversOfOne; ++i)
      observers.emplace_back(observers_[(name + i) % kObservers]);
    Ref entry = kit_.template make<Entry<Kit>>(std::move(observers));
    index_.emplace(names_[name], kit_.watch(entry, [this, name] {
      index_.erase(names_[name]);
      ++evicted_;
    }));
    ring_[next_++ % kCapacity] = entry;
    return entry;
  }

  Kit& kit_;
  std::vector<std::string> names_;
  std::vector<typename Kit::template Ref<Observer<Kit>>> observers_;
  std::unordered_map<std::string, Weak> index_;
  std::int64_t evicted_ = 0;
  std::size_t next_ = 0;
  std::vector<Ref> ring_;  // goes first: the index is told
};

// Names, the first of them more often.
inline std::vector<std::uint32_t> requests(std::size_t count, std::size_t names) {
  std::vector<std::uint32_t> list(count);
  std::uint64_t state = 1;
  const auto next = [&] {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return (state >> 8) % names;
  };
  for (std::uint32_t& name : list) {
    const std::uint64_t a = next();
    name = static_cast<std::uint32_t>(a * next() / names);
  }
  return list;
}

template <class Kit>
Figures cache(Kit& kit, std::size_t count) {
  const auto names = requests(count, Cache<Kit>::kNames);
  Figures result;
  const double time = timed([&] {
    Cache<Kit> cache(kit);
    for (const std::uint32_t name : names) cache.request(name);
    result.checksum = cache.checksum();
  });
  result.figures = {{"cache", each(time, count)}};
  return result;
}

}  // namespace hoop::bench
