# What the Debian package holds besides what CMakeLists.txt installs anyway (program, manual, completion). The package also brings a
# service and its configuration; an installation under any prefix does not touch /etc.
include(GNUInstallDirs)
install(FILES config/wsidecar.yaml config/wsidecar.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/wsidecar COMPONENT program)
install(FILES README.md CHANGELOG.md config/migrating.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES scripts/package.d/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES scripts/package.d/wsidecar.service DESTINATION /lib/systemd/system COMPONENT service EXCLUDE_FROM_ALL)
install(FILES config/wsidecar.yaml DESTINATION /etc/wsidecar COMPONENT service EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME wsidecar)
set(CPACK_PACKAGE_VENDOR wsidecar)
set(CPACK_PACKAGE_CONTACT "The wsidecar authors <wsidecar@invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "WebSockets for app servers that run in more than one replica")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Runs beside an app server, holds the WebSocket connections of its clients,
turns their messages into HTTP requests to the app, and delivers what any
replica of the app writes to Redis.")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/scripts/package.d/conffiles;${CMAKE_SOURCE_DIR}/scripts/package.d/postinst;${CMAKE_SOURCE_DIR}/scripts/package.d/prerm;${CMAKE_SOURCE_DIR}/scripts/package.d/postrm")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program service)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
if(CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
include(CPack)
