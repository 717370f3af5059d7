#include "probe_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "reason_codes.h"
#include "utf8.h"

namespace honeyframe {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kSlice{50};
#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // macOS: SO_NOSIGPIPE does it
#endif

struct AddressesFreed {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesFreed>;

Status failure(ErrorCode code, std::string message, int native_code) {
  return Status(code, std::move(message)).with_hint(std::string(hint_for(code))).with_native_code(native_code);
}

Status cancelled() {
  return {ErrorCode::closed, "the connection attempt was cancelled"};
}

Status timed_out(const std::string& where) {
  return failure(ErrorCode::connect_timeout, where + " does not answer", ETIMEDOUT);
}

// Until the descriptor is ready for one of `events` or has failed.
Status wait_for(int descriptor, short events, Clock::time_point deadline, const ProbeLimit& limit) {
  for (;;) {
    if (limit.is_cancelled()) return cancelled();
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return timed_out("the other side");
    pollfd entry{descriptor, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::min(left, kSlice).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR)
      return failure(ErrorCode::internal, std::string("poll failed: ") + std::strerror(errno), errno);
  }
}

Result<Addresses> resolve(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &list);
  if (error == 0) return Addresses(list);
  const char* why = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
  const char* what = error == EAI_AGAIN ? "no name server answered for host " : "there is no address for host ";
  return failure(ErrorCode::dns_failed, what + in_quotes(host) + " (" + why + ")", error);
}

// Without SOCK_NONBLOCK and its like, which macOS lacks.
int open_socket(const addrinfo& address) {
  const int descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol);
  if (descriptor < 0) return descriptor;
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return descriptor;
}

// One address: a connected descriptor, or why not.
Result<int> connect_to(const addrinfo& address, const std::string& where, Clock::time_point deadline,
                       const ProbeLimit& limit) {
  const int descriptor = open_socket(address);
  if (descriptor < 0)
    return failure(ErrorCode::connect_timeout, where + " cannot be reached: " + std::strerror(errno), errno);
  Status status;
  int error = 0;
  if (connect(descriptor, address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      status = wait_for(descriptor, POLLOUT, deadline, limit);
      socklen_t size = sizeof error;
      if (status.ok() && getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
  }
  if (status.code() == ErrorCode::connect_timeout) status = timed_out(where);
  if (status.ok() && error == ECONNREFUSED)
    status = failure(ErrorCode::connection_refused, "nothing listens on " + where, error);
  if (status.ok() && error != 0)
    status = failure(ErrorCode::connect_timeout, where + " cannot be reached: " + std::strerror(error), error);
  if (status.ok()) return descriptor;
  close(descriptor);
  return status;
}

std::string text_of(const addrinfo& address) {
  std::array<char, NI_MAXHOST> text{};
  const int error = getnameinfo(address.ai_addr, address.ai_addrlen, text.data(), static_cast<socklen_t>(text.size()),
                                nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? std::string(text.data()) : std::string("an address that cannot be written");
}

}  // namespace

Result<ProbeSocket> ProbeSocket::connect(const std::string& host, std::uint16_t port, const ProbeLimit& limit,
                                         ProbeReport* report) {
  ProbeReport unread;
  ProbeReport& told = report != nullptr ? *report : unread;
  const std::string where =
      (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  const auto begin = Clock::now();
  const Result<Addresses> addresses = resolve(host, port);
  told.name_time = Clock::now() - begin;
  if (!addresses.ok()) return addresses.status();
  told.step = ProbeReport::Step::tcp;
  int untried = 0;
  for (const addrinfo* address = addresses.value().get(); address != nullptr; address = address->ai_next) {
    ++untried;
    told.addresses.push_back(text_of(*address));
  }
  Status best = timed_out(where);
  for (const addrinfo* address = addresses.value().get(); address != nullptr; address = address->ai_next, --untried) {
    if (limit.is_cancelled()) return cancelled();
    const auto now = Clock::now();
    // A silent address leaves the others their share of the time.
    const Result<int> descriptor = connect_to(*address, where, now + (limit.deadline - now) / untried, limit);
    told.tcp_time = Clock::now() - now;
    told.address = text_of(*address);
    if (descriptor.ok()) return ProbeSocket(descriptor.value(), limit);
    const Status status = descriptor.status();
    if (status.code() == ErrorCode::closed) return status;
    if (best.code() != ErrorCode::connection_refused) best = status;  // "refused" says more than "silent"
  }
  return best;
}

ProbeSocket::ProbeSocket(ProbeSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), limit_(other.limit_) {}

ProbeSocket::~ProbeSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status ProbeSocket::wait(short events) const {
  return wait_for(descriptor_, events, limit_.deadline, limit_);
}

Status ProbeSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), kSendFlags);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (Status status = wait(POLLOUT); !status.ok()) return status;
    } else if (errno != EINTR) {
      return failure(ErrorCode::connection_lost, std::string("the connection broke: ") + std::strerror(errno), errno);
    }
  }
  return {};
}

Result<std::string> ProbeSocket::receive() {
  std::array<char, 4'096> buffer;
  for (;;) {
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size >= 0) return std::string(buffer.data(), static_cast<std::size_t>(size));
    if (errno == EAGAIN) {
      if (Status status = wait(POLLIN); !status.ok()) return status;
    } else if (errno != EINTR) {
      return failure(ErrorCode::connection_lost, std::string("the connection broke: ") + std::strerror(errno), errno);
    }
  }
}

}  // namespace honeyframe
