// PahoStream: the answers that wait for the session's gate.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "answer_gate.h"
#include "connected_sockets.h"
#include "packet_oracle.h"
#include "packet_watch.h"
#include "paho_poll.h"
#include "paho_stream.h"
#include "paho_stream_answers_fixture.h"
#include "receive_burst_for_tests.h"

namespace honeyframe {
namespace {

using testing::ConnectedSockets;
using testing::in_receive_thread;
using testing::kDisconnect;
using testing::kPingreq;
using testing::kPuback1;
using testing::kPuback2;
using testing::kPubcomp;
using testing::kPublish;
using testing::kPubrec;
using testing::kPubrel;

const std::string kConnect =
    testing::framed(0x10, testing::sized("MQTT") + std::string("\x04\x02\0\x1e", 4) + testing::sized("withheld"));

// A session whose table has shut its gate: what it holds is in no queue yet.
class PahoStreamWithheld : public testing::PahoStreamAnswers {
 protected:
  PahoStreamWithheld() { connect(); }
  void connect() {
    stream().set_peer("broker.example", 1883);
    write(kConnect);
    ASSERT_EQ(arrived(), kConnect);
  }
  void open_elsewhere() {
    std::thread([&] { gate_->open(); }).join();
  }
  // What Paho's receive thread does when it has been woken.
  void look() {
    pollfd entry{pair_.ours(), POLLOUT, 0};
    static_cast<void>(poll_for_paho(&entry, 1, 0));
    entry.events = POLLIN;
    static_cast<void>(poll_for_paho(&entry, 1, 100));
  }
  static PahoStream& stream_of(const ConnectedSockets& pair) { return *PahoStream::of(pair.ours()); }

  std::shared_ptr<AnswerGate> gate_ = std::make_shared<AnswerGate>();
  std::shared_ptr<PacketWatch> watch_ = PacketWatch::make("withheld", "broker.example", 1883, 1'000, nullptr, gate_);
};

TEST_F(PahoStreamWithheld, WaitForTheGateBehindThoseThatCameBefore) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    gate_->shut();
    EXPECT_EQ(write(kPubrec), 4);
    EXPECT_EQ(write(kPuback2), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPuback1);
    ReceiveBurst::end();
    open_elsewhere();
    EXPECT_EQ(arrived(), "") << "the receive thread sends them";
    EXPECT_TRUE(stream().owes_answers());
    look();
    EXPECT_EQ(arrived(), kPubrec + kPuback2);
    EXPECT_FALSE(stream().owes_answers());
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPuback1);
  });
}

TEST_F(PahoStreamWithheld, ArePassedByAllThatAcknowledgesNoPublish) {
  in_receive_thread([&] {
    gate_->shut();
    for (const auto& packet : {kPuback1, kPubrel, kPubrec, kPubcomp}) EXPECT_EQ(write(packet), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPubrel + kPubcomp) << "publishes of QoS 2, ours and the broker's";
    std::thread([&] {
      EXPECT_EQ(write(kPublish), 7);
      EXPECT_EQ(write(kPingreq), 2);
    }).join();
    EXPECT_EQ(arrived(), kPublish + kPingreq);
    open_elsewhere();
    look();
  });
  EXPECT_EQ(arrived(), kPuback1 + kPubrec);
}

// A message that came between has gone to a spool that is not written yet.
TEST_F(PahoStreamWithheld, WaitForTheBurstThatTheGateOpensIn) {
  in_receive_thread([&] {
    gate_->shut();
    EXPECT_EQ(write(kPuback1), 4);
    open_elsewhere();
    look();
    EXPECT_EQ(arrived(), kPuback1) << "a poll that finds nothing to read ends it";
    gate_->shut();
    EXPECT_EQ(write(kPuback1), 4);
    open_elsewhere();
    EXPECT_FALSE(stream().owes_answers());
    stream().send_owed();
    EXPECT_EQ(arrived(), "");
    EXPECT_EQ(write(kPuback2), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPuback1 + kPuback2);
  });
}

TEST_F(PahoStreamWithheld, AreDroppedByDisconnect) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    gate_->shut();
    EXPECT_EQ(write(kPuback2), 4);
    std::thread([&] { EXPECT_EQ(write(kDisconnect), 2); }).join();
    EXPECT_EQ(write(kPuback2), 4);
    open_elsewhere();
    look();
  });
  EXPECT_EQ(arrived(), kPuback1 + kDisconnect) << "never acknowledged: it comes again";
}

