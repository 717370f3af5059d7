#include "packet_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace honeyframe {
namespace {

struct Register {
  std::mutex mutex;
  // Guarded by mutex. Entries go in the destructor of what they point to: a weak pointer may be empty before.
  std::vector<std::pair<const PacketWatch*, std::weak_ptr<PacketWatch>>> watches;
};

Register& all() {
  static auto* const leaked = new Register;
  return *leaked;
}

}  // namespace

PacketWatch::PacketWatch(std::string client_id, std::string host, std::uint16_t port, std::uint32_t maximum_packet,
                         std::shared_ptr<Traffic> traffic, std::shared_ptr<AnswerGate> gate)
    : client_id_(std::move(client_id)),
      host_(std::move(host)),
      port_(port),
      maximum_packet_(maximum_packet),
      traffic_(std::move(traffic)),
      gate_(std::move(gate)) {}

PacketWatch::~PacketWatch() {
  const std::lock_guard lock(all().mutex);
  std::erase_if(all().watches, [this](const auto& entry) { return entry.first == this; });
}

std::shared_ptr<PacketWatch> PacketWatch::make(std::string client_id, std::string host, std::uint16_t port,
                                               std::uint32_t maximum_packet, std::shared_ptr<Traffic> traffic,
                                               std::shared_ptr<AnswerGate> gate) {
  const std::shared_ptr<PacketWatch> made(new PacketWatch(std::move(client_id), std::move(host), port, maximum_packet,
                                                          std::move(traffic), std::move(gate)));
  const std::lock_guard lock(all().mutex);
  all().watches.emplace_back(made.get(), made);
  return made;
}

std::shared_ptr<PacketWatch> PacketWatch::find(std::string_view client_id, std::string_view host,
                                               std::uint16_t port) noexcept {
  std::shared_ptr<PacketWatch> found;
  std::shared_ptr<PacketWatch> elsewhere;
  // Whatever is given up is given up without the lock, which the destructor takes.
  const std::lock_guard lock(all().mutex);
  for (auto entry = all().watches.rbegin(); entry != all().watches.rend(); ++entry) {
    // The destructor waits for the lock: what is pointed to is whole, even where the weak pointer is empty.
    const auto& watch = *entry->first;
    if (watch.client_id_ != client_id) continue;
    const bool is_here = watch.host_ == host && watch.port_ == port;
    auto& wanted = is_here ? found : elsewhere;
    if (wanted == nullptr) wanted = entry->second.lock();
    if (found != nullptr) break;
  }
  return found != nullptr ? found : elsewhere;
}

std::shared_ptr<PacketWatch> PacketWatch::find_address(std::string_view host, std::uint16_t port) noexcept {
  std::shared_ptr<PacketWatch> found;
  const std::lock_guard lock(all().mutex);
  for (auto entry = all().watches.rbegin(); entry != all().watches.rend() && found == nullptr; ++entry) {
    if (entry->first->host_ == host && entry->first->port_ == port) found = entry->second.lock();
  }
  return found;
}

void PacketWatch::refuse(const PacketRefusal& refusal) noexcept {
  const std::lock_guard lock(mutex_);
  refusal_ = refusal;
}

std::optional<PacketRefusal> PacketWatch::take() noexcept {
  const std::lock_guard lock(mutex_);
  return std::exchange(refusal_, std::nullopt);
}

}  // namespace honeyframe
