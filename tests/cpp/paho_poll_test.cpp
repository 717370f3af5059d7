#include "paho_poll.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "connected_sockets.h"
#include "paho_stream.h"
#include "paho_transport.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::ConnectedSockets;
using Clock = std::chrono::steady_clock;

constexpr useconds_t kIdleSleep = 100'000;

// Each test plays Paho's receive thread: on a thread of its own, with nothing remembered and no wake left over.
template <typename Play>
void as_receiver(Play play) {
  std::thread([&] {
    pollfd none{-1, POLLIN, 0};
    poll_for_paho(&none, 1, 0);
    sleep_for_paho(kIdleSleep);
    play();
  }).join();
}

int poll_read(int descriptor, int timeout_ms, short* found = nullptr) {
  pollfd entry{descriptor, POLLIN, 0};
  const int answer = poll_for_paho(&entry, 1, timeout_ms);
  if (found != nullptr) *found = entry.revents;
  return answer;
}

int poll_write(int descriptor) {
  pollfd entry{descriptor, POLLOUT, 0};
  return poll_for_paho(&entry, 1, 0);
}

template <typename Call>
Clock::duration time_of(Call call) {
  const auto begin = Clock::now();
  call();
  return Clock::now() - begin;
}

void read_one(int descriptor) {
  char byte = 0;
  ASSERT_EQ(PahoStream::of(descriptor)->read(descriptor, &byte, 1), 1);
}

