#include "gathered_answers.h"

#include <algorithm>

namespace honeyframe {

GatheredAnswers& GatheredAnswers::instance() {
  static auto* const leaked = new GatheredAnswers;
  return *leaked;
}

bool GatheredAnswers::is_due(Group& group) {
  if (group.told || group.requests.empty() || group.requests.size() < group.wanted) return false;
  group.told = true;
  return true;
}

bool GatheredAnswers::add(std::uint32_t client, std::uint32_t request) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(client);
  if (found == groups_.end()) return false;
  found->second.requests.push_back(request);
  return is_due(found->second);
}

bool GatheredAnswers::gather(std::uint32_t client, std::size_t count) {
  const std::lock_guard lock(mutex_);
  auto& group = groups_[client];
  group.wanted = std::max<std::size_t>(count, 1);
  return is_due(group);
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
