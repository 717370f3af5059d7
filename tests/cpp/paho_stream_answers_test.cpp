// PahoStream: the answers of a read burst.

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "paho_poll.h"
#include "paho_stream.h"
#include "paho_stream_answers_fixture.h"
#include "receive_burst_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::in_receive_thread;
using testing::kDisconnect;
using testing::kPingreq;
using testing::kPuback1;
using testing::kPuback2;
using testing::kPubcomp;
using testing::kPublish;
using testing::kPubrec;
using testing::kPubrel;
using testing::PahoStreamAnswers;
using testing::PahoStreamAnswersTls;

class NoCommit final : public BurstCommit {
 public:
  void commit() noexcept override {}
};

TEST_F(PahoStreamAnswers, LeaveTogetherAtTheEndOfTheBurst) {
  in_receive_thread([&] {
    for (const auto& answer : {kPuback1, kPubrec, kPubrel, kPubcomp, kPuback2}) EXPECT_EQ(write(answer), 4);
    EXPECT_EQ(arrived(), "");
    ReceiveBurst::end();
    EXPECT_EQ(arrived(), kPuback1 + kPubrec + kPubrel + kPubcomp + kPuback2) << "in one segment";
  });
}

TEST_F(PahoStreamAnswers, LeaveAtOnceOnOtherThreads) {
  EXPECT_EQ(write(kPuback1), 4);
  EXPECT_EQ(arrived(), kPuback1);
}

TEST_F(PahoStreamAnswers, OtherPacketsDoNotWaitForThem) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    std::thread([&] { EXPECT_EQ(write(kPublish), 7); }).join();
    EXPECT_EQ(arrived(), kPublish);
    EXPECT_EQ(write(kPublish), 7) << "on this thread the burst ends first: it may be an answer that is not seen as one";
    EXPECT_EQ(arrived(), kPuback1 + kPublish);
  });
}

TEST_F(PahoStreamAnswers, NothingFollowsDisconnect) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    std::thread([&] { EXPECT_EQ(write(kDisconnect), 2); }).join();
    EXPECT_EQ(arrived(), kPuback1 + kDisconnect);
  });
  EXPECT_EQ(arrived(), "");
}

TEST_F(PahoStreamAnswers, NothingIsAcknowledgedForTheSakeOfADisconnect) {
  in_receive_thread([&] {
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<NoCommit>()));
    EXPECT_EQ(write(kPuback1), 4);
    std::thread([&] { EXPECT_EQ(write(kDisconnect), 2); }).join();
    EXPECT_EQ(arrived(), kDisconnect) << "the message is not in its spool";
    EXPECT_EQ(write(kPuback2), 4);
  });
  EXPECT_EQ(arrived(), "") << "nothing may follow it";
}

TEST_F(PahoStreamAnswers, ThoseWithoutRoomGoFirstWhenThereIsSome) {
  fill();
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    EXPECT_TRUE(stream().owes_answers());
    EXPECT_FALSE(stream().has_room());
    EXPECT_EQ(write(kPingreq), 2) << "taken, and behind them";
    EXPECT_EQ(write(kPuback2), 4);
    EXPECT_EQ(write(kPublish), -1) << "Paho keeps it: there is no bound to how many come";
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_TRUE(stream().has_unwritten());
    EXPECT_EQ(drain(), "");
    stream().send_owed();
    EXPECT_FALSE(stream().owes_answers());
    EXPECT_EQ(write(kPublish), 7);
    EXPECT_EQ(drain(), kPuback1 + kPingreq + kPuback2 + kPublish);
  });
  EXPECT_EQ(drain(), "");
}

// Paho's rest first, then the answers: neither waits for the other.
TEST_F(PahoStreamAnswers, GoBehindTheRestOfAPacketThatCameBetween) {
  std::string large(16UL * 1024 * 1024, '.');
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    ssize_t sent = 0;
    std::thread([&] {
      const iovec piece{large.data(), large.size()};
      sent = stream().write(pair_.ours(), &piece, 1);
    }).join();
    ASSERT_GT(sent, 0);
    ASSERT_LT(sent, static_cast<ssize_t>(large.size()));
    ReceiveBurst::end();
    EXPECT_FALSE(stream().owes_answers()) << "it is Paho who must go on";
    EXPECT_EQ(drain(), "");
    pollfd entry{pair_.ours(), POLLOUT, 0};
    EXPECT_EQ(poll_for_paho(&entry, 1, 0), 1);
    std::string rest(".", 1);
    const iovec piece{rest.data(), rest.size()};
    EXPECT_EQ(stream().write(pair_.ours(), &piece, 1), 1);
    EXPECT_EQ(drain(), kPuback1);
  });
}

