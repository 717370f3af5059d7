#pragma once

// probe(): finds out why a connection fails. Paho reports a closed port, a wrong certificate and a server without TLS
// alike; this goes the same way step by step, without an MQTT byte and without the broker's credential.

#include <atomic>
#include <chrono>
#include <string_view>

#include "connect_options.h"
#include "probe_report.h"
#include "status.h"

namespace honeyframe {

// Blocks its caller (the session's resolver thread) for at most `timeout`, except in the name lookup, which the
// operating system bounds; setting `cancel` ends it within 100 ms. Ok when everything below MQTT works. `options` are
// validated. Errors: dns_failed, connection_refused, connect_timeout, proxy_failed, tls_*, websocket_failed,
// connection_lost, invalid_argument, closed (cancelled).
[[nodiscard]] Status probe(const ConnectOptions& options, std::chrono::milliseconds timeout,
                           const std::atomic<bool>& cancel);

// The same, telling what was seen on the way. Where the way is free, and is no WebSocket, `greeting` is sent over it,
// if there is one, and the first bytes that come back are kept: what kind of server is it?
[[nodiscard]] Status probe(const ConnectOptions& options, std::chrono::milliseconds timeout,
                           const std::atomic<bool>& cancel, ProbeReport& report, std::string_view greeting = {});

}  // namespace honeyframe
