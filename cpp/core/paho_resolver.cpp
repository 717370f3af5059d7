#include "paho_resolver.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace honeyframe {
namespace {

thread_local std::string last_host;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family = AF_UNSPEC;
};
using Addresses = std::vector<Address>;

// A link of the list that Paho gets.
struct Link {
  addrinfo info{};
  sockaddr_storage bytes{};
};

struct Known {
  std::mutex mutex;
  std::map<std::string, Addresses, std::less<>> hosts;  // guarded by mutex; as many as the user has named
};

Known& known() {
  static auto* const leaked = new Known;
  return *leaked;
}

Addresses copy_of(const addrinfo* list) {
  Addresses addresses;
  for (; list != nullptr; list = list->ai_next) {
    if (list->ai_addrlen > sizeof(sockaddr_storage)) continue;
    auto& address = addresses.emplace_back();
    std::memcpy(&address.bytes, list->ai_addr, list->ai_addrlen);
    address.size = list->ai_addrlen;
    address.family = list->ai_family;
  }
  return addresses;
}

int hand_over(const Addresses& addresses, addrinfo** found) noexcept {
  *found = nullptr;
  auto** next = found;
  for (const auto& address : addresses) {
    auto* const link = new (std::nothrow) Link;
    if (link == nullptr) {
      free_addresses_for_paho(std::exchange(*found, nullptr));
      return EAI_MEMORY;
    }
    link->bytes = address.bytes;
    link->info.ai_family = address.family;
    link->info.ai_socktype = SOCK_STREAM;
    link->info.ai_protocol = IPPROTO_TCP;
    link->info.ai_addrlen = address.size;
    link->info.ai_addr = reinterpret_cast<sockaddr*>(&link->bytes);
    *next = &link->info;
    next = &link->info.ai_next;
  }
  return *found == nullptr ? EAI_NONAME : 0;
}

struct LookUp {
  std::mutex mutex;
  std::condition_variable done;
  bool is_done = false;  // guarded by mutex, as what follows
  int code = EAI_AGAIN;
  Addresses addresses;
};

int look_up(const char* host, const addrinfo& hints, Addresses& addresses) {
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host, nullptr, &hints, &list);
  if (code == 0) {
    addresses = copy_of(list);
    freeaddrinfo(list);
  }
  return code;
}

// Nobody waits for the thread longer than kResolverPatience; it owns what it writes to.
int look_up_elsewhere(const std::string& host, const addrinfo& hints, Addresses& addresses) {
  auto shared = std::make_shared<LookUp>();
  std::thread([shared, host, hints] {
    Addresses got;
    const int code = look_up(host.c_str(), hints, got);
    const std::lock_guard lock(shared->mutex);
    shared->code = code;
    shared->addresses = std::move(got);
    shared->is_done = true;
    shared->done.notify_all();
  }).detach();
  std::unique_lock lock(shared->mutex);
  if (!shared->done.wait_for(lock, kResolverPatience, [&] { return shared->is_done; })) return EAI_AGAIN;
  addresses = shared->addresses;
  return shared->code;
}

}  // namespace

void remember_addresses(const std::string& host, const addrinfo* found) {
  auto addresses = copy_of(found);
  const std::lock_guard lock(known().mutex);
  known().hosts.insert_or_assign(host, std::move(addresses));
}

const std::string& last_host_of_paho() noexcept {
  return last_host;
}

int addresses_for_paho(const char* host, const addrinfo* hints, addrinfo** found) noexcept {
  try {
    last_host = host;
    {
      const std::lock_guard lock(known().mutex);
      const auto entry = known().hosts.find(std::string_view(host));
      if (entry != known().hosts.end()) return hand_over(entry->second, found);
    }
    auto wanted = hints == nullptr ? addrinfo{} : *hints;
    wanted.ai_flags |= AI_NUMERICHOST;
    Addresses addresses;
    int code = look_up(host, wanted, addresses);
    if (code != 0) {
      wanted.ai_flags &= ~AI_NUMERICHOST;
      code = look_up_elsewhere(host, wanted, addresses);
    }
    return code == 0 ? hand_over(addresses, found) : code;
  } catch (const std::bad_alloc&) {
    return EAI_MEMORY;
  } catch (const std::system_error&) {
    return EAI_AGAIN;
  }
}

void free_addresses_for_paho(addrinfo* list) noexcept {
  while (list != nullptr) {
    auto* const next = list->ai_next;
    delete reinterpret_cast<Link*>(list);  // its first member
    list = next;
  }
}

}  // namespace honeyframe
