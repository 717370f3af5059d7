#pragma once

// GatheredAnswers: the good answers to publishes, put together by client, so that one wake-up of the control thread
// serves many. Paho's threads add; the control thread says how many make a group, and takes them. One instance, never
// destroyed.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace honeyframe {

class GatheredAnswers {
 public:
  static GatheredAnswers& instance();

  // True: the group is complete, and the control thread is to be told. Answers of a client that has gone are dropped.
  [[nodiscard]] bool add(std::uint32_t client, std::uint32_t request);
  // From now on `count` make a group. True: so many are there already.
  [[nodiscard]] bool gather(std::uint32_t client, std::size_t count);
  void take(std::uint32_t client, std::vector<std::uint32_t>& requests);
  void forget(std::uint32_t client);

 private:
  struct Group {
    std::vector<std::uint32_t> requests;
    std::size_t wanted = 1;
    bool told = false;  // take() is on its way
  };
  [[nodiscard]] static bool is_due(Group& group);

  std::mutex mutex_;
  std::unordered_map<std::uint32_t, Group> groups_;  // guarded by mutex_
};

}  // namespace honeyframe
