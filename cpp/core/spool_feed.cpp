#include "spool_feed.h"

#include <new>
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
  if (from != 0 && reader_->next_sequence() != from) {
    reader_->seek(from);
    refused_ = 0;
  }
  Fed fed;
  try {
    Status status = fill(fed, until);
    if (!status.ok() && !fed.block) return status;  // else told by the next call
  } catch (const std::bad_alloc&) {
    // Nothing was consumed that is not in the block, or in refused_: what is there goes on its way.
    if (!fed.block || fed.block->size() == 0) throw;
  }
  if (!fed.block) fed.missing = std::exchange(refused_, 0);
  return fed;
}

Status SpoolFeed::fill(Fed& fed, std::uint64_t until) {
  std::size_t kept = 0;  // of properties, in the block
  for (;;) {
    auto next = reader_->peek();
    if (!next.ok()) return next.status();
    if (!next.value() || next.value()->record.sequence >= until) return {};
    const auto& [record, missing] = *next.value();
    if (fed.block && !is_next(*fed.block, record)) return {};  // none needs to be missing: numbers jump at a boot
    const std::size_t properties = decode(record);
    if (fed.block && (!fed.block->fits(record.payload.size()) || kept + properties > limits_.arena_bytes)) return {};
    const bool new_topic = !topics_->find(record.topic);
    if (new_topic && !is_valid_topic_name(record.topic)) {  // nothing of ours wrote that
      if (fed.block) return {};
      refused_ += missing + 1;
      reader_->consume();
      continue;
    }
    if (new_topic && (topics_->size() >= limits_.max_topics || topics_->bytes() > kMaxTopicBytes)) {
      if (fed.block) return {};
      topics_ = std::make_shared<TopicDictionary>();
    }
    if (!fed.block) {
      fed.block = open_block(record.payload.size());
      fed.block->set_first_sequence(record.sequence);
    }
    append(*fed.block, record, properties > 0);
    if (fed.block->size() == 1) fed.missing = missing + std::exchange(refused_, 0);
    kept += properties;
    reader_->consume();
  }
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
