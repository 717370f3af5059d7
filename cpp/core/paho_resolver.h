#pragma once

// Name resolution below Paho, which asks for addresses with its process-wide lock held: a name server that is silent
// would stop every session. What resolve_host() has found is handed over instead; a name that nobody looked up before
// is looked up on a thread of its own, and waited for no longer than kPatience. Thread-safe.

#include <netdb.h>

#include <chrono>
#include <string>

namespace honeyframe {

#if HONEYFRAME_PAHO_LEAN

// Paho's next questions for `host` are answered with these.
void remember_addresses(const std::string& host, const addrinfo* found);

inline constexpr std::chrono::seconds kResolverPatience{5};

// As getaddrinfo() and freeaddrinfo(), for Paho.
[[nodiscard]] int addresses_for_paho(const char* host, const addrinfo* hints, addrinfo** found) noexcept;
void free_addresses_for_paho(addrinfo* list) noexcept;
// What the calling thread asked for last: Paho connects right after it has asked.
[[nodiscard]] const std::string& last_host_of_paho() noexcept;

#else

inline void remember_addresses(const std::string&, const addrinfo*) {}

#endif

}  // namespace honeyframe
