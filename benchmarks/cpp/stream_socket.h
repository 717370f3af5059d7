#pragma once

// StreamSocket: a connected TCP socket, plain or under TLS 1.3, as the source and the floors use it: blocking. One
// thread.

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace benchmark {

struct SslContextFree {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;
using SslPtr = std::unique_ptr<SSL, SslFree>;

// Null: plain TCP. Ends the process with OpenSSL's reason where the files are no use.
[[nodiscard]] SslContextPtr server_context(const std::string& certificate, const std::string& key);
[[nodiscard]] SslContextPtr client_context(const std::string& authority);

class StreamSocket {
 public:
  // Takes over `descriptor`. With a context it does the handshake, blocking; closed() tells how that went.
  StreamSocket(int descriptor, SSL_CTX* context, bool is_server);
  ~StreamSocket();
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;

  // To 127.0.0.1. Ends the process where nobody listens.
  [[nodiscard]] static std::unique_ptr<StreamSocket> connect(int port, SSL_CTX* context);

  [[nodiscard]] bool closed() const noexcept { return closed_; }
  // What one recv or SSL_read gives; 0: closed.
  [[nodiscard]] std::size_t read(char* to, std::size_t size);
  // All of it; under TLS in records as full as they can be. False: closed.
  bool write(std::string_view bytes);
  // As a TLS record of its own, kept back until flush() or 64 KiB: many records reach the socket in one write.
  bool write_record(std::string_view bytes);
  bool flush();
  // Whether read() has something, at once or within the time.
  [[nodiscard]] bool readable(int milliseconds) const;

 private:
  int descriptor_;
  SslPtr ssl_;
  std::string pending_;  // write_record() without TLS
  bool buffered_ = false;
  bool closed_ = false;
};

}  // namespace benchmark
