#pragma once

// One core for each side: else the scheduler's moves are measured, too.

#include <sched.h>

namespace benchmark {

// Nothing happens below 0.
inline void pin_to_core(long core) {
  if (core < 0) return;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(core), &only);
  sched_setaffinity(0, sizeof only, &only);
}

}  // namespace benchmark
