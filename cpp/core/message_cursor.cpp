#include "message_cursor.h"

#include <utility>

namespace honeyframe {

MessageCursor::Found MessageCursor::next(OwnedMessage& message, std::chrono::nanoseconds wait) {
  const std::lock_guard lock(mutex_);
  if (!block_) {
    block_ = queue_->take(wait);
    at_ = 0;
  }
  if (!block_) return queue_->drained() ? Found::ended : Found::nothing;
  const StoredMessage& stored = (*block_)[at_++];
  message = {std::string(block_->topic(stored)),
             std::string(block_->payload(stored)),
             stored.receive_time_ns,
             stored.qos,
             stored.retain,
             stored.dup,
             {}};
  if (const MessageProperties* properties = block_->properties(stored)) message.properties = *properties;
  (void)queue_->settle_delivered(1, 1);
  if (at_ == block_->size()) queue_->recycle(std::move(block_));
  return Found::message;
}

}  // namespace honeyframe
