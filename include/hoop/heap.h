// SPDX-License-Identifier: Apache-2.0
// hoop::Heap: makes objects, and finds those that nothing but each other refers to.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iosfwd>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hoop/array.h"
#include "hoop/detail/core.h"
#include "hoop/detail/made.h"
#include "hoop/object.h"
#include "hoop/ref.h"

namespace hoop {

// Generations of objects: 0 has seen no collection, 2 is old.
inline constexpr int kOldest = 2;

struct HeapOptions {
  // Address space; the heap cannot grow past it.
  std::size_t reservation_bytes = std::size_t{16} << 30;
  bool automatic = true;  // make() collects when it is time
};

// When make() collects by itself. As gc.set_threshold(), but counts candidates, not objects.
struct Thresholds {
  std::int32_t candidates = 1024;      // noted since the last collection; 0: never
  std::int32_t young_per_middle = 10;  // collections of generation 0 to one of 1
  std::int32_t middle_per_full = 10;   // of 1 to one of 2, if there is a quarter more to look at
};

struct GenerationStats {
  std::uint64_t collections = 0;
  std::uint64_t candidates = 0;     // objects that collections began from
  std::uint64_t looked_at = 0;      // objects that they reached
  std::uint64_t collected = 0;      // objects that they freed
  std::uint64_t resurrected = 0;    // that finalizers saved
  std::uint64_t uncollectable = 0;  // whose clear() did not let go
  std::chrono::nanoseconds time{0};
  std::chrono::nanoseconds longest{0};
};

struct HeapStats {
  std::array<GenerationStats, 3> generations;
  std::size_t candidates = 0;  // noted and not looked at yet
  std::size_t frozen = 0;      // objects
  std::size_t errors = 0;      // exceptions out of finalizers, callbacks, trace()
};

// One collection, as callbacks are told of it.
struct CollectionInfo {
  enum class Phase { kStart, kStop };
  Phase phase;
  int generation;
  std::size_t collected = 0;  // at the end
  std::size_t uncollectable = 0;
};

// An exception that user code threw where nobody could catch it.
struct Error {
  enum class Where { kFinalizer, kWeakCallback, kTrace, kClear, kCollectionCallback };
  Where where;
  std::string type;  // of the object concerned, where there is one
  std::exception_ptr exception;
};

struct TypeReport {
  std::string name;
  std::size_t objects = 0;
  std::size_t bytes = 0;
};

struct HeapReport {
  std::vector<TypeReport> types;  // most bytes first
  std::size_t objects = 0;
  std::size_t bytes = 0;          // of objects; without what std containers take elsewhere
  std::size_t cyclic_groups = 0;  // strongly connected components of two or more, or self-loops
  std::size_t objects_in_cycles = 0;
  std::size_t garbage_objects = 0;  // would go in a full collection now
  std::size_t held_bytes = 0;       // taken from the system
  [[nodiscard]] std::string text() const;
};

// Owns its objects' memory. One thread at a time may use it and its objects: the one that made it,
// or that called attach(). Builds without NDEBUG check that.
//
// References may outlive the heap: its memory then goes with the last object. Only automatic
// collections end with the heap, after a last one.
class Heap {
 public:
  explicit Heap(const HeapOptions& options = {});  // throws std::bad_alloc
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // A new T. Throws what its constructor throws, and std::bad_alloc. May collect first, and so run
  // destructors, finalizers and callbacks.
  template <class T, class... Args>
  [[nodiscard]] ref<T> make(Args&&... args) {
    return make_extended<T>(0, std::forward<Args>(args)...);
  }
  // The same, with `extra` bytes, not initialised, directly behind the T.
  template <class T, class... Args>
  [[nodiscard]] ref<T> make_extended(std::size_t extra, Args&&... args) {
    static_assert(std::is_convertible_v<T*, const Object*>,
                  "make<T>() wants a T that derives from hoop::Object, publicly and once; where "
                  "several bases do, each must derive from it virtually");
    static_assert(!std::is_final_v<T>, "make<T>() derives from T: it cannot be final");
    static_assert(!std::is_const_v<T>, "make a T, and refer to it by ref<const T>");
    static_assert(alignof(T) <= 16, "objects are aligned to 16 bytes, and no further");
    if (core().room < 0) [[unlikely]]
      detail::collect_automatically(core());
    return ref<T>::adopt(detail::Made<T>::make(core(), extra, std::forward<Args>(args)...));
  }
  // `size` copies of `value`.
  template <class T>
  [[nodiscard]] ref<Array<T>> make_array(std::size_t size, const T& value = T()) {
    if (size > Array<T>::kMostElements) throw std::bad_array_new_length();
    using Exact = detail::ArrayToMake<T>;
    return make_extended<Exact>(Array<T>::bytes_behind(size), size, value);
  }

