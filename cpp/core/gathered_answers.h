#pragma once

// GatheredAnswers: the good answers to publishes, put together by client, so that one wake-up of the control thread
// serves many. Paho's threads add; the control thread, once told, takes what is there. It does not wait for more: a
// broker that leaves Nagle's algorithm on (Mosquitto) holds the next answers back until we send something. One
// instance, never destroyed.

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace honeyframe {

class GatheredAnswers {
 public:
  static GatheredAnswers& instance();

  // True: the control thread is to be told. Answers of a client that has gone are dropped.
  [[nodiscard]] bool add(std::uint32_t client, std::uint32_t request);
  // Control thread, all below. Before the client's first answer.
  void know(std::uint32_t client);
  void take(std::uint32_t client, std::vector<std::uint32_t>& requests);
  void forget(std::uint32_t client);

 private:
  struct Group {
    std::vector<std::uint32_t> requests;
    bool told = false;  // take() is on its way
  };

  std::mutex mutex_;
  std::unordered_map<std::uint32_t, Group> groups_;  // guarded by mutex_
};

}  // namespace honeyframe
