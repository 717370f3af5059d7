#pragma once

// What the fuzz targets share: libFuzzer's entry point, and a check that ends the process as a sanitizer would.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

// One input. Defined by each target, called by libFuzzer, or by corpus_driver.cpp for each file of a corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#define FUZZ_CHECK(condition)                                                                               \
  do {                                                                                                      \
    if (!(condition)) {                                                                                     \
      static_cast<void>(std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition)); \
      std::abort();                                                                                         \
    }                                                                                                       \
  } while (false)

namespace honeyframe::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The first byte, taken off; 0 where there is none.
inline unsigned take_byte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  return byte;
}

// What stands before the first `separator`, and `rest` behind it.
inline std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

}  // namespace honeyframe::fuzz
