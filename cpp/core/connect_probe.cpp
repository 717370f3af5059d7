#include "connect_probe.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "probe_socket.h"
#include "reason_codes.h"
#include "tls_probe.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16'384;

Status failure(ErrorCode code, std::string message) {
  return Status(code, std::move(message)).with_hint(std::string(hint_for(code)));
}

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> text(4 * ((bytes.size() + 2) / 3) + 1);
  const int size = EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  std::string result(text.begin(), text.begin() + size);
  OPENSSL_cleanse(text.data(), text.size());
  return result;
}

std::string host_and_port(const BrokerUri& uri) {
  const bool ipv6 = uri.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + uri.host + "]" : uri.host) + ":" + std::to_string(uri.port);
}

constexpr std::size_t kMaxAnswerBytes = 256;

// An HTTP answer's header, and what the code in its first line is, 0 where it is not HTTP.
struct HttpAnswer {
  HttpFacts facts;
  int code = 0;
};

bool same_letters(std::string_view left, std::string_view right) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

// The value of a header's field, without the blanks around it; empty where there is none.
std::string field_of(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find("\r\n"); at != std::string_view::npos; at = header.find("\r\n", at + 2)) {
    std::string_view line = header.substr(at + 2, header.find("\r\n", at + 2) - at - 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same_letters(line.substr(0, colon), name)) continue;
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with(' ')) line.remove_suffix(1);
    return std::string(line);
  }
  return {};
}

// Sends `request` and reads to the end of the answer's header. Both sides wait for us behind it, so nothing beyond is
// lost.
Result<HttpAnswer> ask(ProbeChannel& channel, std::string_view request) {
  if (Status status = channel.send(request); !status.ok()) return status;
  std::string header;
  while (header.find("\r\n\r\n") == std::string::npos && header.size() < kMaxHeaderBytes) {
    const Result<std::string> bytes = channel.receive();
    if (!bytes.ok()) return bytes.status();
    if (bytes.value().empty()) break;
    header += bytes.value();
    if (!header.starts_with(std::string_view("HTTP/").substr(0, header.size())))
      break;  // something else: no header will come
  }
  HttpAnswer answer;
  std::string& line = answer.facts.line;
  line = header.substr(0, header.find("\r\n"));
  answer.facts.date = field_of(header, "Date");
  answer.facts.server = field_of(header, "Server");
  answer.facts.subprotocol = field_of(header, "Sec-WebSocket-Protocol");
  const std::size_t space = line.find(' ');
  if (line.starts_with("HTTP/1.") && space != std::string::npos) {
    for (const char c : std::string_view(line).substr(space + 1, 3))
      answer.code = answer.code * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
  }
  return answer;
}

// Names of failures on the way to or through the proxy; a cancelled attempt stays what it is.
Status proxy_failure(const ProxyUri& proxy, const Status& cause) {
  if (cause.code() == ErrorCode::closed) return cause;
  return failure(ErrorCode::proxy_failed, "proxy " + proxy.display() + ": " + cause.message());
}

Result<ProbeSocket> connect_through(const ProxyUri& proxy, const BrokerUri& uri, const ProbeLimit& limit,
                                    ProbeReport& report) {
  Result<ProbeSocket> socket = ProbeSocket::connect(proxy.host, proxy.port, limit, &report);
  if (!socket.ok()) return proxy_failure(proxy, socket.status());
  report.step = ProbeReport::Step::proxy;
  const std::string target = host_and_port(uri);
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (proxy.username) {
    const Secret pair(*proxy.username + ":" + (proxy.password ? proxy.password->reveal() : std::string()));
    request += "Proxy-Authorization: Basic " + base64(pair.reveal()) + "\r\n";
  }
  request += "\r\n";
  const Result<HttpAnswer> answer = ask(socket.value(), request);
  OPENSSL_cleanse(request.data(), request.size());
  if (!answer.ok()) return proxy_failure(proxy, answer.status());
  const int code = answer.value().code;
  if (code >= 200 && code < 300) return socket;
  const std::string to = "proxy " + proxy.display() + " does not connect to " + target + ": ";
  if (code == 407)
    return failure(ErrorCode::proxy_failed, to + (proxy.username ? "it refuses the user name and password"
                                                                 : "it wants a user name and password"));
  if (code == 0) return failure(ErrorCode::proxy_failed, to + "it does not answer with HTTP");
  return failure(ErrorCode::proxy_failed, to + in_quotes(answer.value().facts.line));
}

