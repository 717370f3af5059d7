#pragma once

// ScriptedBroker: a broker that does exactly what a test tells it, packet by packet, good manners or not.
//
//   ScriptedBroker broker;
//   broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).publish({.topic = "a"});
//   broker.play();
//   ... the client under test talks to broker.uri() ...
//   EXPECT_EQ(broker.finish(), "");   // the script was used up, and nothing was out of order
//
// One thread plays the script on a loopback socket; PINGREQ is answered on the side. The version comes from CONNECT.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace honeyframe::testing {

enum class Type : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
};

struct Packet {
  Type type{};
  std::uint8_t flags = 0;
  std::string body;  // behind the fixed header
  int version = 4;   // the connection's protocol level

  [[nodiscard]] bool contains(const std::string& text) const { return body.find(text) != std::string::npos; }
  [[nodiscard]] int qos() const { return flags >> 1 & 3; }
  // Of every type that has one.
  [[nodiscard]] std::uint16_t packet_id() const;
  // CONNECT.
  [[nodiscard]] int level() const {
    return body.size() > 6 ? static_cast<unsigned char>(body[body[1] == 4 ? 6 : 8]) : 0;
  }
  [[nodiscard]] bool clean() const { return (static_cast<unsigned char>(body[body[1] == 4 ? 7 : 9]) & 2) != 0; }
  // SUBSCRIBE of one filter: the last byte.
  [[nodiscard]] int subscribe_options() const { return static_cast<unsigned char>(body.back()); }
  // SUBSCRIBE, MQTT 5: the identifier, 0 where there is none.
  [[nodiscard]] std::uint32_t subscription_identifier() const;
};

struct Message {
  std::string topic;
  std::string payload = "x";
  int qos = 0;
  bool retain = false;
  std::uint16_t id = 1;
  std::vector<std::uint32_t> identifiers = {};  // subscription identifiers, MQTT 5
};

// MQTT 5 properties, encoded: property(0x21, two_bytes(10)).
[[nodiscard]] std::string two_bytes(std::uint32_t number);
[[nodiscard]] std::string four_bytes(std::uint32_t number);
[[nodiscard]] std::string property(int id, const std::string& encoded);

class ScriptedBroker {
 public:
  ScriptedBroker();
  ~ScriptedBroker();
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string uri() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }

  // The script. Each waits at most 10 s for what it needs.
  ScriptedBroker& accept();
  ScriptedBroker& expect(Type type, std::function<bool(const Packet&)> check = {});
  // Something else than MQTT, up to an empty line: a request to an HTTP proxy.
  ScriptedBroker& expect_head(std::string part);
  ScriptedBroker& connack(int code = 0, bool session_present = false, std::string properties = {});
  ScriptedBroker& suback(std::vector<int> codes, std::string reason = {});  // to the SUBSCRIBE that came last
  ScriptedBroker& unsuback();
  ScriptedBroker& publish(Message message);
  // For the packet with the identifier that came last; the short form where code is 0.
  ScriptedBroker& acknowledge(Type type, int code = 0, std::string reason = {});
  ScriptedBroker& disconnect(int code, std::string reason = {});  // MQTT 5
  ScriptedBroker& send_raw(std::string bytes);
  // What the following steps send leaves byte by byte.
  ScriptedBroker& slowly(bool slow = true);
  ScriptedBroker& pause(std::chrono::milliseconds time);
  ScriptedBroker& run(std::function<void()> call);
  ScriptedBroker& close();
  ScriptedBroker& expect_close();

  void play();
  // Waits for the end of the script. "", or the step that failed and how.
  [[nodiscard]] std::string finish(std::chrono::seconds timeout = std::chrono::seconds(20));
  // Every packet that came, in order. After finish().
  [[nodiscard]] std::vector<Packet> received() const;

 private:
  struct Step {
    std::string name;
    std::function<std::string()> run;  // "" or what went wrong
  };
  ScriptedBroker& add(std::string name, std::function<std::string()> run);
  void main();
  std::string do_accept();
  std::string do_read(Packet& packet);
  std::string do_expect(Type type, const std::function<bool(const Packet&)>& check);
  std::string do_send(const std::string& bytes);
  [[nodiscard]] bool readable(int descriptor, std::chrono::milliseconds wait) const;
  [[nodiscard]] std::string reason_property(const std::string& reason) const;

  int listener_ = -1;
  int connection_ = -1;
  std::uint16_t port_ = 0;
  int version_ = 4;
  bool slow_ = false;
  std::uint16_t last_id_ = 0;
  std::vector<Step> steps_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<Packet> received_;  // guarded by mutex_
  std::string result_;            // guarded by mutex_
  std::atomic<bool> done_{false};
};

}  // namespace honeyframe::testing
