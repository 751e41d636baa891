// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_notes.h"

#include <Python.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"
#include "cpython/census.h"
#include "cpython/resource_places.h"
#include "cpython/resource_table.h"
#include "os/clock.h"

namespace hoop::cpython {

constinit ResourceWatch resource_watch;
constinit ResourceTable resources;

namespace {

Nanoseconds last_use_of_file(int descriptor) {
  const bool is_known = descriptor >= 0 && static_cast<std::size_t>(descriptor) < kMaxDescriptors;
  return is_known && resource_watch.uses != nullptr ? resource_watch.uses[descriptor] : 0;
}

// The system knows when a connection last had data. 0: it is none.
Nanoseconds last_use_of_socket(int descriptor, Nanoseconds now) {
  tcp_info info{};
  socklen_t size = sizeof info;
  const int saved = errno;
  const bool is_known =
      ::getsockopt(descriptor, SOL_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != 0;
  errno = saved;
  if (!is_known) return 0;
  const Nanoseconds ago =
      std::min(info.tcpi_last_data_sent, info.tcpi_last_data_recv) * kMillisecond;
  return now > ago ? now - ago : 0;
}

}  // namespace

bool is_watching() noexcept {
  return resource_watch.is_on && PyInterpreterState_Get() == resource_watch.interpreter;
}

std::uintptr_t key_of(PyObject* object) noexcept {
  return reinterpret_cast<std::uintptr_t>(object);
}
std::uintptr_t key_of_process(long pid) noexcept {
  return static_cast<std::uintptr_t>(pid) << 8 | 1;
}
std::uintptr_t key_of_descriptor(long descriptor) noexcept {
  return static_cast<std::uintptr_t>(descriptor) << 8 | 3;
}
std::uintptr_t key_of_path(const char* path, std::size_t length) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (std::size_t i = 0; i < length; ++i)
    hash = (hash ^ static_cast<unsigned char>(path[i])) * 0x100000001B3;
  return static_cast<std::uintptr_t>(hash) << 8 | 5;
}

OpenResource* note(std::uintptr_t key, const Caller& caller, ResourceKind kind) noexcept {
  Place* const place = place_of_caller(resources, caller, kind);
  OpenResource* const one = place != nullptr ? resources.add(key, *place) : nullptr;
  if (one == nullptr) return nullptr;
  one->opened = os::monotonic_now_coarse();
  one->thread = PyThread_get_thread_ident();
  return one;
}

Nanoseconds unused_for(const OpenResource& one, ResourceKind kind) noexcept {
  const Nanoseconds now = os::monotonic_now_coarse();
  Nanoseconds since = one.opened;
  if (kind == ResourceKind::kFile) since = std::max(since, last_use_of_file(one.descriptor));
  if (kind == ResourceKind::kSocket)
    since = std::max(since, last_use_of_socket(one.descriptor, now));
  return now > since ? now - since : 0;
}

long as_long(PyObject* number) noexcept {
  const long value = number != nullptr && PyLong_CheckExact(number) ? PyLong_AsLong(number) : -1;
  if (value == -1) PyErr_Clear();
  return value;
}

bool is_object(const OpenResource& one) noexcept { return one.key % 2 == 0; }

void name_type(Place& place, PyTypeObject* type) noexcept {
  if (place.type[0] != 0) return;
  TextBuffer text(place.type, sizeof place.type);
  Census::name_of(type, text);
}

void count_finalized(OpenResource* one) noexcept {
  Place& place = resources.place_of(*one);
  place.finalized.add(unused_for(*one, place.key.kind));
  resources.remove(one);
}

}  // namespace hoop::cpython
