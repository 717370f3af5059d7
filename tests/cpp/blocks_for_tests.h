#pragma once

// Blocks of messages as a queue hands them out, for the tests of what reads them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "message_block.h"

namespace honeyframe {

class BlockForTests {
 public:
  explicit BlockForTests(std::shared_ptr<TopicDictionary> topics = std::make_shared<TopicDictionary>())
      : topics_(std::move(topics)), block_(4u << 20, topics_) {}

  struct Flags {
    std::int64_t time_ns = 0;
    std::uint8_t qos = 0;
    bool retain = false;
  };
  BlockForTests& add(std::string_view topic, std::string_view payload) { return add(topic, payload, Flags{}); }
  BlockForTests& add(std::string_view topic, std::string_view payload, Flags flags) {
    MessageView message;
    message.topic = topic;
    message.payload = payload;
    message.receive_time_ns = flags.time_ns;
    message.qos = flags.qos;
    message.retain = flags.retain;
    (void)block_.append(message, topics_->intern(topic), false);
    return *this;
  }
  [[nodiscard]] const MessageBlock& operator*() const noexcept { return block_; }
  [[nodiscard]] std::size_t size() const noexcept { return block_.size(); }

 private:
  std::shared_ptr<TopicDictionary> topics_;
  MessageBlock block_;
};

}  // namespace honeyframe
