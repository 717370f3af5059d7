#include "connect_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include "test_certificates.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace testing_support;

constexpr const char* kCanary = "Tr0ub4dor";  // the broker's password: no server may ever see it

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

class ProbeTest : public testing::Test {
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
  static Status run(const ConnectOptions& options, milliseconds timeout = milliseconds(3'000)) {
    const std::atomic<bool> cancel{false};
    const Status status = probe(options, timeout, cancel);
    EXPECT_THAT(status.message() + status.hint(), Not(HasSubstr(kCanary)));
    return status;
  }
  // Probes a TLS server that shows these certificates, by `host`; no byte may reach it behind the handshake.
  Status run_tls(const Identity& identity, const std::vector<Identity>& chain = {},
                 const std::string& host = "localhost") {
    const TlsContext context = server_context(identity, chain);
    std::string name;
    Status status;
    {
      const TestServer server([&](Connection& connection) {
        if (!connection.start_tls(context.get())) return;
        name = connection.server_name();
        heard_.add(connection.read_all());
      });
      status = run(options("mqtts://" + host + ":" + std::to_string(server.port())));
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

TEST_F(ProbeTest, GoodCertificate) {
  EXPECT_EQ(run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost"})).message(), "");
  EXPECT_EQ(run_tls(issue({.common_name = "x", .alternative_names = "IP:127.0.0.1"}), {}, "127.0.0.1").message(), "");
}

TEST_F(ProbeTest, WrongHostNamesTheNamesItHas) {
  const Status status =
      run_tls(issue({.common_name = "x", .alternative_names = "DNS:broker.example,DNS:*.example.org,IP:10.0.0.1"}));
  EXPECT_EQ(status.code(), ErrorCode::tls_host_name_mismatch) << status.message();
  EXPECT_THAT(status.message(),
              HasSubstr("not for 'localhost' but for 'broker.example', '*.example.org', IP 10.0.0.1"));
  EXPECT_FALSE(status.hint().empty());

  const Status by_address = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost"}), {}, "127.0.0.1");
  EXPECT_EQ(by_address.code(), ErrorCode::tls_host_name_mismatch) << by_address.message();

  const Status common_name = run_tls(issue({.common_name = "only.example"}));
  EXPECT_EQ(common_name.code(), ErrorCode::tls_host_name_mismatch);
  EXPECT_THAT(common_name.message(), HasSubstr("only.example"));
}

TEST_F(ProbeTest, ExpiredAndNotYetValid) {
  const Status expired = run_tls(
      issue({.common_name = "x", .alternative_names = "DNS:localhost", .begins_in_days = -9, .ends_in_days = -2}));
  EXPECT_EQ(expired.code(), ErrorCode::tls_certificate_expired);
  EXPECT_THAT(expired.message(), HasSubstr("expired on"));
  const Status early = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .begins_in_days = 2}));
  EXPECT_EQ(early.code(), ErrorCode::tls_certificate_expired);
  EXPECT_THAT(early.message(), HasSubstr("not yet valid"));
}

TEST_F(ProbeTest, SelfSigned) {
  const Status status = run_tls(make_identity({.common_name = "lonely", .alternative_names = "DNS:localhost"}));
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("self-signed"));
  EXPECT_THAT(status.message(), HasSubstr("lonely"));
}

TEST_F(ProbeTest, AnotherAuthority) {
  const Identity other = make_identity({.common_name = "Other authority", .is_authority = true});
  const Identity server = make_identity({.common_name = "x", .alternative_names = "DNS:localhost"}, &other);
  const Status status = run_tls(server);
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("Other authority"));
  const Status with_root = run_tls(server, {other});
  EXPECT_EQ(with_root.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(with_root.message(), HasSubstr("not trusted here"));
}

TEST_F(ProbeTest, MissingIntermediate) {
  const Identity middle = issue({.common_name = "Intermediate", .is_authority = true});
  const Identity server = make_identity({.common_name = "x", .alternative_names = "DNS:localhost"}, &middle);
  EXPECT_EQ(run_tls(server, {middle}).message(), "");
  const Status status = run_tls(server);
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("leaves out an intermediate"));
}

TEST_F(ProbeTest, WeakKeyAndDigest) {
  const Status key = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .rsa_bits = 1024}));
  EXPECT_EQ(key.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(key.message(), HasSubstr("too weak a key"));
  const Status digest =
      run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .digest = EVP_sha1()}));
  EXPECT_EQ(digest.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(digest.message(), HasSubstr("digest"));
}

TEST_F(ProbeTest, InsecureAcceptsAll) {
  const TlsContext context = server_context(make_identity({.common_name = "lonely"}));
  const TestServer server([&](Connection& connection) {
    if (connection.start_tls(context.get())) connection.read_all();
  });
  ConnectOptions insecure = options("mqtts://localhost:" + std::to_string(server.port()));
  insecure.tls = TlsOptions();
  insecure.tls.insecure = true;
  EXPECT_EQ(run(insecure).message(), "");
}