TEST_F(PahoStreamAnswers, NothingIsReadFromAConnectionThatTakesNone) {
  fill();
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    ReceiveBurst::end();
    pollfd entry{pair_.ours(), POLLOUT, 0};
    EXPECT_EQ(poll_for_paho(&entry, 1, 0), 0);
    EXPECT_EQ(drain(), "");
    entry.events = POLLIN;
    static_cast<void>(poll_for_paho(&entry, 1, 100));  // there is room now
    EXPECT_FALSE(stream().owes_answers());
    entry.events = POLLOUT;
    EXPECT_EQ(poll_for_paho(&entry, 1, 0), 1);
    EXPECT_EQ(drain(), kPuback1);
  });
}

TEST_F(PahoStreamAnswers, WaitForTheRestOfAPacketOfPahos) {
  std::string large(16UL * 1024 * 1024, '.');
  const iovec piece{large.data(), large.size()};
  const auto sent = stream().write(pair_.ours(), &piece, 1);
  ASSERT_GT(sent, 0);
  ASSERT_LT(sent, static_cast<ssize_t>(large.size()));
  in_receive_thread([&] {
    // Paho queues its answers while it has a rest; one that was held before it came must wait as well.
    stream().found_room();
    EXPECT_EQ(write(kPuback1), -1) << "not into the middle of a packet: Paho keeps it";
  });
  EXPECT_EQ(drain(), "");
}

TEST_F(PahoStreamAnswers, AConnectionThatIsGoneTellsTheNextRead) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    ASSERT_EQ(shutdown(pair_.ours(), SHUT_WR), 0);
    ReceiveBurst::end();
    EXPECT_TRUE(stream().has_failed_to_write());
    char byte = 0;
    EXPECT_EQ(stream().read(pair_.ours(), &byte, 1), -1);
    EXPECT_EQ(errno, EPIPE);
  });
}

TEST_F(PahoStreamAnswers, AreForgottenWithTheirConnection) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    stream().forget();
  });
  EXPECT_EQ(arrived(), "") << "another connection has the descriptor now";
}

TEST_F(PahoStreamAnswers, AreFourKindsOfPackets) {
  const auto is_answer = [](std::string bytes) {
    const iovec piece{bytes.data(), bytes.size()};
    return PahoStream::is_answer(&piece, 1);
  };
  for (const auto& answer : {kPuback1, kPubrec, kPubrel, kPubcomp}) EXPECT_TRUE(is_answer(answer));
  for (const auto& other : {kPublish, kDisconnect, "\xC0\x00"s, "GET /mqtt"s, "CONNECT host"s, "\x82\x04"s, ""s}) {
    EXPECT_FALSE(is_answer(other)) << other;
  }
}

TEST_F(PahoStreamAnswersTls, LeaveTogetherAtTheEndOfTheBurst) {
  in_receive_thread([&] {
    EXPECT_EQ(write(kPuback1), 4);
    EXPECT_EQ(write(kPubrec), 4);
    EXPECT_EQ(arrived(), "");
    ReceiveBurst::end();
    char some[64];
    EXPECT_EQ(SSL_read(server_, some, sizeof some), 8) << "in one record";
  });
}

// A retry with more behind it is what OpenSSL calls a moving buffer.
TEST_F(PahoStreamAnswersTls, ThoseWithoutRoomGoFirstAndWhole) {
  std::string answers;
  in_receive_thread([&] {
    while (!stream().owes_answers()) {
      for (int i = 0; i < 5'000; ++i) {
        EXPECT_EQ(write(kPuback1), 4);
        answers += kPuback1;
      }
      ReceiveBurst::end();
      ASSERT_LT(answers.size(), 64UL << 20);
    }
    EXPECT_EQ(write(kPublish), -1) << "Paho keeps it";
    EXPECT_EQ(SSL_get_error(client_, -1), SSL_ERROR_WANT_WRITE);
    EXPECT_EQ(write(kPuback2), 4);
    answers += kPuback2;
    ReceiveBurst::end();
    std::string found = arrived();
    for (int i = 0; i < 10'000 && stream().owes_answers(); ++i) {
      stream().send_owed();
      found += arrived();
    }
    EXPECT_FALSE(stream().owes_answers());
    EXPECT_EQ(write(kPublish), 7);
    found += arrived();
    EXPECT_TRUE(found == answers + kPublish) << found.size() << " bytes, of " << answers.size() + kPublish.size();
  });
}

}  // namespace
}  // namespace honeyframe
