#include "test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace honeyframe::testing_support {
namespace {

int listen_on_loopback(std::uint16_t& port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(descriptor, generic, size) != 0 || listen(descriptor, 8) != 0 ||
      getsockname(descriptor, generic, &size) != 0) {
    throw std::runtime_error("test server: no loopback port");
  }
  port = ntohs(address.sin_port);
  return descriptor;
}

bool wait_readable(int descriptor, const std::atomic<bool>& stopping, std::chrono::milliseconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!stopping && std::chrono::steady_clock::now() < deadline) {
    pollfd entry{descriptor, POLLIN, 0};
    if (poll(&entry, 1, 20) > 0) return true;
  }
  return false;
}

}  // namespace

Connection::~Connection() {
  if (tls_) SSL_shutdown(tls_.get());
  close(descriptor_);
}

bool Connection::readable() {
  return (tls_ && SSL_pending(tls_.get()) > 0) || wait_readable(descriptor_, stopping_, std::chrono::seconds(5));
}

bool Connection::start_tls(SSL_CTX* context) {
  tls_.reset(SSL_new(context));
  SSL_set_fd(tls_.get(), descriptor_);
  const bool accepted = readable() && SSL_accept(tls_.get()) == 1;
  if (!accepted) tls_.reset();
  return accepted;
}

std::string Connection::read_some() {
  std::array<char, 4'096> buffer;
  if (!readable()) return {};
  const auto size = tls_ ? SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()))
                         : static_cast<int>(recv(descriptor_, buffer.data(), buffer.size(), 0));
  if (size <= 0) return {};
  if (!tls_) in_the_clear_.in += static_cast<std::uint64_t>(size);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

std::string Connection::read_until(std::string_view end) {
  std::string text;
  while (end.empty() || text.find(end) == std::string::npos) {
    const auto more = read_some();
    if (more.empty()) break;
    text += more;
  }
  return text;
}

void Connection::write(std::string_view bytes) {
  if (tls_) {
    SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
  } else {
    const auto sent = send(descriptor_, bytes.data(), bytes.size(), 0);
    if (sent > 0) in_the_clear_.out += static_cast<std::uint64_t>(sent);
  }
}

Connection::Moved Connection::moved() const {
  auto all = in_the_clear_;
  if (tls_) {
    all.in += BIO_number_read(SSL_get_rbio(tls_.get()));
    all.out += BIO_number_written(SSL_get_wbio(tls_.get()));
  }
  return all;
}

void Connection::end() {
  if (tls_) SSL_shutdown(tls_.get());
  shutdown(descriptor_, SHUT_WR);
}

std::string Connection::server_name() const {
  const char* name = tls_ ? SSL_get_servername(tls_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name == nullptr ? "" : name;
}

TestServer::TestServer(std::function<void(Connection&)> script)
    : script_(std::move(script)), listener_(listen_on_loopback(port_)) {
  thread_ = std::thread(&TestServer::run, this);
}

TestServer::~TestServer() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void TestServer::run() {
  sigset_t broken_pipe;  // a client that has gone must not end the test
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!stopping_) {
    if (!wait_readable(listener_, stopping_, std::chrono::hours(1))) continue;
    const int descriptor = accept(listener_, nullptr, nullptr);
    if (descriptor < 0) continue;
    Connection connection(descriptor, stopping_);
    script_(connection);
  }
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  close(listen_on_loopback(port));
  return port;
}

TlsContext server_context(const Identity& identity, const std::vector<Identity>& chain) {
  TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  if (SSL_CTX_use_certificate(context.get(), identity.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), identity.key.get()) != 1) {
    throw std::runtime_error("test server: certificate");
  }
  for (const Identity& link : chain) SSL_CTX_add1_chain_cert(context.get(), link.certificate.get());
  return context;
}

}  // namespace honeyframe::testing_support