TEST_F(ProbeTest, OldTlsOnly) {
  const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:localhost"}));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  const TestServer server([&](Connection& connection) { connection.start_tls(context.get()); });
  const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
  EXPECT_EQ(status.code(), ErrorCode::tls_failed);
  EXPECT_THAT(status.message(), HasSubstr("1.2"));
}

TEST_F(ProbeTest, ClientCertificateWanted) {
  const Identity client = issue({.common_name = "client"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:localhost"}));
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_load_verify_file(context.get(), ca_file_.c_str());
    const TestServer server([&](Connection& connection) {
      if (connection.start_tls(context.get())) heard_.add(connection.read_all());
    });
    ConnectOptions without = options("mqtts://localhost:" + std::to_string(server.port()));
    const Status status = run(without);
    EXPECT_EQ(status.code(), ErrorCode::tls_failed) << version;
    EXPECT_THAT(status.message(), HasSubstr("client certificate")) << version;

    ConnectOptions with = without;
    with.tls.client_certificate_file = directory_.write_certificates("client.pem", {client});
    with.tls.client_key_file = directory_.write_key("client.key", client, "passphrase");
    with.tls.client_key_password = Secret("passphrase");
    EXPECT_EQ(run(with).message(), "") << version;

    const Identity stranger = make_identity({.common_name = "stranger"});
    with.tls.client_certificate_file = directory_.write_certificates("stranger.pem", {stranger});
    with.tls.client_key_file = directory_.write_key("stranger.key", stranger);
    with.tls.client_key_password.reset();
    EXPECT_EQ(run(with).code(), ErrorCode::tls_failed) << version;
  }
  EXPECT_EQ(heard_.text(), "");
}

TEST_F(ProbeTest, TlsNotSpoken) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "does not seem to speak TLS"},  // closes, as an MQTT broker does at this greeting
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "answers, but not with TLS"},  // a web server
      {"220 mail.example ESMTP\r\n", "answers, but not with TLS"},        // any other
  };
  for (const auto& [answer, what] : rows) {
    const TestServer server([&, text = std::string(answer)](Connection& connection) {
      heard_.add(connection.read_until("\x16"));
      connection.write(text);
    });
    const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
    EXPECT_EQ(status.code(), ErrorCode::tls_not_spoken) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(what));
  }
  EXPECT_THAT(heard_.text(), Not(HasSubstr("MQTT")));
}

TEST_F(ProbeTest, ClosedInTheMiddleOfTheHandshake) {
  const TestServer server([](Connection& connection) {
    connection.read_until("\x16");
    connection.write("\x16\x03\x03");
  });
  const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
  EXPECT_EQ(status.code(), ErrorCode::tls_failed) << status.message();
}

TEST_F(ProbeTest, ClosedPort) {
  for (const char* scheme : {"mqtt", "mqtts", "ws", "wss"}) {
    const Status status = run(options(std::string(scheme) + "://localhost:" + std::to_string(closed_port())));
    EXPECT_EQ(status.code(), ErrorCode::connection_refused) << status.message();
    EXPECT_THAT(status.message(), HasSubstr("nothing listens on localhost:"));
    EXPECT_EQ(status.native_code(), ECONNREFUSED);
  }
}

TEST_F(ProbeTest, UnknownHost) {
  const Status status = run(options("mqtts://no-such-host.invalid"));
  EXPECT_EQ(status.code(), ErrorCode::dns_failed);
  EXPECT_THAT(status.message(), HasSubstr("'no-such-host.invalid'"));
}

TEST_F(ProbeTest, PlainPortIsOpenAndNothingIsSent) {
  {
    const TestServer server([&](Connection& connection) { heard_.add(connection.read_all()); });
    EXPECT_TRUE(run(options("mqtt://localhost:" + std::to_string(server.port()))).ok());
  }
  EXPECT_EQ(heard_.text(), "");
}

