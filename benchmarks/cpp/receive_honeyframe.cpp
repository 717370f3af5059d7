// honeyframe's core as a subscriber that makes no frame: what its receiving side costs by itself.
//
//   receive_honeyframe --port N [--authority PEM] --warm-up 20000 --messages 200000 [--qos 1]
//       [--mode count|queue|spool] [--spool DIRECTORY]
//
// count: the subscription's queue is closed, so that a message is read, routed, counted in the session's book and let
// go. queue: messages pass through the queue, and a consumer takes whole blocks and gives them back. spool: the same,
// written to a spool before they are acknowledged, and read back from there.

#include <honeyframe/build_info.h>
#include <honeyframe/message_queue.h>
#include <honeyframe/session.h>
#include <honeyframe/spool_queue.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "core_pin.h"
#include "cpu_meter.h"
#include "options.h"

using namespace benchmark;
using namespace honeyframe;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kFilter = "plant/+/telemetry";

[[noreturn]] void fail(const std::string& reason) {
  std::cerr << "receive_honeyframe: " << reason << "\n";
  std::exit(1);
}

void wait(const OperationPtr& operation) {
  if (!operation->wait_for(10s)) fail("no answer within 10 s");
  if (!operation->status().ok()) fail(operation->status().message());
}

std::shared_ptr<Session> connect(const Options& options) {
  ConnectOptions connect;
  const std::string scheme = options.text("authority").empty() ? "mqtt" : "mqtts";
  auto uri = BrokerUri::parse(scheme + "://127.0.0.1:" + options.text("port"));
  if (!uri.ok()) fail(uri.status().message());
  connect.uri = uri.value();
  connect.protocol = ProtocolVersion::v3_1_1;
  connect.tls.ca_file = options.text("authority");
  auto session = Session::create(connect);
  if (!session.ok()) fail(session.status().message());
  wait(session.value()->connect());
  return session.value();
}

class Subscriber {
 public:
  Subscriber(Session& session, int qos, bool through_queue, std::string spool)
      : session_(session), qos_(qos), through_queue_(through_queue), spool_(std::move(spool)) {}

  // Bytes of payload, and of topic where only the session has counted.
  std::uint64_t run(std::uint64_t messages) {
    const auto queue = make_queue();
    const SessionInfo before = session_.info();
    std::uint64_t subscription = 0;
    if (!through_queue_) queue->close();
    const OperationPtr granted =
        session_.subscribe({.filters = {std::string(kFilter)}, .qos = qos_}, queue, subscription);
    const std::uint64_t bytes = through_queue_ ? consume(*queue, messages) : count(before, messages);
    wait(granted);
    wait(session_.unsubscribe(subscription));
    queue->close();  // the next one may write the spool
    return bytes;
  }

 private:
  // "block": the source is faster than we are, and TCP has to say so.
  [[nodiscard]] std::shared_ptr<MessageQueue> make_queue() const {
    const QueueLimits limits{.policy = OverflowPolicy::block};
    if (spool_.empty()) return std::make_shared<MessageQueue>(limits);
    SpoolQueueOptions options;
    options.spool.path = spool_;
    auto queue = SpoolQueue::open(limits, options);
    if (!queue.ok()) fail(queue.status().message());
    return queue.value();
  }

  std::uint64_t consume(MessageQueue& queue, std::uint64_t messages) const {
    std::uint64_t taken = 0, bytes = 0;
    while (taken < messages) {
      auto block = queue.take(10s);
      if (!block) fail("no message for 10 s");
      taken += block->size();
      bytes += block->payload_bytes();
      queue.settle_delivered(block->size(), 0);
      queue.recycle(std::move(block));
    }
    return bytes;
  }

  [[nodiscard]] std::uint64_t count(const SessionInfo& before, std::uint64_t messages) const {
    const auto deadline = std::chrono::steady_clock::now() + 300s;
    while (std::chrono::steady_clock::now() < deadline) {
      const SessionInfo now = session_.info();
      if (now.arrived - before.arrived >= messages) return now.arrived_bytes - before.arrived_bytes;
      std::this_thread::sleep_for(2ms);
    }
    fail("messages are missing");
  }

  Session& session_;
  int qos_;
  bool through_queue_;
  std::string spool_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"port", "authority", "warm-up", "messages", "qos", "mode", "spool", "core"});
  pin_to_core(options.number("core", -1));
  const auto session = connect(options);
  const auto messages = static_cast<std::uint64_t>(options.number("messages"));
  const std::string mode = options.text("mode");
  if ((mode == "spool") != !options.text("spool").empty()) fail("--spool is for --mode spool, which needs it");
  Subscriber subscriber(*session, static_cast<int>(options.number("qos")), mode != "count", options.text("spool"));
  subscriber.run(static_cast<std::uint64_t>(options.number("warm-up")));
  const CpuMeter meter;
  const std::uint64_t bytes = subscriber.run(messages);
  std::string paho;
  for (const auto& [name, version] : build_info()) {
    if (name == "paho") paho = version;
  }
  meter.report(messages, bytes, "Paho " + paho);
  wait(session->close(2s));
}
