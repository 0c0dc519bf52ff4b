# Compiles for arm64 on another machine, with Debian's cross compiler and the libraries of that architecture (dpkg --add-architecture).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
# Programs that the build runs (CMake, generators of test lists) go through qemu-user when they are arm64's.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
