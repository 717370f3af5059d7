// The floor under extraction: StrictLoop over the payloads of a load file, each in padded memory, into plain arrays.
//
//   extract_floor --load FILE [--core N]
//
// One pass to warm up, one that is measured. Prints what it cost, as JSON.

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "core_pin.h"
#include "cpu_meter.h"
#include "load.h"
#include "options.h"
#include "strict_loop.h"

using namespace benchmark;

namespace {

PlainColumns read_all(const std::vector<LoadedMessage>& messages, StrictLoop& loop) {
  PlainColumns columns;
  for (const LoadedMessage& message : messages) {
    if (!loop.read(message.payload, columns)) {
      std::cerr << "refused: " << message.payload.substr(0, 300) << "\n";
      std::exit(1);
    }
  }
  return columns;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"load", "core"});
  pin_to_core(options.number("core", -1));
  auto messages = read_load(options.text("load"));
  std::size_t largest = 0, bytes = 0;
  for (LoadedMessage& message : messages) {
    message.payload.reserve(message.payload.size() + simdjson::SIMDJSON_PADDING);
    largest = std::max(largest, message.payload.size());
    bytes += message.payload.size();
  }
  StrictLoop loop(largest);
  const std::uint64_t expected = read_all(messages, loop).digest();
  const CpuMeter meter;
  const PlainColumns columns = read_all(messages, loop);
  const std::string version = "simdjson " + std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
                              std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
                              std::to_string(simdjson::SIMDJSON_VERSION_REVISION);
  meter.report(columns.rows(), bytes, version);
  return columns.digest() == expected ? 0 : 1;
}
