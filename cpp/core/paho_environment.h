#pragma once

// What Paho may see of the process's environment: not the proxy variables, which releases 1.3.10 to 1.3.13 obey without
// being asked and no option of theirs can switch off, and not the trace variables, which make it print topics, payloads
// and proxy credentials.
//
// Paho asks through getenv(); on Linux its entry for that function in the library's relocation table is pointed to
// ours, which answers for every name but these. The environment itself stays as it is, for child processes and for
// everyone else.

#include "status.h"

namespace honeyframe {

// Before the first call into Paho, once; control thread. False where the entry cannot be found (not Linux, not ELF).
[[nodiscard]] bool hide_environment_from_paho() noexcept;

// proxy_failed where Paho could still see a proxy variable that is set; else ok.
[[nodiscard]] Status check_proxy_environment();

}  // namespace honeyframe
