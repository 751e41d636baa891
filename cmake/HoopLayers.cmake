# SPDX-License-Identifier: Apache-2.0
# A layer is src/<name>/*.cpp in a static library hoop_<name>; its headers are included as "<name>/unit.h".

# hoop_add_layer(<name> [<layer below>...])
function(hoop_add_layer name)
  if(NOT IS_DIRECTORY ${PROJECT_SOURCE_DIR}/src/${name})
    add_library(hoop_${name} INTERFACE)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.h)
  add_library(hoop_${name} STATIC ${sources} ${headers})
  # A wheel needs little of it: what links a layer builds it.
  set_target_properties(hoop_${name} PROPERTIES LINKER_LANGUAGE CXX EXCLUDE_FROM_ALL ON)
  target_include_directories(hoop_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(hoop_${name} PUBLIC cxx_std_20)
  target_link_libraries(hoop_${name} PRIVATE hoop_freestanding_flags)
  list(TRANSFORM ARGN PREPEND hoop_)
  target_link_libraries(hoop_${name} PUBLIC ${ARGN})
endfunction()
