// The floor under every subscriber: recv or SSL_read into a large buffer and a header decode; with --extract yes also
// the hand-written JSON loop, into plain arrays.
//
//   receive_floor --port N [--authority PEM] --warm-up 20000 --messages 200000 [--qos 1] [--extract yes]

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>

#include "core_pin.h"
#include "cpu_meter.h"
#include "options.h"
#include "publish_scanner.h"
#include "strict_loop.h"

namespace benchmark {

void PublishScanner::open() {
  static constexpr std::string_view kConnect("\x10\x11\0\4MQTT\4\2\0\0\0\5floor", 19);
  stream_.write(kConnect);
  std::size_t got = 0;
  while (got < 4) {
    const std::size_t more = stream_.read(buffer_.data() + got, 4 - got);
    if (more == 0) break;
    got += more;
  }
  if (got < 4 || buffer_[0] != '\x20' || buffer_[3] != '\0') {
    std::cerr << "no CONNACK\n";
    std::exit(2);
  }
}

void PublishScanner::subscribe(int qos) {
  const std::string filter = "plant/+/telemetry";
  std::string packet("\x82\0\0\1\0", 5);
  packet[1] = static_cast<char>(5 + filter.size());
  packet.push_back(static_cast<char>(filter.size()));
  packet += filter;
  packet.push_back(static_cast<char>(qos));
  stream_.write(packet);
}

}  // namespace benchmark

using namespace benchmark;

namespace {

// Bytes of payload.
std::uint64_t run(PublishScanner& scanner, int qos, std::uint64_t messages, StrictLoop* loop, PlainColumns& columns) {
  std::uint64_t bytes = 0;
  bool readable = true;
  scanner.subscribe(qos);
  const bool whole = scanner.receive(messages, [&](std::string_view payload) {
    bytes += payload.size();
    if (loop != nullptr) readable = loop->read(payload, columns) && readable;
  });
  if (!whole || !readable) {
    std::cerr << (readable ? "the connection ended\n" : "a payload was refused\n");
    std::exit(1);
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const Options options(argc, argv, {"port", "authority", "warm-up", "messages", "qos", "extract", "core"});
  pin_to_core(options.number("core", -1));
  SslContextPtr context;
  if (!options.text("authority").empty()) context = client_context(options.text("authority"));
  const auto stream = StreamSocket::connect(static_cast<int>(options.number("port")), context.get());
  PublishScanner scanner(*stream, simdjson::SIMDJSON_PADDING);
  std::unique_ptr<StrictLoop> loop;
  if (options.text("extract") == "yes") loop = std::make_unique<StrictLoop>(4u << 20);
  const int qos = static_cast<int>(options.number("qos"));
  const auto messages = static_cast<std::uint64_t>(options.number("messages"));
  PlainColumns columns;
  scanner.open();
  run(scanner, qos, static_cast<std::uint64_t>(options.number("warm-up")), loop.get(), columns);
  columns = {};
  const CpuMeter meter;
  const std::uint64_t bytes = run(scanner, qos, messages, loop.get(), columns);
  meter.report(loop ? columns.rows() : messages, bytes, OPENSSL_VERSION_TEXT);
}