TEST_F(PahoStreamWithheld, AreForgottenWithTheirConnection) {
  in_receive_thread([&] {
    gate_->shut();
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    stream().forget();
    connect();
    EXPECT_EQ(write(kPuback2), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), "") << "the message of the first connection is held still";
    open_elsewhere();
    look();
    EXPECT_EQ(arrived(), kPuback2);
  });
}

// The session has another connection already when the gate opens: the first one's descriptor is another session's.
TEST_F(PahoStreamWithheld, BelongToTheNewestConnectionOfTheirSession) {
  const auto other_gate = std::make_shared<AnswerGate>();
  in_receive_thread([&] {
    gate_->shut();
    other_gate->shut();
    EXPECT_EQ(write(kPuback1), 4);
    stream().forget();
    const auto other = PacketWatch::make("withheld", "broker.example", 1883, 1'000, nullptr, other_gate);
    connect();
    EXPECT_EQ(write(kPuback2), 4);
    open_elsewhere();
    ReceiveBurst::end();
    look();
    EXPECT_EQ(arrived(), "");
    other_gate->open();
    look();
    EXPECT_EQ(arrived(), kPuback2);
    stream().forget();
  });
}

TEST_F(PahoStreamWithheld, LeaveWithTheNextAnswerWhereAnotherConnectionWasTold) {
  const ConnectedSockets second;
  in_receive_thread([&] {
    gate_->shut();
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    stream_of(second).forget();
    stream_of(second).set_peer("broker.example", 1883);
    std::string bytes = kConnect;
    const iovec piece{bytes.data(), bytes.size()};
    EXPECT_EQ(stream_of(second).write(second.ours(), &piece, 1), static_cast<ssize_t>(bytes.size()));
    open_elsewhere();
    look();
    EXPECT_EQ(arrived(), "");
    EXPECT_EQ(write(kPuback2), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPuback1 + kPuback2);
  });
  stream_of(second).forget();
}

TEST_F(PahoStreamWithheld, AreBounded) {
  in_receive_thread([&] {
    gate_->shut();
    for (int i = 0; i < 65'535; ++i) ASSERT_EQ(write(kPuback1), 4);
    EXPECT_FALSE(stream().has_failed_to_write());
    for (int i = 0; i < 65'535; ++i) ASSERT_EQ(write(kPuback1), 4);
    EXPECT_TRUE(stream().has_failed_to_write()) << "no broker has so many packet ids";
  });
  gate_->open();
  EXPECT_EQ(arrived(), "");
}

TEST_F(PahoStreamWithheld, LeaveOnceWhileTheGateOpensAndShuts) {
  constexpr int kAnswers = 20'000;
  std::atomic<bool> done{false};
  std::thread table([&] {
    while (!done) {
      gate_->shut();
      gate_->open();
    }
  });
  std::string sent;
  std::string found;
  in_receive_thread([&] {
    for (int i = 0; i < kAnswers; ++i) {
      const std::string answer{'\x40', '\x02', static_cast<char>(i >> 8), static_cast<char>(i)};
      sent += answer;
      EXPECT_EQ(write(answer), 4);
      if (i % 16 != 0) continue;
      ReceiveBurst::end();
      stream().send_owed();
      found += arrived();
    }
    done = true;
    table.join();
    gate_->open();
    ReceiveBurst::end();
    stream().send_owed();
  });
  for (auto some = arrived(); !some.empty(); some = arrived()) found += some;
  EXPECT_TRUE(found == sent) << found.size() << " bytes of " << sent.size();
}

using PahoStreamWithheldTls = testing::PahoStreamAnswersTls;

TEST_F(PahoStreamWithheldTls, WaitForTheGate) {
  const auto gate = std::make_shared<AnswerGate>();
  const auto watch = PacketWatch::make("withheld", "broker.example", 8883, 1'000, nullptr, gate);
  stream().set_peer("broker.example", 8883);
  EXPECT_EQ(write(kConnect), static_cast<int>(kConnect.size()));
  EXPECT_EQ(arrived(), kConnect);
  in_receive_thread([&] {
    gate->shut();
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), "");
    std::thread([&] { gate->open(); }).join();
    stream().send_owed();
    EXPECT_EQ(arrived(), kPuback1);
  });
}

}  // namespace
}  // namespace honeyframe
