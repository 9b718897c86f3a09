# SPDX-License-Identifier: MIT
# Finds the C++ Actor Framework 0.17, which comes without a CMake config of its own.
#   find_package(CAF 0.17 REQUIRED COMPONENTS core [io] [openssl])   ->   CAF::core, CAF::io, CAF::openssl
# Hint: CAF_ROOT. Result variables: CAF_FOUND, CAF_VERSION.

find_path(CAF_INCLUDE_DIR caf/config.hpp)
mark_as_advanced(CAF_INCLUDE_DIR)

if(CAF_INCLUDE_DIR)
  # CAF_VERSION is major * 10,000 + minor * 100 + patch: 1706 is 0.17.6
  file(STRINGS ${CAF_INCLUDE_DIR}/caf/config.hpp _caf_line REGEX "^#define CAF_VERSION [0-9]+")
  if(NOT _caf_line)  # later versions generate it
    file(GLOB _caf_build_config ${CAF_INCLUDE_DIR}/caf/detail/build_config.hpp)
    if(_caf_build_config)
      file(STRINGS ${_caf_build_config} _caf_line REGEX "^#define CAF_VERSION [0-9]+")
    endif()
  endif()
  if(_caf_line MATCHES "CAF_VERSION ([0-9]+)")
    math(EXPR _caf_major "${CMAKE_MATCH_1} / 10000")
    math(EXPR _caf_minor "${CMAKE_MATCH_1} / 100 % 100")
    math(EXPR _caf_patch "${CMAKE_MATCH_1} % 100")
    set(CAF_VERSION ${_caf_major}.${_caf_minor}.${_caf_patch})
  endif()
endif()

if(NOT CAF_FIND_COMPONENTS)
  set(CAF_FIND_COMPONENTS core)
endif()
foreach(_caf_part ${CAF_FIND_COMPONENTS})
  find_library(CAF_${_caf_part}_LIBRARY caf_${_caf_part})
  mark_as_advanced(CAF_${_caf_part}_LIBRARY)
  if(CAF_${_caf_part}_LIBRARY)
    set(CAF_${_caf_part}_FOUND TRUE)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_INCLUDE_DIR VERSION_VAR CAF_VERSION HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE "on Debian and Ubuntu: apt-get install libcaf-dev")

if(CAF_FOUND)
  find_package(Threads REQUIRED)
  foreach(_caf_part ${CAF_FIND_COMPONENTS})
    if(CAF_${_caf_part}_FOUND AND NOT TARGET CAF::${_caf_part})
      add_library(CAF::${_caf_part} UNKNOWN IMPORTED)
      set_target_properties(CAF::${_caf_part} PROPERTIES
        IMPORTED_LOCATION ${CAF_${_caf_part}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR}
        INTERFACE_LINK_LIBRARIES Threads::Threads)
    endif()
  endforeach()
  if(TARGET CAF::io)
    set_property(TARGET CAF::io APPEND PROPERTY INTERFACE_LINK_LIBRARIES CAF::core)
  endif()
  if(TARGET CAF::openssl)
    set_property(TARGET CAF::openssl APPEND PROPERTY INTERFACE_LINK_LIBRARIES CAF::io)
  endif()
endif()
