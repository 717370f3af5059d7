// libmosquitto as a subscriber that counts, as its documentation has it: one thread, mosquitto_loop.
//
//   receive_mosquitto --port N [--authority PEM] --warm-up 20000 --messages 200000 [--qos 1]

#include <mosquitto.h>

#include <iostream>
#include <string>

#include "core_pin.h"
#include "cpu_meter.h"
#include "options.h"

using namespace benchmark;

namespace {

struct Count {
  bool connected = false;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

void on_connect(mosquitto*, void* count, int code) {
  static_cast<Count*>(count)->connected = code == 0;
}

void on_message(mosquitto*, void* count, const mosquitto_message* message) {
  auto& so_far = *static_cast<Count*>(count);
  ++so_far.messages;
  so_far.bytes += static_cast<std::uint64_t>(message->payloadlen);
}

void check(int code, const char* what) {
  if (code == MOSQ_ERR_SUCCESS) return;
  std::cerr << what << ": " << mosquitto_strerror(code) << "\n";
  std::exit(2);
}

void run(mosquitto* client, Count& count, int qos, std::uint64_t wanted) {
  count.messages = count.bytes = 0;
  check(mosquitto_subscribe(client, nullptr, "plant/+/telemetry", qos), "subscribe");
  while (count.messages < wanted) check(mosquitto_loop(client, 1000, 1), "loop");
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"port", "authority", "warm-up", "messages", "qos", "core"});
  pin_to_core(options.number("core", -1));
  mosquitto_lib_init();
  Count count;
  mosquitto* client = mosquitto_new("receive-mosquitto", true, &count);
  if (!options.text("authority").empty()) {
    check(mosquitto_tls_set(client, options.text("authority").c_str(), nullptr, nullptr, nullptr, nullptr),
          "authority");
    check(mosquitto_tls_opts_set(client, 1, "tlsv1.3", nullptr), "TLS 1.3");
  }
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_message_callback_set(client, on_message);
  check(mosquitto_connect(client, "127.0.0.1", static_cast<int>(options.number("port")), 60), "connect");
  while (!count.connected) check(mosquitto_loop(client, 1000, 1), "loop");

  const int qos = static_cast<int>(options.number("qos"));
  run(client, count, qos, static_cast<std::uint64_t>(options.number("warm-up")));
  const CpuMeter meter;
  run(client, count, qos, static_cast<std::uint64_t>(options.number("messages")));
  int major = 0, minor = 0, revision = 0;
  mosquitto_lib_version(&major, &minor, &revision);
  meter.report(count.messages, count.bytes,
               "libmosquitto " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(revision));
  mosquitto_disconnect(client);
  mosquitto_destroy(client);
  mosquitto_lib_cleanup();
}
