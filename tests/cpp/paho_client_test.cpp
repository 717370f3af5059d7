#include "paho_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "control_thread.h"
#include "scripted_broker.h"
#include "session_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::options_for;
using testing::ScriptedBroker;
using testing::Type;

class Counting final : public PahoListener {
 public:
  std::atomic<int> connected{0};

 private:
  void on_message(const MessageView&, std::span<const std::uint32_t>) noexcept override {}
  bool keeps_properties() const noexcept override { return false; }
  void on_connected(std::uint32_t, const Connack&) override { ++connected; }
  void on_connect_failed(std::uint32_t, int) override {}
  void on_connection_lost() override {}
  void on_server_disconnect(int, const std::string&) override {}
  void on_reply(std::uint32_t, const PahoReply&) override {}
  void on_published(std::span<const std::uint32_t>) override {}
};

// Where PahoClient's members belong.
template <typename Call>
auto on_control_thread(Call call) {
  std::promise<decltype(call())> answer;
  auto result = answer.get_future();
  ControlThread::instance().post([&] { answer.set_value(call()); });
  return result.get();
}

// While a DISCONNECT of the handle is on its way, Paho ignores a CONNECT: no failure, but something to ask again.
TEST(PahoClient, IsNotAtFaultWhileALastConnectionEnds) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.accept().expect(Type::connect).connack();
  broker.play();
  const auto options = options_for(broker);
  const auto listener = std::make_shared<Counting>();
  std::unique_ptr<PahoClient> client;
  const auto connect = [&](std::uint32_t request) { return client->connect(options, true, request); };

  ASSERT_TRUE(on_control_thread([&] {
    client = PahoClient::create(options, ProtocolVersion::v3_1_1, listener).value();
    return connect(1).value();
  }));
  ASSERT_TRUE(eventually([&] { return listener->connected == 1; }));
  const Result<bool> at_once = on_control_thread([&] {
    EXPECT_TRUE(client->disconnect(2).ok());
    return connect(3);
  });
  ASSERT_TRUE(at_once.ok()) << at_once.status().message();
  if (!at_once.value()) {  // as nearly always; else Paho was quicker
    ASSERT_TRUE(eventually([&] { return on_control_thread([&] { return connect(4).value(); }); }));
  }
  ASSERT_TRUE(eventually([&] { return listener->connected == 2; }));
  on_control_thread([&] {
    client.reset();
    return true;
  });
  EXPECT_EQ(broker.finish(), "");
}

}  // namespace
}  // namespace honeyframe