TEST_F(ProbeTest, SilentPortEndsInTime) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  const auto begin = std::chrono::steady_clock::now();
  const Status status = run(options("mqtts://127.0.0.1:" + std::to_string(server.port())), milliseconds(300));
  EXPECT_EQ(status.code(), ErrorCode::connect_timeout);
  EXPECT_THAT(status.message(), HasSubstr("does not answer TLS's greeting"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(1'500));
}

TEST_F(ProbeTest, CancelIsHonouredAtOnce) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  for (const char* scheme : {"mqtts", "ws"}) {
    std::atomic<bool> cancel{false};
    std::chrono::steady_clock::time_point asked;
    std::thread canceller([&] {
      std::this_thread::sleep_for(milliseconds(200));
      asked = std::chrono::steady_clock::now();
      cancel = true;
    });
    const Status status = probe(options(std::string(scheme) + "://127.0.0.1:" + std::to_string(server.port())),
                                milliseconds(20'000), cancel);
    const auto end = std::chrono::steady_clock::now();
    canceller.join();
    EXPECT_EQ(status.code(), ErrorCode::closed) << status.message();
    EXPECT_LT(end - asked, milliseconds(100));
  }
}

TEST_F(ProbeTest, MissingTrustIsNamedFirst) {
  ConnectOptions wrong = options("mqtts://localhost:" + std::to_string(closed_port()));
  const TestServer server([](Connection& connection) { connection.read_all(); });
  wrong.uri.port = server.port();
  wrong.tls.ca_file = directory_.path("absent.pem");
  EXPECT_EQ(run(wrong).code(), ErrorCode::invalid_argument);
}

constexpr const char* kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

TEST_F(ProbeTest, WebSocket) {
  struct Row {
    const char* answer;
    ErrorCode code;
    const char* message;
  };
  const Row rows[] = {
      {kSwitching, ErrorCode::ok, ""},
      {"HTTP/1.1 404 Not Found\r\n\r\n", ErrorCode::websocket_failed, "HTTP/1.1 404 Not Found"},
      {"HTTP/1.1 400 Bad\r\n\r\n", ErrorCode::websocket_failed, "400"},
      {"\x20\x02\x01\x05", ErrorCode::websocket_failed, "not with HTTP"},
      {"\x15\x03\x01\x02\x02", ErrorCode::websocket_failed, "not with HTTP"},
      {"", ErrorCode::websocket_failed, "closed the connection"},
  };
  for (const Row& row : rows) {
    const TestServer server([&, answer = std::string(row.answer)](Connection& connection) {
      heard_.add(connection.read_until("\r\n\r\n"));
      connection.write(answer);
    });
    const Status status = run(options("ws://localhost:" + std::to_string(server.port()) + "/some/path"));
    EXPECT_EQ(status.code(), row.code) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(row.message));
  }
  EXPECT_THAT(heard_.text(), StartsWith("GET /some/path HTTP/1.1\r\nHost: localhost:"));
  EXPECT_THAT(heard_.text(), HasSubstr("Sec-WebSocket-Protocol: mqtt\r\n"));
  EXPECT_THAT(heard_.text(), Not(AnyOf(HasSubstr("Authorization"), HasSubstr(kCanary))));
}

TEST_F(ProbeTest, WebSocketPathThatHangs) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  const Status status = run(options("ws://127.0.0.1:" + std::to_string(server.port()) + "/wrong"), milliseconds(300));
  EXPECT_EQ(status.code(), ErrorCode::websocket_failed);
  EXPECT_THAT(status.message(), HasSubstr("/wrong"));
  EXPECT_THAT(status.hint(), HasSubstr("/mqtt"));
}

TEST_F(ProbeTest, WebSocketOverTls) {
  const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:localhost"}));
  const TestServer server([&](Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    heard_.add(connection.read_until("\r\n\r\n"));
    connection.write(kSwitching);
  });
  EXPECT_EQ(run(options("wss://localhost:" + std::to_string(server.port()))).message(), "");
  EXPECT_THAT(heard_.text(), StartsWith("GET /mqtt HTTP/1.1\r\n"));
}

TEST_F(ProbeTest, ThroughAProxy) {
  const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:broker.example"}));
  std::string inside;
  std::string name;
  {
    const TestServer proxy([&](Connection& connection) {
      heard_.add(connection.read_until("\r\n\r\n"));
      connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (!connection.start_tls(context.get())) return;
      name = connection.server_name();
      inside = connection.read_all();
    });
    ConnectOptions through = options("mqtts://broker.example");
    through.http_proxy = "http://proxy-user:proxy-pw@127.0.0.1:" + std::to_string(proxy.port());
    EXPECT_EQ(run(through).message(), "");
  }
  EXPECT_THAT(heard_.text(), StartsWith("CONNECT broker.example:8883 HTTP/1.1\r\nHost: broker.example:8883\r\n"));
  EXPECT_THAT(heard_.text(), HasSubstr("Proxy-Authorization: Basic cHJveHktdXNlcjpwcm94eS1wdw==\r\n"));
  EXPECT_THAT(heard_.text(), Not(HasSubstr(kCanary)));
  EXPECT_EQ(name, "broker.example");
  EXPECT_EQ(inside, "");
}

TEST_F(ProbeTest, ProxyFailures) {
  const std::pair<const char*, const char*> rows[] = {
      {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses the user name and password"},
      {"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "does not answer with HTTP"},
      {"", "does not answer with HTTP"},
  };
  ConnectOptions through = options("mqtts://broker.example");
  for (const auto& [answer, what] : rows) {
    const TestServer proxy([text = std::string(answer)](Connection& connection) {
      connection.read_until("\r\n\r\n");
      connection.write(text);
    });
    through.http_proxy = "http://proxy-user:Pr0xyPw@127.0.0.1:" + std::to_string(proxy.port());
    const Status status = run(through);
    EXPECT_EQ(status.code(), ErrorCode::proxy_failed);
    EXPECT_THAT(status.message(), HasSubstr(what));
    EXPECT_THAT(status.message(), Not(HasSubstr("Pr0xyPw")));
  }
  through.http_proxy = "http://127.0.0.1:" + std::to_string(closed_port());
  const Status status = run(through);
  EXPECT_EQ(status.code(), ErrorCode::proxy_failed);
  EXPECT_THAT(status.message(), HasSubstr("nothing listens"));
}

}  // namespace
}  // namespace honeyframe
