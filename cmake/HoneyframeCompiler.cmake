# Warnings and sanitizers, for our own targets only.

add_library(honeyframe_compiler_options INTERFACE)
target_compile_options(honeyframe_compiler_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Wsign-conversion -Wcast-qual -Wold-style-cast
  -Wunused -Woverloaded-virtual -Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum
  $<$<BOOL:${HONEYFRAME_WERROR}>:-Werror>)
if(HONEYFRAME_SANITIZE)
  target_compile_options(honeyframe_compiler_options INTERFACE -fsanitize=${HONEYFRAME_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(honeyframe_compiler_options INTERFACE -fsanitize=${HONEYFRAME_SANITIZE})
endif()
