// Paths of keys: a separator up to the first line feed, a path up to the next, then a payload. What is taken as a path
// names the same keys again, and a schema, explode=, event_time= and columns= with it can be read with.

#include <memory>
#include <string>
#include <vector>

#include "extraction_plan.h"
#include "extractor.h"
#include "fuzz_check.h"
#include "message_block.h"

namespace honeyframe {
namespace {

std::string joined(const std::vector<std::string>& keys, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) text.append(i == 0 ? "" : separator).append(keys[i]);
  return text;
}

std::string as_pointer(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    text += '/';
    for (const char c : key) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return text;
}

void check_plan(std::string_view path, const std::string& separator) {
  const auto keys = ExtractionPlan::split_path(path, separator);
  ExtractionPlan plan(separator, {}, true, 1024);
  const auto nodes = plan.require(path);
  FUZZ_CHECK(nodes.ok() == keys.ok());
  if (!keys.ok()) return;
  FUZZ_CHECK(path.starts_with('/') ? as_pointer(keys.value()) == path : joined(keys.value(), separator) == path);
  NodeId node = kRootNode;
  for (const std::string& key : keys.value()) {
    node = plan.find(node, key);
    FUZZ_CHECK(node != kNoNode);
  }
  FUZZ_CHECK(node == nodes.value().front());
  FUZZ_CHECK(path.find('\0') != std::string_view::npos || plan.pointer(node) == as_pointer(keys.value()));
}

void read(const ExtractOptions& options, std::string_view payload) {
  auto extractor = Extractor::create(options);
  FUZZ_CHECK(extractor.ok() == options.validate().ok());
  if (!extractor.ok()) return;
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(2 * (payload.size() + kPayloadPadding), topics, 2);
  MessageView message;
  message.topic = "t";
  message.payload = payload;
  for (int i = 0; i < 2; ++i) FUZZ_CHECK(block.append(message, topics->intern(message.topic), true));
  FUZZ_CHECK(extractor.value()->extract(block, 0, 2, 1'000).ok());
  const auto quarantined = extractor.value()->counters().quarantined;
  FUZZ_CHECK(quarantined % 2 == 0);
  FUZZ_CHECK(extractor.value()->finish()->messages() == 2 - quarantined);
}

}  // namespace
}  // namespace honeyframe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace honeyframe;
  std::string_view rest = fuzz::text_of(data, size);
  ExtractOptions options;
  options.separator = fuzz::take_until(rest, '\n');
  const std::string path(fuzz::take_until(rest, '\n'));
  if (options.separator.empty() || path.empty()) return 0;
  check_plan(path, options.separator);
  ExtractOptions schema = options;
  schema.schema = std::vector<ColumnSpec>{{"c", path, {TypeId::string, TypeId::null}}};
  read(schema, rest);
  options.columns = {path};
  options.explode = path;
  options.event_time = EventTimeOptions{path, TimeUnit::automatic};
  read(options, rest);
  return 0;
}