  // Looks at what can be reached from candidates of this and younger generations; returns how many
  // objects went. 0 when called from within a collection.
  std::size_t collect(int generation = kOldest);
  // Full collections of some candidates after others, until the time is over. True: none are left.
  // A group of objects that takes longer is left to collect().
  bool collect_for(std::chrono::nanoseconds budget);

  void enable_automatic() noexcept;
  void disable_automatic() noexcept;
  [[nodiscard]] bool is_automatic() const noexcept;
  void set_thresholds(const Thresholds& thresholds) noexcept;
  [[nodiscard]] Thresholds thresholds() const noexcept;

  // All objects that there are now are taken to be alive, and not looked at any more.
  void freeze();
  void unfreeze();

  // It lives as long as the heap's memory, whatever refers to it.
  static void make_immortal(const Object& object) noexcept;

  // Called before and after each collection, until the token is given up.
  using CollectionCallback = std::function<void(const CollectionInfo&)>;
  [[nodiscard]] std::shared_ptr<void> on_collection(CollectionCallback callback);

  // Without a handler the last errors, 16 at most, are kept for errors().
  void set_error_handler(std::function<void(const Error&)> handler);
  [[nodiscard]] std::vector<Error> errors() const;

  // Objects that still referred to others after clear(), so that their cycle could not be broken.
  // Empty it to have them looked at again.
  [[nodiscard]] std::vector<ref<Object>>& garbage() noexcept;

  // Can it be part of a cycle?
  [[nodiscard]] static bool is_tracked(const Object& object) noexcept;
  // All tracked objects, of one generation or of all (-1).
  [[nodiscard]] std::vector<ref<Object>> objects(int generation = -1) const;
  // What refers to it, once for each object that does. Looks at the whole heap.
  [[nodiscard]] std::vector<ref<Object>> referrers(const Object& object) const;
  // What it refers to, once for each reference.
  [[nodiscard]] static std::vector<ref<Object>> referents(const Object& object);

  [[nodiscard]] HeapStats stats() const;
  [[nodiscard]] HeapReport report() const;
  // The objects and their references, for Graphviz: `dot -Tsvg`. The first `most_objects` of them.
  void graph(std::ostream& out, std::size_t most_objects = 1000) const;

  // Gives memory back to the system; returns the bytes.
  std::size_t trim() noexcept;

  // The calling thread becomes the owner. REQUIRES: the one before it has let go.
  void attach() noexcept;
  // Nobody is the owner, until somebody attaches.
  void detach() noexcept;

  // The heap of an object; in its constructor too. REQUIRES: the heap is still there.
  [[nodiscard]] static Heap& of(const Object& object) noexcept;

  // Memory of this heap that is no object, 16-byte aligned: for containers. Throws std::bad_alloc.
  [[nodiscard]] void* allocate(std::size_t bytes);
  void deallocate(void* block) noexcept;

 private:
  friend struct detail::Access;
  [[nodiscard]] detail::Core& core() const noexcept { return *core_; }

  detail::Core* core_;
};

inline detail::Core& detail::Access::core(const Heap& heap) noexcept { return heap.core(); }

template <class T>
Object* detail::Made<T>::copy(Heap& heap, const Object& from) {
  if constexpr (std::derived_from<T, Copyable>) {
    return heap.make<T>(dynamic_cast<const T&>(from)).detach();
  } else {
    return nullptr;
  }
}

}  // namespace hoop
