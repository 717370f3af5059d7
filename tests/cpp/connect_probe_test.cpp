#include "connect_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "probe_fixture.h"

namespace honeyframe {
namespace {

using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace testing_support;

class ProbeTest : public ProbeFixture {};

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
    through.http_proxy = Secret("http://proxy-user:proxy-pw@127.0.0.1:" + std::to_string(proxy.port()));
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
    through.http_proxy = Secret("http://proxy-user:Pr0xyPw@127.0.0.1:" + std::to_string(proxy.port()));
    const Status status = run(through);
    EXPECT_EQ(status.code(), ErrorCode::proxy_failed);
    EXPECT_THAT(status.message(), HasSubstr(what));
    EXPECT_THAT(status.message(), Not(HasSubstr("Pr0xyPw")));
  }
  through.http_proxy = Secret("http://127.0.0.1:" + std::to_string(closed_port()));
  const Status status = run(through);
  EXPECT_EQ(status.code(), ErrorCode::proxy_failed);
  EXPECT_THAT(status.message(), HasSubstr("nothing listens"));
}

TEST_F(ProbeTest, TellsTheWay) {
  const TestServer server([&](Connection& connection) {
    connection.read_until("\r\n\r\n");
    connection.write(
        "HTTP/1.1 404 Not Found\r\nserver: nginx\r\nDATE:  Thu, 01 Jan 2026 00:00:00 GMT \r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
  });
  const std::atomic<bool> cancel{false};
  ProbeReport report;
  const Status status =
      probe(options("ws://127.0.0.1:" + std::to_string(server.port()) + "/no"), milliseconds(3'000), cancel, report);
  EXPECT_EQ(status.code(), ErrorCode::websocket_failed);
  EXPECT_EQ(report.step, ProbeReport::Step::websocket);
  EXPECT_EQ(report.addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(report.address, "127.0.0.1");
  EXPECT_GT(report.tcp_time.count(), 0.0);
  EXPECT_GT(report.websocket_time.count(), 0.0);
  EXPECT_EQ(report.http.line, "HTTP/1.1 404 Not Found");
  EXPECT_EQ(report.http.server, "nginx");
  EXPECT_EQ(report.http.date, "Thu, 01 Jan 2026 00:00:00 GMT");
  EXPECT_EQ(report.http.subprotocol, "mqtt");
}

TEST_F(ProbeTest, TellsTheStepThatFailed) {
  const std::atomic<bool> cancel{false};
  ProbeReport unknown;
  EXPECT_FALSE(probe(options("mqtt://no-such-host.invalid"), milliseconds(3'000), cancel, unknown).ok());
  EXPECT_EQ(unknown.step, ProbeReport::Step::name);
  EXPECT_TRUE(unknown.addresses.empty());
  ProbeReport closed;
  const std::string port = std::to_string(closed_port());
  EXPECT_FALSE(probe(options("mqtts://127.0.0.1:" + port), milliseconds(3'000), cancel, closed).ok());
  EXPECT_EQ(closed.step, ProbeReport::Step::tcp);
  ConnectOptions proxied = options("mqtt://127.0.0.1:" + port);
  const TestServer proxy([](Connection& connection) {
    connection.read_until("\r\n\r\n");
    connection.write("HTTP/1.1 403 No\r\n\r\n");
  });
  proxied.http_proxy = Secret("http://127.0.0.1:" + std::to_string(proxy.port()));
  ProbeReport refused;
  EXPECT_EQ(probe(proxied, milliseconds(3'000), cancel, refused).code(), ErrorCode::proxy_failed);
  EXPECT_EQ(refused.step, ProbeReport::Step::proxy);
}

TEST_F(ProbeTest, GreetsWhereTheWayIsFree) {
  {
    const TestServer server([&](Connection& connection) {
      heard_.add(connection.read_until("hello"));
      connection.write("\x20\x02");
      std::this_thread::sleep_for(milliseconds(50));
      connection.write(std::string_view("\0\x05", 2));
    });
    const std::atomic<bool> cancel{false};
    ProbeReport report;
    EXPECT_TRUE(probe(options("mqtt://127.0.0.1:" + std::to_string(server.port())), milliseconds(3'000), cancel, report,
                      "hello")
                    .ok());
    EXPECT_EQ(report.step, ProbeReport::Step::greeting);
    EXPECT_EQ(report.answer, std::string("\x20\x02\0\x05", 4));
  }
  EXPECT_EQ(heard_.text(), "hello");
}

}  // namespace
}  // namespace honeyframe
