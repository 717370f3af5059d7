#pragma once

// What can be known to be wrong with a message before anything is sent, and the size of its packet. Pure functions.

#include <cstddef>

#include "session.h"
#include "status.h"

namespace honeyframe {

// The PUBLISH packet, header included (MQTT 5.0, 3.3).
[[nodiscard]] std::size_t packet_size(const PublishRequest& message) noexcept;

// Topic, QoS, properties (each at most 65,535 bytes; text is UTF-8 without NUL) and the largest packet that MQTT knows.
// Errors: invalid_topic, invalid_argument, packet_too_large.
[[nodiscard]] Status validate(const PublishRequest& message);

}  // namespace honeyframe
