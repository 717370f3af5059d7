#include "build_info.h"

#include <MQTTAsync.h>
#include <openssl/crypto.h>
#include <simdjson.h>

#include <string_view>

namespace honeyframe {
namespace {

// Debian's 1.3.12 calls itself 1.3.11: good for a bug report, not for a decision.
std::string paho_version() {
  for (const MQTTAsync_nameValue* entry = MQTTAsync_getVersionInfo(); entry->name != nullptr; ++entry) {
    if (std::string_view(entry->name) == "Version") return entry->value;
  }
  return "unknown";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> build_info() {
#ifdef NDEBUG
  constexpr const char* kBuildType = "release";
#else
  constexpr const char* kBuildType = "debug";
#endif
#if defined(__clang__)
  constexpr const char* kCompiler = "clang " __clang_version__;
#else
  constexpr const char* kCompiler = "gcc " __VERSION__;
#endif
  return {
      {"paho", paho_version() + (HONEYFRAME_PAHO_LEAN != 0 ? ", lean" : ", system")},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"simdjson", std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
                       std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
                       std::to_string(simdjson::SIMDJSON_VERSION_REVISION)},
      {"compiler", kCompiler},
      {"build_type", kBuildType},
  };
}

}  // namespace honeyframe
