// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "cycles/object_map.h"
#include "cycles/prefetch_ring.h"
#include "os/bare.h"
#include "snapshot/collector_lists.h"
#include "snapshot/discovery.h"
#include "snapshot/fault_guard.h"
#include "snapshot/format.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/roots.h"
#include "snapshot/rows.h"
#include "snapshot/sections.h"
#include "snapshot/strings.h"
#include "snapshot/types.h"
#include "snapshot/walker.h"

namespace hoop::snapshot {
namespace {

FileHeader header_of(const Subject& subject, const Order& order) {
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof header.magic);
  header.version = kVersion;
  header.header_bytes = sizeof header;
  header.pid = order.pid;
  header.python_version = subject.version;
  header.taken = order.taken;
  header.flags = order.flags;
  return header;
}

class Writer {
 public:
  Writer(const Subject& subject, const Order& order, cycles::ObjectMap& map,
         const Generations& generations)
      : subject_(subject),
        order_(order),
        map_(map),
        sections_(order.file),
        strings_(sections_, *subject.layout, (order.flags & kWithValues) != 0),
        types_(sections_, strings_, *subject.layout, subject.subtype_traverse),
        generations_(generations),
        rows_(sections_, strings_, *subject.layout, order.key, generations_),
        discovery_(map, rows_, types_),
        edges_(sections_, discovery_),
        walker_(edges_, types_, strings_, *subject.layout),
        roots_(sections_, rows_, edges_, walker_, types_, strings_, *subject.layout) {}

  Outcome run() {
    const Nanoseconds begin = os::bare::monotonic_now();
    Outcome outcome;
    if (sections_.open(header_of(subject_, order_))) {
      guarded(&Writer::enter_objects);
      guarded(&Writer::write_collected);
      guarded(&Writer::write_found);
      guarded(&Writer::write_strays);
      guarded(&Writer::write_roots);
      guarded(&Writer::write_found);
      const Account account = order_.account(order_.context);
      write_memory(account);
      write_meta(account, os::bare::monotonic_now() - begin);
      sections_.close();
    }
    outcome.error = sections_.error();
    outcome.objects = rows_.count();
    outcome.bytes = sections_.written();
    outcome.damaged = discovery_.damaged();
    outcome.took = os::bare::monotonic_now() - begin;
    return outcome;
  }

 private:
  using Step = void (Writer::*)();

  // A step that meets memory which is not there leaves out the object, and goes on with the next.
  void guarded(Step step) {
    auto body = [this, step] { (this->*step)(); };
    auto recover = [this] { give_up_object(); };
    guard_.run(body, recover);
  }

  void enter_objects() {
    if (has_entered_) return;
    has_entered_ = true;
    subject_.enter_objects(subject_.context, map_);
    if (subject_.interpreter == 0) return;
    generations_.enter(subject_.interpreter, subject_.where);
    walker_.set_interned(roots_.find_interned(subject_.interpreter, subject_.where, map_));
  }

  void write_collected() {
    const auto write = [this](Address object) {
      write_object(object, true);
      // What was found meanwhile is still near.
      if (discovery_.waiting() > kManyWaiting) write_found();
    };
    const auto coming = [this, &write](Address object) {
      if (!map_.mark_live(object)) return;
      __builtin_prefetch(reinterpret_cast<const char*>(object) + 64);
      __builtin_prefetch(reinterpret_cast<const void*>(object));
      coming_.push(object, write);
    };
    map_.for_each_unmarked(coming);
    coming_.flush(write);
  }

  void write_found() {
    for (Address object = discovery_.next(); object != 0 && sections_.ok();
         object = discovery_.next())
      write_object(object, false);
  }

  void write_object(Address object, bool is_tracked) {
    if (!sections_.ok()) return;
    current_ = object;
    const TypeInfo& info = types_.of(type_of(object));
    if (!info.is_valid) {
      discovery_.note_damaged();
      return;
    }
    const TypeInfo kept = info;  // `info` is good until the next type is met
    walker_.walk(object, kept);
    rows_.add(object, kept, edges_.count(), is_tracked);
    current_ = 0;
  }

  // Its edges so far are in their columns and need a row.
  void give_up_object() {
    discovery_.note_damaged();
    if (current_ != 0) rows_.add_damaged(current_, damaged_type(), edges_.count());
    current_ = 0;
    edges_.begin(0);
  }

