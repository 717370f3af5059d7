#include "scripted_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace honeyframe::testing {
namespace {

constexpr std::chrono::milliseconds kStep{10'000};
constexpr std::chrono::milliseconds kSlice{20};
constexpr int kV5 = 5;

std::string variable_length(std::size_t length) {
  std::string bytes;
  do {
    auto byte = static_cast<unsigned>(length % 128);
    length /= 128;
    bytes += static_cast<char>(length > 0 ? byte | 0x80u : byte);
  } while (length > 0);
  return bytes;
}

std::string text_field(const std::string& text) {
  return two_bytes(static_cast<std::uint32_t>(text.size())) + text;
}

std::string packet(Type type, unsigned flags, const std::string& body) {
  return std::string(1, static_cast<char>(static_cast<unsigned>(type) << 4 | flags)) + variable_length(body.size()) +
         body;
}

std::string with_length(const std::string& properties) {
  return variable_length(properties.size()) + properties;
}

const char* name_of(Type type) {
  static const char* const names[] = {"?",           "CONNECT",  "CONNACK", "PUBLISH",   "PUBACK",
                                      "PUBREC",      "PUBREL",   "PUBCOMP", "SUBSCRIBE", "SUBACK",
                                      "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP",  "DISCONNECT"};
  const auto number = static_cast<std::size_t>(type);
  return number < std::size(names) ? names[number] : "?";
}

}  // namespace

std::string two_bytes(std::uint32_t number) {
  return {static_cast<char>(number >> 8 & 0xFF), static_cast<char>(number & 0xFF)};
}
std::string four_bytes(std::uint32_t number) {
  return two_bytes(number >> 16) + two_bytes(number & 0xFFFF);
}
std::string property(int id, const std::string& encoded) {
  return static_cast<char>(id) + encoded;
}

std::uint16_t Packet::packet_id() const {
  std::size_t at = 0;
  if (type == Type::publish)
    at = 2 + (static_cast<std::size_t>(static_cast<unsigned char>(body[0])) << 8) + static_cast<unsigned char>(body[1]);
  if (type == Type::connect || type == Type::disconnect || body.size() < at + 2) return 0;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(body[at]) << 8 |
                                    static_cast<unsigned char>(body[at + 1]));
}

std::uint32_t Packet::subscription_identifier() const {
  if (version != kV5 || body.size() < 4 || body[2] == 0 || body[3] != 0x0B) return 0;
  std::uint32_t number = 0;
  for (std::size_t i = 4, shift = 0; i < body.size(); ++i, shift += 7) {
    number |= (static_cast<std::uint32_t>(body[i]) & 0x7F) << shift;
    if ((static_cast<unsigned char>(body[i]) & 0x80) == 0) break;
  }
  return number;
}

ScriptedBroker::ScriptedBroker() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("the scripted broker found no port on the loopback");
  }
  port_ = ntohs(address.sin_port);
}

ScriptedBroker::~ScriptedBroker() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  if (connection_ >= 0) ::close(connection_);
  ::close(listener_);
}

ScriptedBroker& ScriptedBroker::add(std::string name, std::function<std::string()> run) {
  steps_.push_back({std::move(name), std::move(run)});
  return *this;
}

void ScriptedBroker::play() {
  thread_ = std::thread([this] { main(); });
}

void ScriptedBroker::main() {
  std::string result;
  for (std::size_t i = 0; i < steps_.size() && result.empty(); ++i) {
    const auto wrong = stop_ ? std::string("the test ended before") : steps_[i].run();
    if (!wrong.empty()) result = "step " + std::to_string(i + 1) + ", " + steps_[i].name + ": " + wrong;
  }
  const std::lock_guard lock(mutex_);
  result_ = result;
  done_ = true;
}

std::string ScriptedBroker::finish(std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!done_ && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (!done_) stop_ = true;
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return result_;
}

std::vector<Packet> ScriptedBroker::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

bool ScriptedBroker::readable(int descriptor, std::chrono::milliseconds wait) const {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  do {
    pollfd poll_for{descriptor, POLLIN, 0};
    if (poll(&poll_for, 1, static_cast<int>(kSlice.count())) > 0) return true;
  } while (!stop_ && std::chrono::steady_clock::now() < deadline);
  return false;
}

std::string ScriptedBroker::do_accept() {
  if (!readable(listener_, kStep)) return "nobody connected";
  if (connection_ >= 0) ::close(connection_);
  connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int on = 1;
  setsockopt(connection_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection_ < 0 ? "accept failed" : "";
}

std::string ScriptedBroker::do_read(Packet& packet_out) {
  const auto read_byte = [this](unsigned char& byte) {
    return readable(connection_, kStep) && recv(connection_, &byte, 1, 0) == 1;
  };
  unsigned char first = 0;
  if (!readable(connection_, kStep)) return "nothing came";
  if (!read_byte(first)) return "the client closed";
  std::size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char byte = 0;
    if (shift > 21 || !read_byte(byte)) return "the length is broken";
    length |= static_cast<std::size_t>(byte & 0x7Fu) << shift;
    if ((byte & 0x80u) == 0) break;
  }
  packet_out = {static_cast<Type>(first >> 4), static_cast<std::uint8_t>(first & 0x0Fu), std::string(length, '\0'),
                version_};
  for (std::size_t have = 0; have < length;) {
    if (!readable(connection_, kStep)) return "the packet stopped short";
    const auto got = recv(connection_, packet_out.body.data() + have, length - have, 0);
    if (got <= 0) return "the client closed within a packet";
    have += static_cast<std::size_t>(got);
  }
  if (packet_out.type == Type::connect) packet_out.version = version_ = packet_out.level();
  if (const auto id = packet_out.packet_id(); id != 0) last_id_ = id;
  return "";
}

