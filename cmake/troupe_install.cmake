# SPDX-License-Identifier: MIT
# The package: headers, libraries, the program, and what find_package(troupe) needs.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)

install(TARGETS troupe troupe_core EXPORT troupeTargets)
install(EXPORT troupeTargets NAMESPACE troupe:: DESTINATION ${package_dir})
if(TARGET troupe_net)
  install(TARGETS troupe_net EXPORT troupeNetTargets)
  install(EXPORT troupeNetTargets NAMESPACE troupe:: DESTINATION ${package_dir})
endif()
if(TARGET troupe_app)
  install(TARGETS troupe_app EXPORT troupeAppTargets)
  install(EXPORT troupeAppTargets NAMESPACE troupe:: DESTINATION ${package_dir})
endif()
if(TARGET troupe_cli)
  install(TARGETS troupe_cli)
endif()

install(DIRECTORY include/troupe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_package_config_file(cmake/troupeConfig.cmake.in ${PROJECT_BINARY_DIR}/troupeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/troupeConfig.cmake ${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake cmake/FindCAF.cmake
  DESTINATION ${package_dir})
