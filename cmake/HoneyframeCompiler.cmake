# Warnings and sanitizers, for our own targets only.

add_library(honeyframe_compiler_options INTERFACE)
target_compile_options(honeyframe_compiler_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Wsign-conversion -Wcast-qual -Wold-style-cast
  -Wunused -Woverloaded-virtual -Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum
  # gcc 12 sees overlapping copies in `"text" + std::string` (its bug 105651, gone in 13).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${HONEYFRAME_WERROR}>:-Werror>)
if(HONEYFRAME_SANITIZE)
  target_compile_options(honeyframe_compiler_options INTERFACE -fsanitize=${HONEYFRAME_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_compile_definitions(honeyframe_compiler_options INTERFACE HONEYFRAME_SANITIZED _GLIBCXX_ASSERTIONS)
  target_link_options(honeyframe_compiler_options INTERFACE -fsanitize=${HONEYFRAME_SANITIZE})
endif()
if(HONEYFRAME_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HONEYFRAME_FUZZ needs clang, with libFuzzer: -DCMAKE_CXX_COMPILER=clang++")
  endif()
  target_compile_options(honeyframe_compiler_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