std::string ScriptedBroker::do_expect(Type type, const std::function<bool(const Packet&)>& check) {
  Packet packet_in;
  for (;;) {
    if (auto wrong = do_read(packet_in); !wrong.empty()) return wrong;
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(packet_in);
    }
    if (packet_in.type != Type::pingreq || type == Type::pingreq) break;
    if (auto wrong = do_send(packet(Type::pingresp, 0, "")); !wrong.empty()) return wrong;
  }
  if (packet_in.type != type) return std::string("found ") + name_of(packet_in.type);
  return check && !check(packet_in) ? "it is not as expected" : "";
}

std::string ScriptedBroker::do_send(const std::string& bytes) {
  const std::size_t piece = slow_ ? 1 : bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (::send(connection_, bytes.data() + at, std::min(piece, bytes.size() - at), MSG_NOSIGNAL) < 0)
      return "the client is gone";
    if (slow_) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return "";
}

std::string ScriptedBroker::reason_property(const std::string& reason) const {
  return reason.empty() ? "" : property(0x1F, text_field(reason));
}

ScriptedBroker& ScriptedBroker::accept() {
  return add("accept", [this] { return do_accept(); });
}
ScriptedBroker& ScriptedBroker::expect(Type type, std::function<bool(const Packet&)> check) {
  return add(std::string("expect ") + name_of(type),
             [this, type, check = std::move(check)] { return do_expect(type, check); });
}
ScriptedBroker& ScriptedBroker::expect_head(std::string part) {
  return add("expect head", [this, part = std::move(part)] {
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n")) {
      if (!readable(connection_, kStep) || recv(connection_, &byte, 1, 0) != 1) return "it stopped after: " + head;
      head += byte;
    }
    return head.find(part) == std::string::npos ? "found: " + head : std::string();
  });
}
ScriptedBroker& ScriptedBroker::connack(int code, bool session_present, std::string properties) {
  return add("CONNACK", [=, this] {
    std::string body{static_cast<char>(session_present), static_cast<char>(code)};
    if (version_ == kV5) body += with_length(properties);
    return do_send(packet(Type::connack, 0, body));
  });
}
ScriptedBroker& ScriptedBroker::suback(std::vector<int> codes, std::string reason) {
  return add("SUBACK", [=, this] {
    auto body = two_bytes(last_id_);
    if (version_ == kV5) body += with_length(reason_property(reason));
    for (const int code : codes) body += static_cast<char>(code);
    return do_send(packet(Type::suback, 0, body));
  });
}
ScriptedBroker& ScriptedBroker::unsuback() {
  return add("UNSUBACK", [this] {
    return do_send(packet(Type::unsuback, 0, two_bytes(last_id_) + (version_ == kV5 ? std::string(2, '\0') : "")));
  });
}
ScriptedBroker& ScriptedBroker::publish(Message message) {
  return add("PUBLISH", [=, this] {
    auto body = text_field(message.topic);
    if (message.qos > 0) body += two_bytes(message.id);
    if (version_ == kV5) {
      std::string properties;
      for (const auto identifier : message.identifiers) properties += property(0x0B, variable_length(identifier));
      body += with_length(properties);
    }
    return do_send(packet(Type::publish, static_cast<unsigned>(message.qos) << 1 | (message.retain ? 1u : 0u),
                          body + message.payload));
  });
}
ScriptedBroker& ScriptedBroker::acknowledge(Type type, int code, std::string reason) {
  return add(name_of(type), [=, this] {
    auto body = two_bytes(last_id_);
    if (code != 0) body += static_cast<char>(code) + with_length(reason_property(reason));
    return do_send(packet(type, type == Type::pubrel ? 2 : 0, body));
  });
}
ScriptedBroker& ScriptedBroker::disconnect(int code, std::string reason) {
  return add("DISCONNECT", [=, this] {
    return do_send(
        packet(Type::disconnect, 0, std::string(1, static_cast<char>(code)) + with_length(reason_property(reason))));
  });
}
ScriptedBroker& ScriptedBroker::send_raw(std::string bytes) {
  return add("raw bytes", [this, bytes = std::move(bytes)] { return do_send(bytes); });
}
ScriptedBroker& ScriptedBroker::slowly(bool slow) {
  return add("slowly", [this, slow] {
    slow_ = slow;
    return std::string();
  });
}
ScriptedBroker& ScriptedBroker::pause(std::chrono::milliseconds time) {
  return add("pause", [this, time] {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stop_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return std::string();
  });
}
ScriptedBroker& ScriptedBroker::run(std::function<void()> call) {
  return add("run", [call = std::move(call)] {
    call();
    return std::string();
  });
}
ScriptedBroker& ScriptedBroker::close() {
  return add("close", [this] {
    ::close(connection_);
    connection_ = -1;
    return std::string();
  });
}
ScriptedBroker& ScriptedBroker::expect_close() {
  return add("expect close", [this] {
    char byte = 0;
    if (!readable(connection_, kStep)) return "the client stays";
    return recv(connection_, &byte, 1, 0) > 0 ? "the client sends more" : "";
  });
}

}  // namespace honeyframe::testing