Status upgrade(ProbeChannel& channel, const BrokerUri& uri, HttpFacts& facts) {
  std::array<char, 16> nonce{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size())) != 1) {
    return {ErrorCode::internal, "OpenSSL gave no random bytes"};
  }
  const std::string request =
      "GET " + uri.path + " HTTP/1.1\r\nHost: " + host_and_port(uri) +
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + base64({nonce.data(), nonce.size()}) +
      "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
  const Result<HttpAnswer> answer = ask(channel, request);
  const std::string where = uri.display() + ": ";
  if (!answer.ok()) {
    if (answer.status().code() == ErrorCode::connect_timeout) {
      return failure(
          ErrorCode::websocket_failed,
          where +
              "the server does not answer a WebSocket request for this path; HiveMQ does so when the path is wrong");
    }
    if (answer.status().code() != ErrorCode::connection_lost) return answer.status();
    return failure(ErrorCode::websocket_failed, where + answer.status().message());
  }
  facts = answer.value().facts;
  if (answer.value().code == 101) return {};
  if (facts.line.empty())
    return failure(ErrorCode::websocket_failed, where + "the server closed the connection at the WebSocket request");
  if (answer.value().code == 0)
    return failure(ErrorCode::websocket_failed, where + "the server answers, but not with HTTP");
  return failure(ErrorCode::websocket_failed, where + "the server refuses a WebSocket here: " + in_quotes(facts.line));
}

// The first bytes of the answer; what has come when the connection ends or the time is up.
std::string greet(ProbeChannel& channel, std::string_view greeting) {
  std::string answer;
  if (!channel.send(greeting).ok()) return answer;
  // The first piece is enough to tell one protocol from another, but it may be a byte or two.
  while (answer.size() < 4) {
    const Result<std::string> bytes = channel.receive();
    if (!bytes.ok() || bytes.value().empty()) break;
    answer += bytes.value().substr(0, kMaxAnswerBytes - answer.size());
  }
  return answer;
}

class Stopwatch {
 public:
  explicit Stopwatch(ProbeReport::Seconds& into) noexcept : into_(into) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { into_ = std::chrono::steady_clock::now() - begin_; }

 private:
  ProbeReport::Seconds& into_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// What lies above TCP or TLS.
Status speak(ProbeChannel& channel, const BrokerUri& uri, ProbeReport& report, std::string_view greeting) {
  if (uri.uses_websocket()) {
    report.step = ProbeReport::Step::websocket;
    const Stopwatch watch(report.websocket_time);
    return upgrade(channel, uri, report.http);
  }
  if (!greeting.empty()) {
    report.step = ProbeReport::Step::greeting;
    report.answer = greet(channel, greeting);
  }
  return {};
}

}  // namespace

Status probe(const ConnectOptions& options, std::chrono::milliseconds timeout, const std::atomic<bool>& cancel) {
  ProbeReport report;
  return probe(options, timeout, cancel, report);
}

Status probe(const ConnectOptions& options, std::chrono::milliseconds timeout, const std::atomic<bool>& cancel,
             ProbeReport& report, std::string_view greeting) {
  const BrokerUri& uri = options.uri;
  const ProbeLimit limit{std::chrono::steady_clock::now() + timeout, &cancel};
  Result<ProxyUri> proxy =
      options.http_proxy.empty() ? Result<ProxyUri>(ProxyUri()) : ProxyUri::parse(options.http_proxy.reveal());
  if (!proxy.ok()) return proxy.status();
  Result<ProbeSocket> socket = options.http_proxy.empty() ? ProbeSocket::connect(uri.host, uri.port, limit, &report)
                                                          : connect_through(proxy.value(), uri, limit, report);
  if (!socket.ok()) return socket.status();
  if (!uri.uses_tls()) return speak(socket.value(), uri, report, greeting);

  report.step = ProbeReport::Step::tls;
  const Result<std::unique_ptr<TlsProbe>> tls = TlsProbe::create(options, socket.value());
  if (!tls.ok()) return tls.status();
  Status status;
  {
    const Stopwatch watch(report.tls_time);
    status = tls.value()->handshake();
  }
  report.tls = tls.value()->facts(status.ok());
  if (!status.ok()) return status;
  return speak(*tls.value(), uri, report, greeting);
}

}  // namespace honeyframe
