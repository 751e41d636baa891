# SPDX-License-Identifier: Apache-2.0
# Targets that only developers build.

# A source in <build>/<folder>/ that includes nothing else, for each header in `root` that no source of its name begins
# with; their names in `out`.
function(hoop_add_header_units out folder root)
  set(units)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${root} ${root}/*.h)
  foreach(header IN LISTS headers)
    if(header MATCHES "^bindings/" OR (header MATCHES "^cpython/" AND NOT TARGET hoop_cpython_check))
      continue()
    endif()
    cmake_path(REPLACE_EXTENSION header cpp OUTPUT_VARIABLE source)
    if(EXISTS ${root}/${source})
      continue()
    endif()
    string(MAKE_C_IDENTIFIER ${header} name)
    set(unit ${PROJECT_BINARY_DIR}/${folder}/${name}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"  // IWYU pragma: keep\n")
    list(APPEND units ${unit})
  endforeach()
  set(${out} ${units} PARENT_SCOPE)
endfunction()

# Every header compiles alone.
function(hoop_add_header_checks)
  hoop_add_header_units(units header_checks ${PROJECT_SOURCE_DIR}/src)
  set(counted_units ${units})
  list(FILTER counted_units INCLUDE REGEX "/(counted|analysis)_")
  list(FILTER units EXCLUDE REGEX "/(counted|analysis)_")
  add_library(hoop_counted_header_checks OBJECT ${counted_units})
  target_include_directories(hoop_counted_header_checks PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(hoop_counted_header_checks PRIVATE hoop_flags)
  add_library(hoop_header_checks OBJECT ${units})
  target_include_directories(hoop_header_checks PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(hoop_header_checks PRIVATE hoop_freestanding_flags)
  if(TARGET hoop_cpython_check)
    target_include_directories(hoop_header_checks SYSTEM PRIVATE
      $<TARGET_PROPERTY:hoop_cpython_check,INCLUDE_DIRECTORIES>)
  endif()
endfunction()

# The compilers that users have, as far as this machine has them.
find_program(HOOP_GXX g++)
find_program(HOOP_CLANGXX clang++)

function(hoop_each_compiler out)
  set(found)
  foreach(compiler IN ITEMS ${HOOP_GXX} ${HOOP_CLANGXX})
    if(compiler)
      list(APPEND found ${compiler})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# Every public header compiles alone, with no warning of any compiler and with warnings that are not ours.
function(hoop_add_public_header_tests)
  hoop_add_header_units(units public_header_checks ${PROJECT_SOURCE_DIR}/include)
  hoop_each_compiler(compilers)
  foreach(compiler IN LISTS compilers)
    cmake_path(GET compiler FILENAME name)
    add_test(NAME PublicHeaders.${name}
             COMMAND ${compiler} -std=c++20 -fsyntax-only -Wall -Wextra -Wshadow -Wpedantic -Werror
                     -I${PROJECT_SOURCE_DIR}/include ${units})
    set_tests_properties(PublicHeaders.${name} PROPERTIES TIMEOUT 300)
  endforeach()
endfunction()

# A project that builds and runs `consumer`, in <build>/install_test/<name>/.
function(hoop_add_consumer_test name source)
  add_test(NAME Install.${name}
           COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${source} ${PROJECT_BINARY_DIR}/install_test/${name}
                   --build-generator ${CMAKE_GENERATOR} --build-options ${ARGN} -DCMAKE_BUILD_TYPE=Release
                   --test-command consumer)
  set_tests_properties(Install.${name} PROPERTIES TIMEOUT 600)
endfunction()

# The library as others get it.
function(hoop_add_install_tests)
  set(prefix ${PROJECT_BINARY_DIR}/install_test/prefix)
  set(consumer ${PROJECT_SOURCE_DIR}/examples/install)
  add_test(NAME Install.Library COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${prefix})
  set_tests_properties(Install.Library PROPERTIES FIXTURES_SETUP installed_library)
  hoop_each_compiler(compilers)
  foreach(compiler IN LISTS compilers)
    cmake_path(GET compiler FILENAME name)
    hoop_add_consumer_test(${name} ${consumer} -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_PREFIX_PATH=${prefix})
    set_tests_properties(Install.${name} PROPERTIES FIXTURES_REQUIRED installed_library)
  endforeach()
  hoop_add_consumer_test(FromSource ${consumer} -DHOOP_SOURCE_DIR=${PROJECT_SOURCE_DIR}
    -DCMAKE_PROJECT_TOP_LEVEL_INCLUDES=${PROJECT_SOURCE_DIR}/tests/install/from_source.cmake)
endfunction()

# What the shim and the agents may depend on.
function(hoop_add_binary_tests)
  get_property(versions GLOBAL PROPERTY HOOP_AGENT_VERSIONS)
  foreach(version IN LISTS versions)
    string(REPLACE "." "" digits ${version})
    add_test(NAME Binary.Agent.${version}
             COMMAND ${PROJECT_SOURCE_DIR}/tools/check_binary agent $<TARGET_FILE:hoop_agent_${digits}>)
  endforeach()
  if(TARGET hoop_preload)
    add_test(NAME Binary.Shim COMMAND ${PROJECT_SOURCE_DIR}/tools/check_binary shim $<TARGET_FILE:hoop_preload>)
  endif()
endfunction()
