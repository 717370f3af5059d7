#pragma once

// Work that may block for as long as the network likes: name resolution before Paho's own (which would hold up every
// session of the process while a name server is silent), and the probe that finds out why Paho could not connect.
//
// Each piece runs on a thread of its own, so that one dead name server delays nobody else; the result comes back to the
// control thread.

#include <cstdint>
#include <functional>
#include <string>

#include "status.h"

namespace honeyframe {

// Runs `work` elsewhere, then `then(its result)` on the control thread. Both own what they touch: nobody waits for
// them.
void run_blocking(std::function<Status()> work, std::function<void(Status)> then);

// Whether `host` has an address. Errors: dns_failed, naming the host. An address literal needs no name server.
[[nodiscard]] Status resolve_host(const std::string& host, std::uint16_t port);

}  // namespace honeyframe
