# What the core stands on, from the system, each with a sentence for the person who lacks it.

function(honeyframe_require name debian brew)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "honeyframe needs ${name}, which was not found.\n"
      "  Debian, Ubuntu:  apt-get install ${debian}\n"
      "  macOS:           brew install ${brew}\n"
      "If it is installed elsewhere, pass -DCMAKE_PREFIX_PATH=/where/it/is.")
  endif()
endfunction()

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 QUIET)
honeyframe_require(OpenSSL libssl-dev openssl@3)
find_package(eclipse-paho-mqtt-c QUIET)
honeyframe_require(eclipse-paho-mqtt-c libpaho-mqtt-dev libpaho-mqtt)
# No version in the call: simdjson's package file calls each minor version incompatible with every other.
find_package(simdjson QUIET)
honeyframe_require(simdjson libsimdjson-dev simdjson)
if(simdjson_VERSION VERSION_LESS 3.0.1)
  message(FATAL_ERROR "honeyframe needs simdjson 3.0.1 or newer; ${simdjson_DIR} is ${simdjson_VERSION}.")
endif()
