#include "blocking_work.h"

#include <netdb.h>
#include <sys/socket.h>

#include <system_error>
#include <thread>
#include <utility>

#include "control_thread.h"
#include "paho_resolver.h"

namespace honeyframe {

void run_blocking(std::function<Status()> work, std::function<void(Status)> then) {
  auto both = [work = std::move(work), then] {
    ControlThread::instance().post([then, status = work()]() mutable { then(std::move(status)); });
  };
  try {
    std::thread(std::move(both)).detach();
  } catch (const std::system_error& error) {
    Status status(ErrorCode::internal, std::string("no thread could be started: ") + error.what());
    ControlThread::instance().post([then, status = std::move(status)]() mutable { then(std::move(status)); });
  }
}

Status resolve_host(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code == 0) {
    remember_addresses(host, found);
    freeaddrinfo(found);
    return {};
  }
  return Status(ErrorCode::dns_failed, "the host name '" + host + "' has no address: " + gai_strerror(code))
      .with_native_code(code)
      .with_hint(
          "check the spelling of the host, and that this machine is online; on HiveMQ Cloud copy it from the cluster's "
          "overview");
}

}  // namespace honeyframe
