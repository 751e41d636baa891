# SPDX-License-Identifier: Apache-2.0
# Given as CMAKE_PROJECT_TOP_LEVEL_INCLUDES: find_package(hoopsnake) takes the sources in HOOP_SOURCE_DIR, as projects
# do that fetch what they depend on.
include(FetchContent)
FetchContent_Declare(hoopsnake SOURCE_DIR ${HOOP_SOURCE_DIR} OVERRIDE_FIND_PACKAGE)