TEST(PahoPoll, AnswersFromWhatIsKept) {
  const ConnectedSockets pair;
  pair.send("ab");
  read_one(pair.ours());
  as_receiver([&] {
    short found = 0;
    EXPECT_LT(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 5'000, &found), 1); }), 1s);
    EXPECT_EQ(found, POLLIN);
    read_one(pair.ours());
    EXPECT_EQ(poll_read(pair.ours(), 0, &found), 0);
    EXPECT_EQ(found, 0);
  });
}

TEST(PahoPoll, LooksAtTheOthersWhileOneHasMuchToRead) {
  const ConnectedSockets busy;
  const ConnectedSockets quiet;
  busy.send(std::string(1'000, 'x'));
  read_one(busy.ours());
  quiet.send("a word");
  as_receiver([&] {
    int rounds = 0;
    for (bool heard = false; !heard && rounds < 100; ++rounds) {
      std::array<pollfd, 2> set{pollfd{busy.ours(), POLLIN, 0}, pollfd{quiet.ours(), POLLIN, 0}};
      EXPECT_GE(poll_for_paho(set.data(), set.size(), 1'000), 1);
      EXPECT_EQ(set[0].revents, POLLIN);
      EXPECT_EQ(set[0].fd, busy.ours());
      EXPECT_EQ(set[1].fd, quiet.ours());
      heard = set[1].revents == POLLIN;
    }
    EXPECT_LE(rounds, 33);
  });
}

TEST(PahoPoll, KnowsWhatCanBeWritten) {
  const ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  as_receiver([&] {
    EXPECT_EQ(poll_write(pair.ours()), 1);
    EXPECT_TRUE(stream.has_room()) << "the system was asked";
    std::string large(64UL * 1024 * 1024, 'x');
    const iovec piece{large.data(), large.size()};
    EXPECT_GT(stream.write(pair.ours(), &piece, 1), 0);
    EXPECT_EQ(poll_write(pair.ours()), 0);
  });
}

TEST(PahoPoll, WaitingEndsWithAWake) {
  const ConnectedSockets pair;
  as_receiver([&] {
    std::thread waker([] {
      std::this_thread::sleep_for(20ms);
      wake_paho();
    });
    EXPECT_LT(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 5'000), 0); }), 2s);
    waker.join();
    EXPECT_GE(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 30), 0); }), 25ms) << "a wake counts once";
  });
}

TEST(PahoPoll, WaitingEndsWhenASocketHasConnected) {
  const ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  stream.set_connecting(true);
  as_receiver([&] {
    short found = 0;
    EXPECT_LT(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 5'000, &found), 0); }), 2s);
    EXPECT_EQ(found, 0) << "Paho did not ask for this";
    EXPECT_EQ(poll_write(pair.ours()), 1);
    EXPECT_LT(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 5'000), 0); }), 2s) << "its writing poll has told it";
    EXPECT_LT(time_of([&] { sleep_for_paho(kIdleSleep); }), 50ms) << "where it was not yet in Paho's list";
    int error = 0;
    socklen_t size = sizeof error;
    honeyframe_paho_getsockopt(pair.ours(), SOL_SOCKET, SO_ERROR, &error, &size);
    EXPECT_FALSE(stream.is_connecting()) << "Paho has asked";
    EXPECT_EQ(poll_write(pair.ours()), 1);
    EXPECT_GE(time_of([&] { poll_read(pair.ours(), 30); }), 25ms);
  });
}

TEST(PahoPoll, WaitingEndsWhenThereIsRoomForTheRest) {
  const ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  std::string large(16UL * 1024 * 1024, 'x');
  const iovec piece{large.data(), large.size()};
  ASSERT_GT(stream.write(pair.ours(), &piece, 1), 0);
  ASSERT_TRUE(stream.has_unwritten());
  as_receiver([&] {
    EXPECT_GE(time_of([&] { poll_read(pair.ours(), 30); }), 25ms) << "there is none";
    std::thread reader([&] {
      std::this_thread::sleep_for(20ms);
      std::string some(1'000'000, '\0');
      for (int i = 0; i < 50; ++i) {
        static_cast<void>(recv(pair.theirs(), some.data(), some.size(), 0));
        std::this_thread::sleep_for(1ms);
      }
    });
    EXPECT_LT(time_of([&] { EXPECT_EQ(poll_read(pair.ours(), 5'000), 0); }), 2s);
    reader.join();
    EXPECT_EQ(poll_write(pair.ours()), 1);
    EXPECT_FALSE(stream.has_unwritten()) << "Paho goes on with it now";
  });
}

TEST(PahoPoll, DoesNotSleepAfterAnEmptyPoll) {
  const ConnectedSockets pair;
  as_receiver([&] {
    EXPECT_EQ(poll_read(pair.ours(), 1), 0);
    EXPECT_LT(time_of([] { sleep_for_paho(kIdleSleep); }), 50ms);
  });
}

TEST(PahoPoll, SleepsWhereThereIsNoSocketUntilThereIsOne) {
  as_receiver([] {
    EXPECT_GE(time_of([] { sleep_for_paho(kIdleSleep); }), 90ms);
    std::thread waker([] {
      std::this_thread::sleep_for(10ms);
      wake_paho();
    });
    EXPECT_LT(time_of([] { sleep_for_paho(kIdleSleep); }), 90ms);
    waker.join();
  });
}

TEST(PahoPoll, SleepsUntilAPeerThatTakesNothingTakesSomething) {
  const ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  std::string large(16UL * 1024 * 1024, 'x');
  const iovec piece{large.data(), large.size()};
  ASSERT_GT(stream.write(pair.ours(), &piece, 1), 0);
  pair.send("to be read");
  as_receiver([&] {
    EXPECT_EQ(poll_read(pair.ours(), 1'000), 1);
    EXPECT_GE(time_of([] { sleep_for_paho(kIdleSleep); }), 90ms) << "Paho would ask again and again";
    read_one(pair.ours());
    EXPECT_EQ(poll_read(pair.ours(), 1'000), 1);
    EXPECT_GE(time_of([] { sleep_for_paho(kIdleSleep); }), 90ms) << "whoever knows that there is something to read";
  });
}

TEST(PahoPoll, OtherThreadsSleepAsLongAsTheySay) {
  as_receiver([] {});
  wake_paho();
  EXPECT_GE(time_of([] { sleep_for_paho(kIdleSleep); }), 95ms);
  as_receiver([] { EXPECT_GE(time_of([] { sleep_for_paho(20'000); }), 20ms); });
}

}  // namespace
}  // namespace honeyframe
