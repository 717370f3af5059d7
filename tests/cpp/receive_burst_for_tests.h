#pragma once

// What the tests of bursts share: a receive thread.

#include <thread>

#include "receive_burst.h"

namespace honeyframe::testing {

// Runs `call` in a thread of its own, since a promise lasts as long as its thread, and ends the burst.
template <typename Call>
void in_receive_thread(Call call) {
  std::thread([&call] {
    ReceiveBurst::promise();
    call();
    ReceiveBurst::end();
  }).join();
}

}  // namespace honeyframe::testing
