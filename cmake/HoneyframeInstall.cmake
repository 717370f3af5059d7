# `cmake --install`: headers, the static core, and the package that find_package(honeyframe) reads.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/honeyframe)
install(TARGETS honeyframe_core EXPORT honeyframeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT core)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cpp/core/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/honeyframe COMPONENT core FILES_MATCHING PATTERN "*.h")
install(EXPORT honeyframeTargets NAMESPACE honeyframe:: DESTINATION ${package_dir} COMPONENT core)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/honeyframeConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/honeyframeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/honeyframeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/honeyframeConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/honeyframeConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT core)
