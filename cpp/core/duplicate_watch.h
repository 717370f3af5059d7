#pragma once

// DuplicateWatch: what a stream can know of messages that a broker sends again. A broker marks a repeated PUBLISH of
// QoS 1 or 2 with the DUP flag (MQTT 5.0, 3.3.1.1), whether or not the first one arrived; that its packet id has been
// here says that it did, or that the id was an earlier message's. Guarded by the MessageQueue's mutex.

#include <bitset>
#include <cstdint>
#include <memory>
#include <new>

#include "message.h"

namespace honeyframe {

enum class Repetition : std::uint8_t { none, dup_flag, packet_id_seen };

class DuplicateWatch {
 public:
  // Remembers the packet id; 8 KiB from the first one on. Without memory for that it goes by the flag alone.
  Repetition look_at(const MessageView& message) noexcept {
    if (message.qos == 0) return Repetition::none;
    bool seen = false;
    if (message.packet_id != 0) {
      if (!ids_) ids_.reset(new (std::nothrow) std::bitset<65'536>());
      if (ids_) {
        seen = ids_->test(message.packet_id);
        ids_->set(message.packet_id);
      }
    }
    if (!message.dup) return Repetition::none;
    return seen ? Repetition::packet_id_seen : Repetition::dup_flag;
  }

 private:
  std::unique_ptr<std::bitset<65'536>> ids_;
};

}  // namespace honeyframe
