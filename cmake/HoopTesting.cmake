# SPDX-License-Identifier: Apache-2.0
# Targets that only developers build.

# Every header compiles alone.
function(hoop_add_header_checks)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/*.h)
  set(units)
  foreach(header IN LISTS headers)
    if(header MATCHES "^cpython/" AND NOT TARGET hoop_cpython_check)
      continue()
    endif()
    string(MAKE_C_IDENTIFIER ${header} name)
    set(unit ${PROJECT_BINARY_DIR}/header_checks/${name}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"  // IWYU pragma: keep\n")
    list(APPEND units ${unit})
  endforeach()
  if(NOT units)
    return()
  endif()
  add_library(hoop_header_checks OBJECT ${units})
  target_include_directories(hoop_header_checks PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(hoop_header_checks PRIVATE hoop_freestanding_flags)
  if(TARGET hoop_cpython_check)
    target_include_directories(hoop_header_checks SYSTEM PRIVATE
      $<TARGET_PROPERTY:hoop_cpython_check,INCLUDE_DIRECTORIES>)
  endif()
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
