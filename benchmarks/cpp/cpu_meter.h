#pragma once

// CpuMeter: what a stretch of a program cost: user and system time of all its threads, and the wall's.

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string_view>

namespace benchmark {

class CpuMeter {
 public:
  CpuMeter() : started_(std::chrono::steady_clock::now()) { getrusage(RUSAGE_SELF, &before_); }

  // A line of JSON, as subscriber.py prints it, too.
  void report(std::uint64_t rows, std::uint64_t payload_bytes, std::string_view version) const {
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started_;
    std::cout << "{\"user_s\": " << seconds(after.ru_utime) - seconds(before_.ru_utime)
              << ", \"system_s\": " << seconds(after.ru_stime) - seconds(before_.ru_stime)
              << ", \"wall_s\": " << wall.count() << ", \"rows\": " << rows << ", \"payload_bytes\": " << payload_bytes
              << ", \"version\": \"" << version << "\"}" << std::endl;
  }

 private:
  static double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }

  rusage before_{};
  std::chrono::steady_clock::time_point started_;
};

}  // namespace benchmark
