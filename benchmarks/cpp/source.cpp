// The source: a scripted broker that writes PUBLISH packets which it encoded beforehand, faster than anyone can read.
//
//   source --load FILE --messages 20000,200000 [--certificate PEM --key PEM] [--qos 1] [--record one] [--rate 50000]
//
// Prints the ports of its two listeners, TCP and TLS 1.3, and serves until it is terminated. The first SUBSCRIBE of a
// connection gets the first number of messages, the next one the next; the last number repeats. MQTT 3.1.1 and 5.0.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "core_pin.h"
#include "load.h"
#include "options.h"
#include "stream_socket.h"

using namespace benchmark;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunkBytes = 256u << 10;
constexpr std::size_t kRecordsBetweenReads = 64;

struct Plan {
  std::vector<std::size_t> runs;  // messages of each SUBSCRIBE
  int qos = 0;
  bool one_packet_a_record = false;
  double rate = 0;                           // messages a second; 0: flat out
  double shortest_gap = 0, longest_gap = 0;  // seconds of silence before each message; a seed of its own
  std::size_t window = 1000;                 // QoS 1: messages without PUBACK
  std::size_t pause_after = 0;               // after so many messages of the first run: silence, for 3 s
  std::string times_path;                    // where the time of each write is left, CLOCK_MONOTONIC, int64 nanoseconds
};

// One client, on a thread of its own.
class Connection {
 public:
  Connection(std::unique_ptr<StreamSocket> stream, const std::vector<LoadedMessage>& messages, const Plan& plan)
      : stream_(std::move(stream)), messages_(messages), plan_(plan), input_(1u << 16, '\0') {}

  void serve() {
    while (!stream_->closed() && !ended_) {
      if (wanted_ == 0 && !read_packets()) return;
      if (wanted_ > 0 && !send_run()) return;
    }
  }

 private:
  // Reads what is there (waiting for it) and answers every whole packet. False: closed.
  bool read_packets() {
    const std::size_t got = stream_->read(input_.data() + filled_, input_.size() - filled_);
    if (got == 0) return false;
    filled_ += got;
    std::size_t at = 0;
    while (const std::size_t size = packet_size(at)) {
      answer(std::string_view(input_).substr(at, size));
      at += size;
    }
    input_.erase(0, at);
    input_.resize(1u << 16);
    filled_ -= at;
    return !stream_->closed();
  }

  // 0: not whole yet.
  [[nodiscard]] std::size_t packet_size(std::size_t at) const {
    std::size_t length = 0;
    for (std::size_t i = 1; i <= 4 && at + i < filled_; ++i) {
      const auto byte = static_cast<unsigned char>(input_[at + i]);
      length |= (byte & 127u) << 7 * (i - 1);
      if (byte < 128) return at + 1 + i + length <= filled_ ? 1 + i + length : 0;
    }
    return 0;
  }

  void answer(std::string_view packet) {
    std::size_t body = 1;
    while ((static_cast<unsigned char>(packet[body++]) & 128u) != 0) continue;
    const bool v5 = level_ == 5;
    const std::string id(packet.substr(std::min(body, packet.size()), 2));
    switch (static_cast<unsigned char>(packet[0]) >> 4) {
      case 1:  // CONNECT
        level_ = packet[body + 6];
        load_ = std::make_unique<Load>(messages_, plan_.qos, level_);
        reply(level_ == 5 ? std::string("\x20\x03\0\0\0", 5) : std::string("\x20\x02\0\0", 4));
        break;
      case 4:  // PUBACK
        ++acknowledged_;
        break;
      case 8:  // SUBSCRIBE
        reply((v5 ? "\x90\x04" : "\x90\x03") + id + (v5 ? std::string(1, '\0') : "") + static_cast<char>(plan_.qos));
        wanted_ = plan_.runs[std::min(run_++, plan_.runs.size() - 1)];
        sent_ = acknowledged_ = 0;
        break;
      case 10:  // UNSUBSCRIBE
        wanted_ = 0;
        reply((v5 ? "\xb0\x04" : "\xb0\x02") + id + (v5 ? std::string("\0\0", 2) : ""));
        break;
      case 12:  // PINGREQ
        reply(std::string("\xd0\0", 2));
        break;
      case 14:  // DISCONNECT
        ended_ = true;
        break;
      default:
        break;
    }
  }

  void reply(const std::string& packet) {
    if (plan_.one_packet_a_record) {
      stream_->write_record(packet);
      stream_->flush();
    } else {
      stream_->write(packet);
    }
  }

  bool send_run() {
    times_.clear();
    started_ = Clock::now();
    const std::size_t run = run_;
    while (sent_ < wanted_ && run == run_) {
      const bool full = plan_.qos > 0 && sent_ - acknowledged_ >= plan_.window;
      if (full) stream_->flush();
      if ((full || sent_ >= next_look_ || !flat_out()) && stream_->readable(full ? 1000 : 0)) {
        if (!read_packets()) return false;
        continue;
      }
      if (!full && wait_for_turn() && !send_some()) return false;
    }
    stream_->flush();
    leave_times();
    if (run == run_) wanted_ = 0;
    next_look_ = 0;
    return true;
  }

