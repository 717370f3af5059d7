#include "stream_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace benchmark {

namespace {

constexpr std::size_t kBatchBytes = 64u << 10;

[[noreturn]] void give_up(const char* what) {
  std::cerr << what << "\n";
  ERR_print_errors_fp(stderr);
  std::exit(2);
}

SslContextPtr make_context(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1) give_up("no TLS 1.3");
  return context;
}

}  // namespace

SslContextPtr server_context(const std::string& certificate, const std::string& key) {
  SslContextPtr context = make_context(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    give_up("the certificate or its key cannot be used");
  return context;
}

SslContextPtr client_context(const std::string& authority) {
  SslContextPtr context = make_context(TLS_client_method());
  if (SSL_CTX_load_verify_locations(context.get(), authority.c_str(), nullptr) != 1) give_up("no such authority");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // Many small records in one recv, instead of two recvs for each.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kBatchBytes);
  return context;
}

StreamSocket::StreamSocket(int descriptor, SSL_CTX* context, bool is_server) : descriptor_(descriptor) {
  const int one = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), descriptor_);
  closed_ = (is_server ? SSL_accept(ssl_.get()) : SSL_connect(ssl_.get())) != 1;
}

StreamSocket::~StreamSocket() {
  ssl_.reset();
  ::close(descriptor_);
}

std::unique_ptr<StreamSocket> StreamSocket::connect(int port, SSL_CTX* context) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("nobody listens");
  auto stream = std::make_unique<StreamSocket>(descriptor, context, false);
  if (stream->closed()) give_up("the TLS handshake failed");
  return stream;
}

std::size_t StreamSocket::read(char* to, std::size_t size) {
  std::size_t done = 0;
  if (ssl_) {
    if (SSL_read_ex(ssl_.get(), to, size, &done) != 1) done = 0;
  } else {
    const ssize_t got = recv(descriptor_, to, size, 0);
    done = got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  closed_ = done == 0;
  return done;
}

bool StreamSocket::write(std::string_view bytes) {
  while (!bytes.empty() && !closed_) {
    std::size_t done = 0;
    if (ssl_) {
      closed_ = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &done) != 1;
    } else {
      const ssize_t put = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      closed_ = put <= 0;
      done = closed_ ? 0 : static_cast<std::size_t>(put);
    }
    bytes.remove_prefix(done);
  }
  return !closed_;
}

bool StreamSocket::write_record(std::string_view bytes) {
  if (!ssl_) {
    pending_ += bytes;
    return pending_.size() < kBatchBytes || flush();
  }
  if (!buffered_) {
    BIO* buffer = BIO_new(BIO_f_buffer());
    BIO_set_write_buffer_size(buffer, kBatchBytes);
    BIO_up_ref(SSL_get_rbio(ssl_.get()));
    SSL_set0_wbio(ssl_.get(), BIO_push(buffer, SSL_get_rbio(ssl_.get())));
    buffered_ = true;
  }
  return write(bytes);
}

bool StreamSocket::flush() {
  if (ssl_) return !buffered_ || BIO_flush(SSL_get_wbio(ssl_.get())) == 1;
  const bool all = write(pending_);
  pending_.clear();
  return all;
}

bool StreamSocket::readable(int milliseconds) const {
  if (ssl_ && SSL_pending(ssl_.get()) > 0) return true;
  pollfd wanted{descriptor_, POLLIN, 0};
  return poll(&wanted, 1, milliseconds) > 0;
}

}  // namespace benchmark
