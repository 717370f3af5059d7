#pragma once

// SpoolFeed: a spool's records in blocks, as the extractor takes them. A block's messages have consecutive numbers: it
// ends where one is missing, and where numbers jump. Used by the consumer of one queue, one thread at a time.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "message_block.h"
#include "spool_reader.h"
#include "status.h"

namespace honeyframe {

class SpoolFeed {
 public:
  struct Limits {
    std::size_t arena_bytes;   // of one block's payloads, and again of its properties
    std::size_t max_messages;  // of one block
    std::size_t max_topics;
  };
  struct Fed {
    std::unique_ptr<MessageBlock> block;  // null: there is nothing to read
    std::uint64_t missing = 0;            // records lost right before its first message
  };

  SpoolFeed(std::unique_ptr<SpoolReader> reader, Limits limits);

  // The messages from `from` (0: from where it stands) up to below `until`, as many as a block takes.
  // Errors: spool_failed. Throws std::bad_alloc where there is no memory for one message; nothing is passed over then.
  [[nodiscard]] Result<Fed> read(std::uint64_t from, std::uint64_t until);
  void recycle(std::unique_ptr<MessageBlock> block);
  [[nodiscard]] SpoolReader& reader() noexcept { return *reader_; }

 private:
  Status fill(Fed& fed, std::uint64_t until);
  [[nodiscard]] std::unique_ptr<MessageBlock> open_block(std::size_t payload_size);
  [[nodiscard]] std::size_t decode(const SpoolRecord& record);
  void append(MessageBlock& block, const SpoolRecord& record, bool with_properties);

  const std::unique_ptr<SpoolReader> reader_;
  const Limits limits_;
  std::shared_ptr<TopicDictionary> topics_;
  std::vector<std::unique_ptr<MessageBlock>> spares_;
  MessageProperties properties_;  // of the record in hand
  std::uint64_t refused_ = 0;     // records passed over right before it, and what was missing there
};

}  // namespace honeyframe
