#pragma once

// What a closed connection says about the SUBSCRIBE or PUBLISH that was on its way. The codes of CONNACK, SUBACK,
// PUBACK and DISCONNECT themselves are in reason_codes.h. Pure functions.

#include <string>
#include <vector>

#include "status.h"

namespace honeyframe {

// Whether a DISCONNECT with this code may be about a publish, or about a subscription, of ours: then that is what
// failed, and the connection itself may be made again.
[[nodiscard]] bool is_about_publish(int code) noexcept;
[[nodiscard]] bool is_about_subscribe(int code) noexcept;

// DISCONNECT while messages to `topics` were on their way.
[[nodiscard]] Status status_for_disconnect_on_publish(std::vector<std::string> topics, int code,
                                                      const std::string& reason);
// A 3.x broker closed twice running while messages to `topics` were on their way.
[[nodiscard]] Status status_for_close_on_publish(std::vector<std::string> topics);
// The broker closed while the SUBSCRIBE for `filters` was unanswered.
[[nodiscard]] Status status_for_close_on_subscribe(std::vector<std::string> filters);
// Several filters of one request were refused: the first one's status, naming all of them.
[[nodiscard]] Status naming_all(Status first, std::vector<std::string> filters);

}  // namespace honeyframe
