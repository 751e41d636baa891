# SPDX-License-Identifier: Apache-2.0
# What holds for every target: language level, warnings, optimisation, sanitizers, ccache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -DNDEBUG -fno-plt -fno-semantic-interposition")

# The shim and the agents are C++ linked as C: CMake would add libstdc++ to them because of their language.
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")

# What ccache keeps is good for every checkout and, with these concessions, for what has a precompiled header.
find_program(HOOP_CCACHE ccache)
if(HOOP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${HOOP_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Warnings and the flags of code that lives in someone else's process: no exceptions, no RTTI, no guard calls.
add_library(hoop_flags INTERFACE)
target_compile_options(hoop_flags INTERFACE
  -Wall -Wextra -Wundef -Wcast-qual -Wnon-virtual-dtor -Wimplicit-fallthrough
  $<IF:$<CXX_COMPILER_ID:GNU>,-Wshadow=local,-Wshadow>  # a parameter may be named like a member function
  $<$<BOOL:${HOOP_WERROR}>:-Werror>)
add_library(hoop_freestanding_flags INTERFACE)
target_compile_options(hoop_freestanding_flags INTERFACE
  -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections -fdata-sections)
target_link_libraries(hoop_freestanding_flags INTERFACE hoop_flags)

if(HOOP_SANITIZE)
  # Enough for their reports, and compiled in three quarters of the time.
  add_compile_options(-g1)
  add_compile_options(-fsanitize=${HOOP_SANITIZE} -fno-omit-frame-pointer)
  if(HOOP_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=undefined)
  endif()
  add_link_options(-fsanitize=${HOOP_SANITIZE})
endif()
if(HOOP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
