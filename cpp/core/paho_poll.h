#pragma once

// How Paho waits. Its receive thread asks two questions a packet: which sockets can be written (never waiting), then
// which can be read (for up to a second). Both are answered from the streams where these know it, and by the system
// where they do not; a descriptor that the streams know nothing of is looked at every few packets, so that nobody waits
// for a session that has much to read.
//
// The waiting ends as well when there is another socket to look at, when one has connected, and when there is room for
// the rest of what was written in part: Paho itself would sleep on. Its 100 ms of sleep after an idle second are left
// out.
//
// Called by Paho's receive thread; wake_paho() by any. The descriptor that wakes is never closed.

#include <poll.h>
#include <unistd.h>

namespace honeyframe {

// The receive thread looks again at what it waits for.
void wake_paho() noexcept;

// As poll(), for one of the two questions above.
int poll_for_paho(pollfd* descriptors, nfds_t count, int timeout_ms) noexcept;

// As usleep(). In the receive thread the sleep after an empty poll ends when there may be something to do.
int sleep_for_paho(useconds_t microseconds) noexcept;

}  // namespace honeyframe
