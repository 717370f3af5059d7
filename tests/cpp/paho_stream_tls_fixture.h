#pragma once

// What the tests of PahoStream over TLS share: a connection with both its ends, and the handshake behind it.

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <csignal>
#include <string>

#include "connected_sockets.h"
#include "paho_stream.h"
#include "test_server.h"

namespace honeyframe::testing {

// Its two ends are in one thread.
class PahoStreamTls : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // as Paho does for its process
    server_ = SSL_new(server_context_.get());
    client_ = SSL_new(client_context_.get());
    SSL_set_fd(server_, pair_.theirs());
    SSL_set_fd(client_, pair_.ours());
    ASSERT_TRUE(stream().start_tls(client_));
    SSL_set_accept_state(server_);
    int theirs = 0;
    for (int i = 0; i < 100 && (stream().connect_tls(client_) != 1 || theirs != 1); ++i)
      theirs = SSL_do_handshake(server_);
    ASSERT_EQ(theirs, 1);
  }
  void TearDown() override {
    if (client_ != nullptr) stream().free_tls(client_);
    SSL_free(server_);
  }
  PahoStream& stream() { return *PahoStream::of(pair_.ours()); }
  void send(const std::string& bytes) {
    ASSERT_GT(SSL_write(server_, bytes.data(), static_cast<int>(bytes.size())), 0);
  }
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    result_ = stream().read_tls(client_, bytes.data(), static_cast<int>(size));
    bytes.resize(result_ > 0 ? static_cast<std::size_t>(result_) : 0);
    return bytes;
  }

  testing_support::TlsContext server_context_ =
      testing_support::server_context(testing_support::make_identity({.common_name = "localhost"}));
  testing_support::TlsContext client_context_{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
  ConnectedSockets pair_;
  SSL* server_ = nullptr;
  SSL* client_ = nullptr;
  int result_ = 0;
};

}  // namespace honeyframe::testing
