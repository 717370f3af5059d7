#pragma once

// What the tests of the probes share: certificates of one authority, servers, and the check that no credential and no
// MQTT byte leaves.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "connect_probe.h"
#include "test_certificates.h"
#include "test_server.h"

namespace honeyframe::testing_support {

inline constexpr const char* kCanary = "Tr0ub4dor";  // the broker's password: no server may ever see it

// What servers heard, shared between their threads and the test.
class Heard {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    text_ += text;
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

class ProbeFixture : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    former_ = signal(SIGPIPE, SIG_DFL);
  }  // a probe must not depend on somebody ignoring it
  static void TearDownTestSuite() { signal(SIGPIPE, former_); }

  ConnectOptions options(const std::string& uri) const {
    ConnectOptions result;
    result.uri = BrokerUri::parse(uri).value();
    result.username = "user";
    result.password = Secret(kCanary);
    if (result.uri.uses_tls()) result.tls.ca_file = ca_file_;
    return result;
  }
  static Status run(const ConnectOptions& options,
                    std::chrono::milliseconds timeout = std::chrono::milliseconds(3'000)) {
    const std::atomic<bool> cancel{false};
    const Status status = probe(options, timeout, cancel);
    EXPECT_EQ((status.message() + status.hint()).find(kCanary), std::string::npos);
    return status;
  }
  // Probes a TLS server that shows these certificates; no byte may reach it behind the handshake. Any host name will
  // do: one that does not lead to this machine is reached as if through a proxy.
  Status run_tls(const Identity& identity, const std::vector<Identity>& chain = {},
                 const std::string& host = "localhost") {
    const TlsContext context = server_context(identity, chain);
    const bool by_proxy = host != "localhost" && host != "127.0.0.1";
    std::string name;
    Status status;
    {
      const TestServer server([&](Connection& connection) {
        if (by_proxy) {
          connection.read_until("\r\n\r\n");
          connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
        }
        if (!connection.start_tls(context.get())) return;
        name = connection.server_name();
        heard_.add(connection.read_all());
      });
      ConnectOptions to_server = options("mqtts://" + host + ":" + std::to_string(server.port()));
      if (by_proxy) to_server.http_proxy = Secret("http://127.0.0.1:" + std::to_string(server.port()));
      status = run(to_server);
    }
    EXPECT_EQ(heard_.text(), "");
    EXPECT_EQ(name, status.ok() && host != "127.0.0.1" ? host : "");
    return status;
  }
  Identity issue(CertificateRequest request) const { return make_identity(request, &authority_); }

  inline static sighandler_t former_ = nullptr;
  const TemporaryDirectory directory_;
  const Identity authority_ = make_identity({.common_name = "Test authority", .is_authority = true});
  const std::string ca_file_ = directory_.write_certificates("ca.pem", {authority_});
  Heard heard_;
};

}  // namespace honeyframe::testing_support
