#pragma once

// A server on a loopback port of the system's choice, for one script at a time. Owns its thread and its listening
// socket.

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "test_certificates.h"

namespace honeyframe::testing_support {

// One accepted connection, as the script sees it. Waits end after 5 s, or when the server goes.
class Connection {
 public:
  Connection(int descriptor, const std::atomic<bool>& stopping) : descriptor_(descriptor), stopping_(stopping) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False where the handshake fails.
  bool start_tls(SSL_CTX* context);
  // Until `end` is there, or the client is gone.
  std::string read_until(std::string_view end);
  // What is there, at least a byte; empty where the client is gone.
  std::string read_some();
  void write(std::string_view bytes);
  // What came, up to the client's leaving.
  std::string read_all() { return read_until({}); }
  // What this end's socket took and gave, records and handshake of TLS included.
  struct Moved {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
  };
  [[nodiscard]] Moved moved() const;
  // Says that nothing more will come, in TLS first. What the client still says can be read.
  void end();
  // Of the TLS greeting; empty where it had none.
  [[nodiscard]] std::string server_name() const;

 private:
  bool readable();
  int descriptor_;
  Moved in_the_clear_;
  const std::atomic<bool>& stopping_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};
};

class TestServer {
 public:
  explicit TestServer(std::function<void(Connection&)> script);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void run();
  std::function<void(Connection&)> script_;
  std::uint16_t port_ = 0;  // before listener_, which sets it
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// A port on which nothing listens.
[[nodiscard]] std::uint16_t closed_port();

using TlsContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
// What the server shows: its own certificate and the ones behind it. Security level 0: it offers what a bad server
// offers.
[[nodiscard]] TlsContext server_context(const Identity& identity, const std::vector<Identity>& chain = {});

}  // namespace honeyframe::testing_support
