#pragma once

// Functions of the C library that Paho imports, answered in its place, where it is the system's shared library
// (HONEYFRAME_PAHO=system; a lean Paho has paho_transport instead, and needs none of this). On Linux its entries for
// them in the library's relocation table are pointed to ours; nobody else's calls are touched, and where that cannot be
// done everything works, but slower:
//
//   getenv   hides the proxy variables, which releases 1.3.10 to 1.3.13 obey without being asked and no option switches
//   off, and the trace
//            variables, which make Paho print topics, payloads and proxy credentials. The environment itself stays as
//            it is.
//   connect  sets TCP_NODELAY: an acknowledgement that waits 40 ms for company costs throughput, and with HiveMQ
//   messages (beyond
//            1,000 queued it discards them). And close-on-exec.
//   poll     waits 10 ms instead of a second while a session connects: Paho does not look at a socket's connecting
//   meanwhile.

#include <string_view>

#include "status.h"

namespace honeyframe {

// Before the first call into Paho, once; control thread. False where the entries cannot be found (not Linux, not ELF).
[[nodiscard]] bool answer_paho_imports() noexcept;

// The proxy and trace variables.
[[nodiscard]] bool is_hidden_from_paho(std::string_view name) noexcept;

// proxy_failed where Paho could still see a proxy variable that is set; else ok.
[[nodiscard]] Status check_proxy_environment();

// While one lives, some session is connecting. Control thread.
class ConnectingMark {
 public:
  ConnectingMark() noexcept;
  ~ConnectingMark();
  ConnectingMark(const ConnectingMark&) = delete;
  ConnectingMark& operator=(const ConnectingMark&) = delete;
};

}  // namespace honeyframe