  std::uint32_t damaged_type() {
    if (damaged_type_ == kNoType) damaged_type_ = types_.add_pseudo("<damaged>", Layout::kOther);
    return damaged_type_;
  }

  void write_roots() {
    if (has_roots_) return;
    has_roots_ = true;
    roots_.add(subject_.interpreter, subject_.where, map_, subject_.signal_handlers);
  }

  // What nothing refers to and the collector does not know is lost to Python, and held by C code
  // or by nobody.
  void write_strays() {
    if (has_strays_ || subject_.for_each_block == nullptr) return;
    has_strays_ = true;
    subject_.for_each_block(
        subject_.context,
        [](void* to, Address start) { static_cast<Writer*>(to)->look_at_block(start); }, this);
    write_found();
  }

  void look_at_block(Address start) {
    constexpr Address kCollectorHeader = 16;
    const auto is_object_with = [this](Address object, bool is_collected) {
      return is_stray(object) && types_.of(type_of(object)).is_collected == is_collected;
    };
    if (map_.contains(start) || map_.contains(start + kCollectorHeader)) return;
    if (is_object_with(start, false)) {
      discovery_.found(start);
    } else if (is_object_with(start + kCollectorHeader, true)) {
      discovery_.found(start + kCollectorHeader);
    }
    if (discovery_.waiting() > kManyWaiting) write_found();
  }

  // A plausible count, and a type that was met before.
  [[nodiscard]] bool is_stray(Address object) {
    constexpr std::int64_t kMostReferences = 1 << 30;
    const auto count = load<std::int64_t>(object + at::kCount);
    const Address type = type_of(object);
    if (count <= 0 || count > kMostReferences || type % sizeof(Address) != 0) return false;
    return map_.contains(type) && types_.of(type_of(type)).layout == Layout::kType &&
           types_.of(type).is_valid;
  }

  void write_memory(const Account& account) {
    for (std::size_t i = 0; i < account.memory_count; ++i) {
      sections_.number(Section::kMemory, strings_.add(account.memory[i].name));
      sections_.number(Section::kMemory, account.memory[i].bytes);
    }
  }

  void write_meta(const Account& account, Nanoseconds took) {
    const auto put = [this](std::string_view key, std::string_view value) {
      sections_.number(Section::kMeta, strings_.add(key));
      sections_.number(Section::kMeta, strings_.add(value));
    };
    const auto put_number = [&](std::string_view key, std::uint64_t value) {
      FixedText<32> text;
      text.add_decimal(value);
      put(key, {text.data(), text.size()});
    };
    for (std::size_t i = 0; i < account.meta_count; ++i)
      put(account.meta[i].key, account.meta[i].value);
    put_number("write_ns", took);
    put_number("damaged", discovery_.damaged());
  }

  static constexpr std::size_t kManyWaiting = 1024;
  static constexpr std::uint32_t kNoType = UINT32_MAX;

  const Subject& subject_;
  const Order& order_;
  cycles::ObjectMap& map_;
  Sections sections_;
  Strings strings_;
  Types types_;
  Generations generations_;
  Rows rows_;
  Discovery discovery_;
  Edges edges_;
  Walker walker_;
  Roots roots_;
  FaultGuard guard_;
  cycles::PrefetchRing coming_;
  Address current_ = 0;  // the object whose edges are being written
  std::uint32_t damaged_type_ = kNoType;
  bool has_entered_ = false;
  bool has_roots_ = false;
  bool has_strays_ = false;
};

}  // namespace

Outcome write_snapshot(const Subject& subject, const Order& order) noexcept {
  const std::size_t bytes = cycles::ObjectMap::bytes_for(subject.heap_bytes, subject.other_regions);
  void* const memory = os::bare::map(bytes);
  if (memory == nullptr) {
    Outcome outcome;
    outcome.error = ENOMEM;
    return outcome;
  }
  const auto map_in = [&subject](void* room) {
    return cycles::ObjectMap(room, subject.heap_base, subject.heap_bytes, subject.other_regions);
  };
  cycles::ObjectMap map = map_in(memory);
  Generations generations;
  void* const for_young = os::bare::map(bytes);
  void* const for_frozen = os::bare::map(bytes);
  cycles::ObjectMap young = map_in(for_young), frozen = map_in(for_frozen);
  if (for_young != nullptr && for_frozen != nullptr) generations = Generations(young, frozen);
  Writer writer(subject, order, map, generations);
  return writer.run();
}

}  // namespace hoop::snapshot
