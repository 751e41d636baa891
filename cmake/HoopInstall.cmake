# SPDX-License-Identifier: Apache-2.0
# The C++ library for other projects: one archive, libhoop.a, and the headers in include/hoop. To them it is
# hoopsnake::hoopsnake, installed (`find_package(hoopsnake)`) or as a subdirectory. No wheel holds it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(HOOP_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/hoopsnake)

# All layers in one archive. Their own flags and headers stay with them: objects come along, usage does not.
function(hoop_add_library)
  add_library(hoopsnake STATIC)
  foreach(layer IN ITEMS base os heap counted)
    target_sources(hoopsnake PRIVATE $<TARGET_OBJECTS:hoop_${layer}>)
  endforeach()
  add_library(hoopsnake::hoopsnake ALIAS hoopsnake)
  set_target_properties(hoopsnake PROPERTIES OUTPUT_NAME hoop LINKER_LANGUAGE CXX)
  target_compile_features(hoopsnake INTERFACE cxx_std_20)
  # Not in src/: there "heap/heap.h" is another file.
  target_include_directories(hoopsnake INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

function(hoop_install_library)
  install(TARGETS hoopsnake EXPORT hoopsnake ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hoop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h")
  install(EXPORT hoopsnake NAMESPACE hoopsnake:: FILE hoopsnake-targets.cmake DESTINATION ${HOOP_CMAKE_DIR})
  # Before 1.0 a minor version may break what another promised.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/hoopsnake-config-version.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/hoopsnake-config.cmake
                ${PROJECT_BINARY_DIR}/hoopsnake-config-version.cmake
          DESTINATION ${HOOP_CMAKE_DIR})
endfunction()
