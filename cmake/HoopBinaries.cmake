# SPDX-License-Identifier: Apache-2.0
# The shared objects that enter a user's process: the shim and the agents, all in <build>/hoopsnake/.
# Both are C++ but linked as C: nothing of libstdc++ may come along.

set(HOOP_PACKAGE_DIR ${PROJECT_BINARY_DIR}/hoopsnake)

function(hoop_freestanding_binary target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(${target} PRIVATE HOOP_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${target} PRIVATE hoop_freestanding_flags)
  target_link_options(${target} PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,--as-needed -Wl,--gc-sections)
  set_target_properties(${target} PROPERTIES
    LINKER_LANGUAGE C
    PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY ${HOOP_PACKAGE_DIR})
  if(SKBUILD)
    install(TARGETS ${target} LIBRARY DESTINATION hoopsnake)
  endif()
endfunction()

function(hoop_add_preload)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/preload/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(hoop_preload MODULE ${sources})
  hoop_freestanding_binary(hoop_preload)
  target_link_libraries(hoop_preload PRIVATE hoop_os ${CMAKE_DL_LIBS})
  # Everything but what the program itself provides must be found at link time.
  target_link_options(hoop_preload PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL)
  set_target_properties(hoop_preload PROPERTIES OUTPUT_NAME libhoop_preload)
endfunction()

# The writer of snapshots as code that needs nothing, for copies of processes in which nothing of ours is.
function(hoop_add_blob)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/snapshot/*.cpp ${PROJECT_SOURCE_DIR}/src/snapshot/blob/*.cpp)
  add_library(hoop_blob MODULE ${sources} ${PROJECT_SOURCE_DIR}/src/base/text.cpp)
  hoop_freestanding_binary(hoop_blob)
  # There are no constructors, no unwinder, no thread storage.
  target_compile_options(hoop_blob PRIVATE -ffreestanding -fno-builtin -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-threadsafe-statics $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection=none>)
  target_link_options(hoop_blob PRIVATE -nostdlib -Wl,-e,hoop_blob_entry -Wl,-z,defs -Wl,-Bsymbolic -Wl,--build-id=none)
  set_target_properties(hoop_blob PROPERTIES OUTPUT_NAME libhoop_blob INTERPROCEDURAL_OPTIMIZATION OFF)
endfunction()

# The interpreters to build for, in `out`.
function(hoop_interpreters out)
  if(NOT HOOP_PYTHONS STREQUAL "auto")
    set(found ${HOOP_PYTHONS})
  elseif(SKBUILD OR NOT HOOP_DEVELOPER_MODE)
    find_package(Python REQUIRED COMPONENTS Interpreter)
    set(found ${Python_EXECUTABLE})
  else()
    execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/find_pythons --paths
                    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "\n" ";" found "${found}")
  endif()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# One translation unit, so that the heap's fast path inlines into the allocator functions.
function(hoop_add_agent version suffix)
  string(REPLACE "." "" digits ${version})
  set(target hoop_agent_${digits})
  if(TARGET ${target})
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/src/base/*.cpp ${PROJECT_SOURCE_DIR}/src/os/*.cpp
    ${PROJECT_SOURCE_DIR}/src/heap/*.cpp ${PROJECT_SOURCE_DIR}/src/snapshot/*.cpp
    ${PROJECT_SOURCE_DIR}/src/cpython/*.cpp)
  add_library(${target} MODULE ${sources})
  hoop_freestanding_binary(${target})
  target_include_directories(${target} SYSTEM PRIVATE ${ARGN})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME _agent SUFFIX ${suffix} UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  set_property(GLOBAL APPEND PROPERTY HOOP_AGENT_VERSIONS ${version})
endfunction()

# The agent's own sources one by one, for one Python: what linters and editors see. Linters also find what leans on
# another's includes; nothing is built.
function(hoop_add_agent_check)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cpython/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(hoop_cpython_check OBJECT EXCLUDE_FROM_ALL ${sources})
  target_include_directories(hoop_cpython_check PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_include_directories(hoop_cpython_check SYSTEM PRIVATE ${ARGN})
  target_compile_definitions(hoop_cpython_check PRIVATE HOOP_VERSION="${PROJECT_VERSION}")
  target_link_libraries(hoop_cpython_check PRIVATE hoop_freestanding_flags)
endfunction()

function(hoop_add_agents)
  if(NOT IS_DIRECTORY ${PROJECT_SOURCE_DIR}/src/cpython)
    return()
  endif()
  hoop_interpreters(interpreters)
  foreach(python IN LISTS interpreters)
    execute_process(COMMAND ${python} -I ${PROJECT_SOURCE_DIR}/cmake/python_facts.py
                    OUTPUT_VARIABLE facts OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    list(POP_FRONT facts verdict version suffix)
    if(verdict STREQUAL "agent")
      message(STATUS "Agent for Python ${version}: ${python}")
      hoop_add_agent(${version} ${suffix} ${facts})
      if(HOOP_DEVELOPER_MODE AND CMAKE_BUILD_TYPE STREQUAL Debug AND NOT TARGET hoop_cpython_check)
        hoop_add_agent_check(${facts})
      endif()
    else()
      message(STATUS "No agent for Python ${version}: ${suffix}: ${python}")
    endif()
  endforeach()
  get_property(versions GLOBAL PROPERTY HOOP_AGENT_VERSIONS)
  if(SKBUILD AND NOT versions)
    message(FATAL_ERROR "No agent can be built for this Python: see the line above.")
  endif()
endfunction()
