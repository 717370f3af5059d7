#pragma once

// What was compiled and linked in: for bug reports and `honeyframe doctor`. Pure function.

#include <string>
#include <utility>
#include <vector>

namespace honeyframe {

// paho (its version, and how it is linked: "1.3.11, lean" or "1.3.11, system"), openssl (as loaded now), simdjson,
// compiler, build_type ("release" or "debug").
[[nodiscard]] std::vector<std::pair<std::string, std::string>> build_info();

}  // namespace honeyframe