  [[nodiscard]] bool flat_out() const { return plan_.rate == 0 && plan_.longest_gap == 0; }

  // True when the next message may go now. Spins: the source has a core of its own, and a sleep would be late.
  bool wait_for_turn() {
    if (plan_.pause_after > 0 && sent_ == plan_.pause_after) std::this_thread::sleep_for(std::chrono::seconds(3));
    if (flat_out()) return true;
    if (plan_.longest_gap > 0) {
      std::uniform_real_distribution<double> gap(plan_.shortest_gap, plan_.longest_gap);
      std::this_thread::sleep_for(std::chrono::duration<double>(gap(random_)));
      return true;
    }
    return Clock::now() >= due(sent_);
  }

  [[nodiscard]] Clock::time_point due(std::size_t number) const {
    return started_ +
           std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(number) / plan_.rate));
  }

  bool send_some() {
    const std::size_t begin = sent_ % load_->size();
    std::size_t limit = std::min(load_->size(), begin + wanted_ - sent_);
    if (sent_ < plan_.pause_after) limit = std::min(limit, begin + plan_.pause_after - sent_);
    if (plan_.qos > 0) limit = std::min(limit, begin + plan_.window - (sent_ - acknowledged_));
    const bool paced = !flat_out();
    std::size_t end = begin + 1;
    if (!plan_.one_packet_a_record && !paced) {
      end = load_->end_within(begin, kChunkBytes, limit);
    } else if (!plan_.one_packet_a_record && plan_.rate > 0) {
      const auto now = Clock::now();
      while (end < limit && due(sent_ + end - begin) <= now) ++end;
    }
    if (!plan_.times_path.empty())
      times_.resize(times_.size() + (end - begin), Clock::now().time_since_epoch().count());
    sent_ += end - begin;
    next_look_ = sent_ + (plan_.one_packet_a_record ? kRecordsBetweenReads : 0);
    if (!plan_.one_packet_a_record) return stream_->write(load_->packets(begin, end));
    return stream_->write_record(load_->packets(begin, end)) && (!paced || stream_->flush());
  }

  void leave_times() const {
    if (plan_.times_path.empty()) return;
    const std::string unfinished = plan_.times_path + ".part";
    {
      std::ofstream file(unfinished, std::ios::binary);
      file.write(reinterpret_cast<const char*>(times_.data()),
                 static_cast<std::streamsize>(times_.size() * sizeof times_[0]));
    }
    std::rename(unfinished.c_str(), plan_.times_path.c_str());
  }

  std::unique_ptr<StreamSocket> stream_;
  const std::vector<LoadedMessage>& messages_;
  const Plan& plan_;
  std::unique_ptr<Load> load_;
  std::string input_;
  std::size_t filled_ = 0;
  int level_ = 4;
  std::size_t run_ = 0, wanted_ = 0, sent_ = 0, acknowledged_ = 0, next_look_ = 0;
  bool ended_ = false;
  Clock::time_point started_;
  std::mt19937 random_{20'260'301};
  std::vector<std::int64_t> times_;
};

int listen_on_loopback(int& port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(descriptor, 8) != 0) std::exit(2);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return descriptor;
}

[[noreturn]] void serve(int listener, SSL_CTX* context, const std::vector<LoadedMessage>& messages, const Plan& plan) {
  while (true) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    std::thread([client, context, &messages, &plan] {
      auto stream = std::make_unique<StreamSocket>(client, context, true);
      Connection(std::move(stream), messages, plan).serve();
    }).detach();
  }
}

Plan read_plan(const Options& options) {
  Plan plan;
  std::istringstream runs(options.text("messages"));
  for (std::string count; std::getline(runs, count, ',');) plan.runs.push_back(std::stoul(count));
  plan.qos = static_cast<int>(options.number("qos"));
  plan.one_packet_a_record = options.text("record") == "one";
  plan.rate = static_cast<double>(options.number("rate"));
  if (!options.text("gaps").empty()) {
    std::istringstream gaps(options.text("gaps"));
    gaps >> plan.shortest_gap;
    gaps.ignore(1);
    gaps >> plan.longest_gap;
  }
  plan.window = static_cast<std::size_t>(options.number("window", 1000));
  plan.pause_after = static_cast<std::size_t>(options.number("pause-after"));
  plan.times_path = options.text("times");
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGPIPE, SIG_IGN);
  const Options options(argc, argv,
                        {"load", "messages", "certificate", "key", "qos", "record", "rate", "gaps", "window",
                         "pause-after", "times", "core"});
  pin_to_core(options.number("core", -1));
  const Plan plan = read_plan(options);
  const auto messages = read_load(options.text("load"));
  if (plan.runs.empty()) {
    std::cerr << "--messages is missing\n";
    return 2;
  }
  int tcp_port = 0, tls_port = 0;
  const int tcp = listen_on_loopback(tcp_port);
  SslContextPtr context;
  if (!options.text("certificate").empty()) {
    context = server_context(options.text("certificate"), options.text("key"));
    const int tls = listen_on_loopback(tls_port);
    std::thread([tls, &context, &messages, &plan] { serve(tls, context.get(), messages, plan); }).detach();
  }
  std::cout << tcp_port << " " << tls_port << std::endl;
  serve(tcp, nullptr, messages, plan);
}
