// honeyframe's extraction by itself: the payloads of a load file, in the blocks that a queue would hold, into Arrow
// columns.
//
//   extract_honeyframe --load FILE [--core N]
//
// One pass to warm up, one that is measured, as extract_floor has it: a new ExtractionRun each time, so that types are
// inferred anew.

#include <honeyframe/extraction.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include "core_pin.h"
#include "cpu_meter.h"
#include "load.h"
#include "options.h"

using namespace benchmark;
using namespace honeyframe;

namespace {

constexpr std::size_t kBlockBytes = 1u << 20;
constexpr std::int64_t kBatchRows = 250'000;

std::vector<MessageBlock> fill_blocks(const std::vector<LoadedMessage>& messages) {
  const auto topics = std::make_shared<TopicDictionary>();
  std::vector<MessageBlock> blocks;
  for (const auto& [topic, payload] : messages) {
    const MessageView message{.topic = topic, .payload = payload};
    const std::uint32_t id = topics->intern(topic);
    if (!blocks.empty() && blocks.back().append(message, id, false)) continue;
    blocks.emplace_back(std::max(kBlockBytes, payload.size() + kPayloadPadding), topics);
    if (!blocks.back().append(message, id, false)) std::abort();
  }
  return blocks;
}

std::int64_t read_all(const std::vector<MessageBlock>& blocks) {
  ExtractOptions options;
  options.columns = {"seq", "device_id", "ts", "temperature", "pressure", "running", "location.hall", "location.bay"};
  options.metadata = {.topic = false, .receive_time = false, .retain = false};
  auto run = ExtractionRun::open(options, kBatchRows);
  if (!run.ok()) std::abort();
  for (const MessageBlock& block : blocks) {
    if (!run->read(block).ok()) std::abort();
  }
  const Extraction extraction = std::move(run.value()).finish();
  std::int64_t rows = 0;
  for (const auto& batch : extraction.batches) rows += batch->rows();
  if (!extraction.quarantine.empty() || extraction.schema->fields.size() != options.columns.size()) {
    std::cerr << "not the eight columns\n";
    std::exit(1);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"load", "core"});
  pin_to_core(options.number("core", -1));
  const auto messages = read_load(options.text("load"));
  const std::vector<MessageBlock> blocks = fill_blocks(messages);
  std::uint64_t bytes = 0;
  for (const LoadedMessage& message : messages) bytes += message.payload.size();
  read_all(blocks);
  const CpuMeter meter;
  const std::int64_t rows = read_all(blocks);
  meter.report(static_cast<std::uint64_t>(rows), bytes, "");
}
