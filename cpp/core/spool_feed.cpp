#include "spool_feed.h"

#include <utility>

#include "topic_filter.h"

namespace honeyframe {
namespace {

constexpr std::size_t kMaxSpares = 2;
constexpr std::size_t kMaxTopicBytes = 8u << 20;

bool is_next(const MessageBlock& block, const SpoolRecord& record) noexcept {
  return record.sequence == block.first_sequence() + block.size();
}

}  // namespace

SpoolFeed::SpoolFeed(std::unique_ptr<SpoolReader> reader, Limits limits)
    : reader_(std::move(reader)), limits_(limits), topics_(std::make_shared<TopicDictionary>()) {}

Result<SpoolFeed::Fed> SpoolFeed::read(std::uint64_t from, std::uint64_t until) {
  if (from != 0 && reader_->next_sequence() != from) reader_->seek(from);
  Fed fed;
  std::uint64_t refused = 0;
  std::size_t kept = 0;  // of properties, in the block
  for (;;) {
    auto next = reader_->peek();
    if (!next.ok()) {
      if (fed.block) break;  // told by the next call
      return next.status();
    }
    if (!next.value() || next.value()->record.sequence >= until) break;
    const auto& [record, missing] = *next.value();
    const bool new_topic = !topics_->find(record.topic);
    if (fed.block && !is_next(*fed.block, record)) break;  // none needs to be missing: numbers jump at a boot
    const std::size_t properties = decode(record);
    if (fed.block && (!fed.block->fits(record.payload.size()) || kept + properties > limits_.arena_bytes)) break;
    if (new_topic && !is_valid_topic_name(record.topic)) {  // nothing of ours wrote that
      if (fed.block) break;
      refused += missing + 1;
      reader_->consume();
      continue;
    }
    if (new_topic && (topics_->size() >= limits_.max_topics || topics_->bytes() > kMaxTopicBytes)) {
      if (fed.block) break;
      topics_ = std::make_shared<TopicDictionary>();
    }
    if (!fed.block) {
      fed.block = open_block(record.payload.size());
      fed.block->set_first_sequence(record.sequence);
      fed.missing = missing + std::exchange(refused, 0);
    }
    append(*fed.block, record, properties > 0);
    kept += properties;
    reader_->consume();
  }
  if (!fed.block) fed.missing = refused;
  return fed;
}

// What its properties, now in properties_, will occupy; 0 where it has none.
std::size_t SpoolFeed::decode(const SpoolRecord& record) {
  if (record.properties.empty() || !decode_properties(record.properties, properties_)) return 0;
  return MessageBlock::properties_bytes(properties_);
}

void SpoolFeed::append(MessageBlock& block, const SpoolRecord& record, bool with_properties) {
  MessageView view;
  view.topic = record.topic;
  view.payload = record.payload;
  view.receive_time_ns = record.receive_time_ns;
  view.qos = record.qos;
  view.retain = record.retain;
  view.dup = record.dup;
  if (with_properties) view.properties = &properties_;
  (void)block.append(view, topics_->intern(record.topic), true);  // read() has seen to it that it fits
}

std::unique_ptr<MessageBlock> SpoolFeed::open_block(std::size_t payload_size) {
  if (payload_size + kPayloadPadding > limits_.arena_bytes) {
    return std::make_unique<MessageBlock>(payload_size + kPayloadPadding, topics_, 1);
  }
  if (spares_.empty()) return std::make_unique<MessageBlock>(limits_.arena_bytes, topics_, limits_.max_messages);
  std::unique_ptr<MessageBlock> block = std::move(spares_.back());
  spares_.pop_back();
  block->reset(topics_);
  return block;
}

void SpoolFeed::recycle(std::unique_ptr<MessageBlock> block) {
  if (!block || block->arena_bytes() != limits_.arena_bytes || spares_.size() >= kMaxSpares) return;
  block->reset(nullptr);
  spares_.push_back(std::move(block));
}

}  // namespace honeyframe
