#include "paho_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "paho_imports.h"
#include "paho_packet_memory.h"
#include "paho_poll.h"
#include "paho_resolver.h"
#include "paho_stream.h"
#include "receive_burst.h"

using honeyframe::PahoStream;

namespace {

std::uint16_t port_of(const sockaddr* address, socklen_t size) {
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in))
    return ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6))
    return ntohs(reinterpret_cast<const sockaddr_in6*>(address)->sin6_port);
  return 0;
}

}  // namespace

extern "C" {

int honeyframe_paho_socket(int family, int type, int protocol) {
  const int descriptor = socket(family, type | SOCK_CLOEXEC, protocol);
  if (descriptor < 0) return descriptor;
  if (auto* const stream = PahoStream::of(descriptor); stream != nullptr) {
    stream->forget();
    return descriptor;
  }
  close(descriptor);  // nobody would check what it reads
  errno = ENOMEM;
  return -1;
}

int honeyframe_paho_connect(int descriptor, const sockaddr* address, socklen_t size) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto* const stream = PahoStream::of(descriptor);
  if (stream != nullptr) {
    stream->set_peer(honeyframe::last_host_of_paho(), port_of(address, size));
    stream->set_connecting(true);
  }
  const int result = connect(descriptor, address, size);
  if (stream != nullptr && (result == 0 || errno != EINPROGRESS)) stream->set_connecting(false);
  honeyframe::wake_paho();  // one socket more
  return result;
}

int honeyframe_paho_getsockopt(int descriptor, int level, int option, void* value, socklen_t* size) {
  if (auto* const stream = PahoStream::of(descriptor); stream != nullptr && level == SOL_SOCKET && option == SO_ERROR) {
    stream->set_connecting(false);
  }
  return getsockopt(descriptor, level, option, value, size);
}

int honeyframe_paho_close(int descriptor) {
  if (auto* const stream = PahoStream::of(descriptor); stream != nullptr) stream->forget();
  return close(descriptor);
}

ssize_t honeyframe_paho_recv(int descriptor, void* to, size_t size, int flags) {
  auto* const stream = PahoStream::of(descriptor);
  if (stream == nullptr || flags != 0) return recv(descriptor, to, size, flags);
  if (!honeyframe::has_packet_memory() && stream->read_kept(to, size)) return static_cast<ssize_t>(size);
  const auto got = stream->read(descriptor, to, size);
  if (honeyframe::has_packet_memory() && got > 0 && static_cast<size_t>(got) == size) {
    honeyframe::packet_memory_filled(static_cast<const char*>(to) + size);
  }
  return got;
}

ssize_t honeyframe_paho_writev(int descriptor, const iovec* pieces, int count) {
  auto* const stream = PahoStream::of(descriptor);
  honeyframe::ReceiveBurst::before_write(stream != nullptr && PahoStream::is_answer(pieces, count));
  if (stream == nullptr) return writev(descriptor, pieces, count);
  const auto sent = stream->write(descriptor, pieces, count);
  if (stream->has_unwritten() || stream->has_failed_to_write()) honeyframe::wake_paho();
  return sent;
}

int honeyframe_paho_poll(pollfd* descriptors, nfds_t count, int timeout_ms) {
  return honeyframe::poll_for_paho(descriptors, count, timeout_ms);
}

int honeyframe_paho_usleep(useconds_t microseconds) {
  return honeyframe::sleep_for_paho(microseconds);
}

int honeyframe_paho_clock_gettime(clockid_t clock, timespec* now) {
  if (clock == CLOCK_MONOTONIC) clock = CLOCK_MONOTONIC_COARSE;
  if (clock == CLOCK_REALTIME) clock = CLOCK_REALTIME_COARSE;
  return clock_gettime(clock, now);
}

char* honeyframe_paho_getenv(const char* name) {
  return honeyframe::is_hidden_from_paho(name) ? nullptr : std::getenv(name);
}

int honeyframe_paho_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static_cast<void>(service);  // Paho sets the port itself
  return honeyframe::addresses_for_paho(host, hints, found);
}

void honeyframe_paho_freeaddrinfo(addrinfo* list) {
  honeyframe::free_addresses_for_paho(list);
}

int honeyframe_paho_SSL_set_fd(SSL* tls, int descriptor) {
  auto* const stream = PahoStream::of(descriptor);
  return stream != nullptr && stream->start_tls(tls) ? SSL_set_fd(tls, descriptor) : 0;
}

int honeyframe_paho_SSL_connect(SSL* tls) {
  auto* const stream = PahoStream::of(tls);
  if (stream != nullptr) return stream->connect_tls(tls);
  ERR_clear_error();
  return SSL_connect(tls);
}

int honeyframe_paho_SSL_read(SSL* tls, void* to, int size) {
  auto* const stream = PahoStream::of(tls);
  if (stream == nullptr) {
    ERR_clear_error();
    return SSL_read(tls, to, size);
  }
  if (!honeyframe::has_packet_memory() && stream->read_kept(to, static_cast<size_t>(size))) return size;
  const int got = stream->read_tls(tls, to, size);
  if (honeyframe::has_packet_memory() && got > 0 && got == size) {
    honeyframe::packet_memory_filled(static_cast<const char*>(to) + size);
  }
  return got;
}

int honeyframe_paho_SSL_pending(const SSL* tls) {
  return PahoStream::of(tls) == nullptr ? SSL_pending(tls) : 0;
}

int honeyframe_paho_SSL_write(SSL* tls, const void* from, int size) {
  auto* const stream = PahoStream::of(tls);
  const iovec packet{const_cast<void*>(from), size > 0 ? static_cast<size_t>(size) : 0};  // iovec lacks const
  honeyframe::ReceiveBurst::before_write(stream != nullptr && PahoStream::is_answer(&packet, 1));
  if (stream == nullptr) {
    ERR_clear_error();
    return SSL_write(tls, from, size);
  }
  const int sent = stream->write_tls(tls, from, size);
  if (stream->has_unwritten() || stream->has_failed_to_write()) honeyframe::wake_paho();
  return sent;
}

int honeyframe_paho_SSL_shutdown(SSL* tls) {
  auto* const stream = PahoStream::of(tls);
  if (stream != nullptr) return stream->shutdown_tls(tls);
  ERR_clear_error();
  return SSL_shutdown(tls);
}

void honeyframe_paho_SSL_free(SSL* tls) {
  auto* const stream = PahoStream::of(tls);
  if (stream != nullptr) {
    stream->free_tls(tls);
  } else {
    SSL_free(tls);
  }
}

void honeyframe_paho_ERR_clear_error() {}
void honeyframe_paho_SSL_CTX_set_msg_callback(SSL_CTX*, void*) {}
void honeyframe_paho_SSL_CTX_set_info_callback(SSL_CTX*, void*) {}
}
