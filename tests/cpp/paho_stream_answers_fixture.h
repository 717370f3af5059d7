#pragma once

// What the tests of PahoStream's answers share: packets, and a connection that they are written to as Paho does.

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <thread>

#include "connected_sockets.h"
#include "paho_stream.h"
#include "paho_stream_tls_fixture.h"
#include "receive_burst.h"

namespace honeyframe::testing {

inline const std::string kPuback1("\x40\x02\x00\x01", 4);
inline const std::string kPuback2("\x40\x02\x00\x02", 4);
inline const std::string kPubrec("\x50\x02\x00\x03", 4);
inline const std::string kPubrel("\x62\x02\x00\x04", 4);
inline const std::string kPubcomp("\x70\x02\x00\x05", 4);
inline const std::string kPublish("\x30\x05\x00\x01t{}", 7);
inline const std::string kPingreq("\xC0\x00", 2);
inline const std::string kDisconnect("\xE0\x00", 2);

class PahoStreamAnswers : public ::testing::Test {
 protected:
  PahoStreamAnswers() { stream().forget(); }
  ~PahoStreamAnswers() override { stream().forget(); }

  PahoStream& stream() { return *PahoStream::of(pair_.ours()); }
  // As the transport does.
  ssize_t write(std::string bytes) {
    const iovec pieces[] = {{bytes.data(), 1}, {bytes.data() + 1, bytes.size() - 1}};
    ReceiveBurst::before_write(PahoStream::is_answer(pieces, 2));
    return stream().write(pair_.ours(), pieces, 2);
  }
  std::string arrived() const {
    std::string bytes(1UL << 20, '\0');
    const auto got = recv(pair_.theirs(), bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  // Bytes of nobody, until the connection takes not one more, nor a moment later: the kernel hands some on behind our
  // back.
  void fill() const {
    const std::string filler(1UL << 20, '.');
    for (bool took = true; took;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      took = false;
      while (::send(pair_.ours(), filler.data(), filler.size(), MSG_NOSIGNAL) > 0) took = true;
    }
  }
  // What arrives until nothing more does, without the fill().
  std::string drain() const {
    std::string all;
    for (std::string some = arrived(); !some.empty(); some = arrived()) {
      for (const char byte : some) {
        if (byte != '.') all += byte;
      }
    }
    return all;
  }
  ConnectedSockets pair_;
};

class PahoStreamAnswersTls : public PahoStreamTls {
 protected:
  int write(const std::string& bytes) {
    return stream().write_tls(client_, bytes.data(), static_cast<int>(bytes.size()));
  }
  // What has arrived, decrypted.
  std::string arrived() {
    std::string all;
    char some[65'536];
    for (int got = SSL_read(server_, some, sizeof some); got > 0; got = SSL_read(server_, some, sizeof some)) {
      all.append(some, static_cast<std::size_t>(got));
    }
    return all;
  }
};

}  // namespace honeyframe::testing
