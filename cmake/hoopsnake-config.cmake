# SPDX-License-Identifier: Apache-2.0
# What find_package(hoopsnake) reads, as it is installed.
include(${CMAKE_CURRENT_LIST_DIR}/hoopsnake-targets.cmake)
