#include "connect_probe.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
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

// An HTTP answer's first line ("HTTP/1.1 101 Switching Protocols") and what the code in it is, 0 where it is not HTTP.
struct HttpAnswer {
  std::string line;
  int code = 0;
};

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
  answer.line = header.substr(0, header.find("\r\n"));
  const std::size_t space = answer.line.find(' ');
  if (answer.line.starts_with("HTTP/1.") && space != std::string::npos) {
    for (const char c : std::string_view(answer.line).substr(space + 1, 3))
      answer.code = answer.code * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
  }
  return answer;
}

// Names of failures on the way to or through the proxy; a cancelled attempt stays what it is.
Status proxy_failure(const ProxyUri& proxy, const Status& cause) {
  if (cause.code() == ErrorCode::closed) return cause;
  return failure(ErrorCode::proxy_failed, "proxy " + proxy.display() + ": " + cause.message());
}

Result<ProbeSocket> connect_through(const ProxyUri& proxy, const BrokerUri& uri, const ProbeLimit& limit) {
  Result<ProbeSocket> socket = ProbeSocket::connect(proxy.host, proxy.port, limit);
  if (!socket.ok()) return proxy_failure(proxy, socket.status());
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
  return failure(ErrorCode::proxy_failed, to + in_quotes(answer.value().line));
}

Status upgrade(ProbeChannel& channel, const BrokerUri& uri) {
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
  if (answer.value().code == 101) return {};
  if (answer.value().line.empty())
    return failure(ErrorCode::websocket_failed, where + "the server closed the connection at the WebSocket request");
  if (answer.value().code == 0)
    return failure(ErrorCode::websocket_failed, where + "the server answers, but not with HTTP");
  return failure(ErrorCode::websocket_failed,
                 where + "the server refuses a WebSocket here: " + in_quotes(answer.value().line));
}

}  // namespace

Status probe(const ConnectOptions& options, std::chrono::milliseconds timeout, const std::atomic<bool>& cancel) {
  const BrokerUri& uri = options.uri;
  const ProbeLimit limit{std::chrono::steady_clock::now() + timeout, &cancel};
  Result<ProxyUri> proxy =
      options.http_proxy.empty() ? Result<ProxyUri>(ProxyUri()) : ProxyUri::parse(options.http_proxy.reveal());
  if (!proxy.ok()) return proxy.status();
  Result<ProbeSocket> socket = options.http_proxy.empty() ? ProbeSocket::connect(uri.host, uri.port, limit)
                                                          : connect_through(proxy.value(), uri, limit);
  if (!socket.ok()) return socket.status();
  if (!uri.uses_tls()) return uri.uses_websocket() ? upgrade(socket.value(), uri) : Status();

  const Result<std::unique_ptr<TlsProbe>> tls = TlsProbe::create(options, socket.value());
  if (!tls.ok()) return tls.status();
  if (Status status = tls.value()->handshake(); !status.ok()) return status;
  return uri.uses_websocket() ? upgrade(*tls.value(), uri) : Status();
}

}  // namespace honeyframe
