#pragma once

// LatestSlots: the newest unread message of each topic, for the policy `latest`. A message that comes before the last
// one of its topic was read takes that one's place, and its turn: topics are read in the order in which they first had
// something unread, so a fast one neither waits for ever nor keeps others waiting.
//
// Slots that have been read stay, with their buffers, for the next message of their topic: store() allocates nothing
// for a topic whose payloads have a usual size. They are given up, the longest read first, where max_topics or the
// budget asks for it. Not thread safe: the MessageQueue's mutex guards it.

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "message.h"

namespace honeyframe {

class LatestSlots {
 public:
  LatestSlots(std::size_t max_topics, std::size_t max_messages, bool keep_properties)
      : max_topics_(max_topics), max_messages_(max_messages), keep_properties_(keep_properties) {}

  enum class Stored : std::uint8_t {
    stored,
    superseded,  // stored, in the place of one that nobody has read
    no_slot,     // max_topics topics have something unread
    no_room,     // max_messages, or the budget
  };
  // Gives up slots that have been read to keep bytes() within `budget`. May throw bad_alloc: then nothing is stored,
  // and what was unread still is.
  Stored store(const MessageView& message, std::size_t budget);
  [[nodiscard]] bool knows(std::string_view topic) const { return topics_.contains(topic); }

  [[nodiscard]] std::size_t unread() const noexcept { return unread_.size(); }
  // The one to read next, valid until the next store() or pop(). Precondition: unread() > 0.
  [[nodiscard]] MessageView front() const noexcept;
  // It has been read.
  void pop() noexcept;

  // What all slots occupy, estimated from above; and those that are unread.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t unread_bytes() const noexcept { return unread_bytes_; }
  // Payload bytes of what was superseded, so far.
  [[nodiscard]] std::uint64_t superseded_bytes() const noexcept { return superseded_bytes_; }
  // Gives up slots that have been read until bytes() is `budget` or none is left. True where it is.
  bool shrink(std::size_t budget) noexcept;
  void clear() noexcept;
  // What a message occupies all by itself.
  [[nodiscard]] std::size_t cost(const MessageView& message) const noexcept;

 private:
  struct Slot {
    std::string topic;
    std::string payload;
    MessageProperties properties;
    std::int64_t receive_time_ns = 0;
    std::size_t bytes = 0;  // of bytes_
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    bool has_properties = false;
    bool unread = false;
  };
  using Slots = std::list<Slot>;

  Stored supersede(Slots::iterator slot, const MessageView& message, std::size_t budget);
  Stored open(const MessageView& message, std::size_t budget);
  [[nodiscard]] Slots::iterator slot_for(std::string_view topic);
  [[nodiscard]] static bool payload_fits(const Slot& slot, std::size_t size) noexcept;
  [[nodiscard]] std::size_t properties_bytes(const MessageView& message) const noexcept;
  void fill(Slot& slot, const MessageView& message);
  void give_up(Slots::iterator slot) noexcept;

  const std::size_t max_topics_;
  const std::size_t max_messages_;
  const bool keep_properties_;
  Slots unread_;                                                  // the next to be read first
  Slots read_;                                                    // the longest read first
  std::unordered_map<std::string_view, Slots::iterator> topics_;  // keys are the slots' topics
  std::size_t bytes_ = 0;
  std::size_t unread_bytes_ = 0;
  std::uint64_t superseded_bytes_ = 0;
};

}  // namespace honeyframe
