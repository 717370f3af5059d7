#include "connected_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "paho_stream.h"

namespace honeyframe::testing {

ConnectedSockets::ConnectedSockets() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ours_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, generic, size) != 0 || listen(listener, 1) != 0 || getsockname(listener, generic, &size) != 0 ||
      connect(ours_, generic, size) != 0) {
    throw std::runtime_error("no connection on the loopback");
  }
  theirs_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  fcntl(ours_, F_SETFL, O_NONBLOCK);
  const int on = 1;
  setsockopt(ours_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // as Paho's transport does
  setsockopt(theirs_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::close(listener);
  PahoStream::of(ours_)->forget();  // Paho's transport does so when it opens a socket
}

ConnectedSockets::~ConnectedSockets() {
  ::close(ours_);
  if (theirs_ >= 0) ::close(theirs_);
}

void ConnectedSockets::send(const std::string& bytes) const {
  if (::send(theirs_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the loopback took only a part");
  }
  pollfd entry{ours_, POLLIN, 0};
  poll(&entry, 1, 5'000);
}

void ConnectedSockets::close_theirs() noexcept {
  ::close(theirs_);
  theirs_ = -1;
  pollfd entry{ours_, POLLRDHUP, 0};
  poll(&entry, 1, 5'000);
}

void ConnectedSockets::reset_theirs() noexcept {
  const linger at_once{1, 0};
  setsockopt(theirs_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(theirs_);
  theirs_ = -1;
  pollfd entry{ours_, 0, 0};  // POLLERR and POLLHUP are always told
  poll(&entry, 1, 5'000);
}

}  // namespace honeyframe::testing
