#pragma once

// GatheredAnswers: the good answers to publishes, put together by client, so that one wake-up of the control thread
// serves many. Paho's threads add; the control thread, once told, waits a moment where many are to come, and takes
// them. It must be no more than a moment: a broker that leaves Nagle's algorithm on (Mosquitto) holds the next answers
// back until we send something. One instance, never destroyed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace honeyframe {

class GatheredAnswers {
 public:
  static constexpr std::chrono::microseconds kMoment{50};
  static constexpr std::size_t kMany = 8;

  static GatheredAnswers& instance();

  // True: the control thread is to be told. Answers of a client that has gone are dropped.
  [[nodiscard]] bool add(std::uint32_t client, std::uint32_t request);
  // Control thread, all below. How many answers are to come; the first call makes the client known.
  void expect(std::uint32_t client, std::size_t count);
  [[nodiscard]] bool expects_many(std::uint32_t client);
  void take(std::uint32_t client, std::vector<std::uint32_t>& requests);
  void forget(std::uint32_t client);

 private:
  struct Group {
    std::vector<std::uint32_t> requests;
    std::size_t expected = 0;
    bool told = false;  // take() is on its way
  };

  std::mutex mutex_;
  std::unordered_map<std::uint32_t, Group> groups_;  // guarded by mutex_
};

}  // namespace honeyframe
