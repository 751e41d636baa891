// SPDX-License-Identifier: Apache-2.0
// What is open (files, sockets, ...), by the places of the program that opened it. In mapped pages;
// knows nothing of what is behind a key. Thread rule: the GIL of the main interpreter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

enum class ResourceKind : std::uint8_t {
  kFile,
  kSocket,
  kMmap,
  kDatabase,
  kProcess,
  kDirectory,
  kDescriptor,
  kEventLoop,
  kPool,
  kOther,
};
const char* name_of(ResourceKind kind) noexcept;

// How many of a place were not closed in time, and the longest time between the last use that is
// known and the end.
struct Lateness {
  std::uint64_t count = 0;
  Nanoseconds longest = 0;

  void add(Nanoseconds time) noexcept {
    ++count;
    if (time > longest) longest = time;
  }
};

// What tells one line of the program from another. The addresses are compared, never followed.
struct PlaceKey {
  const void* code = nullptr;
  const void* name = nullptr;
  int first_line = 0;
  int line = 0;
  ResourceKind kind = ResourceKind::kOther;

  bool operator==(const PlaceKey&) const = default;
};

// A line of the program that opens something.
struct Place {
  PlaceKey key;
  std::uint64_t opened = 0;
  std::uint64_t open_now = 0;
  Lateness finalized;   // closed because nobody held it any more
  Lateness late;        // closed by the program, long after its last use
  Lateness left;        // open at the end
  char file[200] = {};  // empty: not known
  char function[80] = {};
  char type[80] = {};     // of one of them
  char holder[120] = {};  // of one that was left
};

// Something that is open.
struct OpenResource {
  std::uintptr_t key = 0;  // an object's address, or an odd number; 0: free
  std::uint32_t place = 0;
  int descriptor = -1;
  Nanoseconds opened = 0;
  std::uintptr_t thread = 0;   // that opened it
  std::uint64_t identity = 0;  // by its kind: the inode of a descriptor, the index of a path
};

class ResourceTable {
 public:
  // nullptr: there are too many places, or no memory. `is_new`: the caller has to name it.
  // `line_at(offset)` is asked once for each offset in the code: it may be slow.
  template <class F>
  Place* place_for(PlaceKey key, int offset, F&& line_at, bool& is_new) noexcept {
    is_new = false;
    Spot* const spot = spot_of(key, offset);
    if (spot == nullptr) return nullptr;
    if (spot->place != 0) return &places_[spot->place - 1];
    key.line = line_at(offset);
    return place_at(*spot, key, offset, is_new);
  }
  [[nodiscard]] std::size_t place_count() const noexcept { return place_count_; }
  [[nodiscard]] Place& place(std::size_t index) const noexcept { return places_[index]; }
  [[nodiscard]] Place& place_of(const OpenResource& one) const noexcept {
    return places_[one.place];
  }

  // Takes the place of what had the same key. nullptr when the table is full.
  OpenResource* add(std::uintptr_t key, const Place& place) noexcept;
  [[nodiscard]] OpenResource* find(std::uintptr_t key) const noexcept;
  void remove(OpenResource* one) noexcept;

  // Calls visit(context, one) for all that is open; nothing may be added or removed meanwhile.
  template <class F>
  void for_each(F&& visit) const {
    for (std::size_t i = 0; i < capacity_; ++i) {
      if (slots_[i].key != 0) visit(slots_[i]);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // What was opened while there was no room to note it.
  [[nodiscard]] std::uint64_t unseen() const noexcept { return unseen_; }
  // In a fork's child: all of it is the parent's. Its pages stay, in case it was being changed.
  void forget() noexcept { *this = ResourceTable(); }

 private:
  // A call in the program, and the number of its place, from 1; 0: free.
  struct Spot {
    PlaceKey key;
    int offset = 0;
    std::uint32_t place = 0;
  };

  // That of the key (but for its line), or the free one for it. nullptr: no room.
  Spot* spot_of(const PlaceKey& key, int offset) noexcept;
  Place* place_at(Spot& spot, const PlaceKey& key, int offset, bool& is_new) noexcept;
  [[nodiscard]] std::size_t home_of(std::uintptr_t key) const noexcept;
  bool grow() noexcept;

  Place* places_ = nullptr;  // mapped, filled from the start
  Spot* spots_ = nullptr;    // mapped; open addressing
  std::size_t spot_count_ = 0;
  std::size_t place_count_ = 0;
  OpenResource* slots_ = nullptr;  // mapped; open addressing, a power of two of them
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::uint64_t unseen_ = 0;
};

}  // namespace hoop::cpython
