#include "gathered_answers.h"

#include <utility>

namespace honeyframe {

GatheredAnswers& GatheredAnswers::instance() {
  static auto* const leaked = new GatheredAnswers;
  return *leaked;
}

bool GatheredAnswers::add(std::uint32_t client, std::uint32_t request) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(client);
  if (found == groups_.end()) return false;
  found->second.requests.push_back(request);
  return !std::exchange(found->second.told, true);
}

void GatheredAnswers::know(std::uint32_t client) {
  const std::lock_guard lock(mutex_);
  groups_.try_emplace(client);
}

void GatheredAnswers::take(std::uint32_t client, std::vector<std::uint32_t>& requests) {
  requests.clear();
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(client);
  if (found == groups_.end()) return;
  found->second.told = false;
  requests.swap(found->second.requests);
  found->second.requests.reserve(requests.size());
}

void GatheredAnswers::forget(std::uint32_t client) {
  const std::lock_guard lock(mutex_);
  groups_.erase(client);
}

}  // namespace honeyframe
