// SPDX-License-Identifier: Apache-2.0
#include "cpython/guard.h"

#include <Python.h>
#include <dlfcn.h>

#include <cstring>

#include "base/units.h"
#include "os/proc.h"
#include "os/report_process.h"

namespace hoop::cpython {
namespace {

// The interpreter's own options, read off the command line before the interpreter does. Only `-X
// dev` matters here: it puts the debug allocators on, over whatever was set before.
class OptionScanner {
 public:
  OptionScanner() {
    const std::size_t length = os::read_file("/proc/self/cmdline", text_, sizeof text_ - 1);
    text_[length] = 0;
    end_ = text_ + length;
  }

  bool finds_dev_mode() {
    const char* argument = next_after(text_);
    for (; argument < end_ && argument[0] == '-' && argument[1] != 0;
         argument = next_after(argument)) {
      if (argument[1] == '-') continue;
      if (!scan_cluster(argument)) break;
    }
    return dev_mode_;
  }

 private:
  static const char* next_after(const char* argument) {
    return argument + std::strlen(argument) + 1;
  }

  // "-BXdev", "-X", "dev", "-Wignore" ...; false where the program's own arguments begin.
  bool scan_cluster(const char*& argument) {
    for (const char* option = argument + 1; *option != 0; ++option) {
      if (*option == 'c' || *option == 'm') return false;
      if (*option != 'X' && *option != 'W') continue;
      const bool is_x = *option == 'X';
      const char* value = option + 1;
      if (*value == 0) argument = value = next_after(argument);
      if (is_x && value < end_ && std::strcmp(value, "dev") == 0) dev_mode_ = true;
      return true;
    }
    return true;
  }

  char text_[8 * kKiB];
  const char* end_ = nullptr;
  bool dev_mode_ = false;
};

bool has_symbol(const char* name) { return ::dlsym(RTLD_DEFAULT, name) != nullptr; }

const char* reason_in_build() {
  if (std::strstr(Py_GetVersion(), "free-threading") != nullptr) {
    return "free-threaded builds need their own object allocator";
  }
  // Exported by builds that count all references, which Py_DEBUG implies.
  if (has_symbol("_Py_NegativeRefcount") || has_symbol("_Py_RefTotal")) {
    return "this Python is a debug build (Py_DEBUG), whose debug allocators must stay";
  }
  return nullptr;
}

const char* reason_in_environment() {
  if (os::variable("PYTHONMALLOC") != nullptr)
    return "PYTHONMALLOC is set: that allocator was asked for";
  if (os::variable("PYTHONDEVMODE") != nullptr)
    return "PYTHONDEVMODE is set: it uses the debug allocators";
  return nullptr;
}

// In which loaded file an address lies.
const void* image_of(const void* address) {
  Dl_info info;
  return ::dladdr(address, &info) != 0 ? info.dli_fbase : nullptr;
}

// pymalloc and the raw allocator use no context and live in the interpreter itself; hooks of
// tracers and of the debug allocators have one, or live elsewhere.
bool is_plain(PyMemAllocatorDomain domain) {
  PyMemAllocatorEx table;
  PyMem_GetAllocator(domain, &table);
  const void* const interpreter = image_of(reinterpret_cast<const void*>(&PyObject_Malloc));
  return table.ctx == nullptr &&
         image_of(reinterpret_cast<const void*>(table.malloc)) == interpreter;
}

}  // namespace

const char* reason_against_preloading() noexcept {
  if (const char* const reason = reason_in_build()) return reason;
  if (const char* const reason = reason_in_environment()) return reason;
  static OptionScanner options;
  return options.finds_dev_mode() ? "-X dev is given: it uses the debug allocators" : nullptr;
}

const char* reason_against_late_install() noexcept {
  if (const char* const reason = reason_in_build()) return reason;
  if (const char* const reason = reason_in_environment()) return reason;
  if (is_plain(PYMEM_DOMAIN_OBJ) && is_plain(PYMEM_DOMAIN_MEM)) return nullptr;
  return "another allocator hook was there first (tracemalloc, memray, debug hooks): stop it, or "
         "install before it";
}

}  // namespace hoop::cpython
