#include "paho_resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <memory>
#include <string>
#include <vector>

#include "blocking_work.h"

namespace honeyframe {
namespace {

struct Answer {
  int code = 0;
  std::vector<std::string> addresses;
};

Answer ask(const char* host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  addrinfo* list = nullptr;
  Answer answer;
  answer.code = addresses_for_paho(host, &hints, &list);
  for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
    char text[INET6_ADDRSTRLEN] = "";
    const void* address =
        entry->ai_family == AF_INET6
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr)
            : &reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr;
    inet_ntop(entry->ai_family, address, text, sizeof text);
    EXPECT_EQ(entry->ai_socktype, SOCK_STREAM);
    answer.addresses.emplace_back(text);
  }
  free_addresses_for_paho(list);
  return answer;
}

void remember(const std::string& host, const std::vector<std::string>& literals) {
  std::vector<addrinfo> links(literals.size());
  std::vector<addrinfo*> found(literals.size());
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  for (std::size_t i = 0; i < literals.size(); ++i) {
    ASSERT_EQ(getaddrinfo(literals[i].c_str(), nullptr, &hints, &found[i]), 0);
    links[i] = *found[i];
    links[i].ai_next = i + 1 < literals.size() ? &links[i + 1] : nullptr;
  }
  remember_addresses(host, links.data());
  for (auto* list : found) freeaddrinfo(list);
}

TEST(PahoResolver, HandsOverWhatWasFoundBefore) {
  remember("plant.invalid", {"127.0.0.9", "::1", "127.0.0.8"});
  const auto answer = ask("plant.invalid");
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.addresses, (std::vector<std::string>{"127.0.0.9", "::1", "127.0.0.8"})) << "in that order";
  remember("plant.invalid", {"127.0.0.7"});
  EXPECT_EQ(ask("plant.invalid").addresses, std::vector<std::string>{"127.0.0.7"}) << "a reconnect looks up anew";
}

TEST(PahoResolver, KnowsWhatResolveHostHasFound) {
  ASSERT_TRUE(resolve_host("127.0.0.5", 1883).ok());
  EXPECT_EQ(ask("127.0.0.5").addresses, std::vector<std::string>{"127.0.0.5"});
}

TEST(PahoResolver, ReadsLiterals) {
  EXPECT_EQ(ask("127.0.0.4").addresses, std::vector<std::string>{"127.0.0.4"});
  EXPECT_EQ(ask("::1").addresses, std::vector<std::string>{"::1"});
}

TEST(PahoResolver, LooksUpWhatNobodyDid) {
  const auto answer = ask("localhost");
  EXPECT_EQ(answer.code, 0);
  EXPECT_FALSE(answer.addresses.empty());
  EXPECT_NE(ask("no-such-host.invalid").code, 0);
}

TEST(PahoResolver, RemembersWhatAThreadAskedForLast) {
  EXPECT_EQ(ask("127.0.0.1").code, 0);
  EXPECT_EQ(last_host_of_paho(), "127.0.0.1");
}

}  // namespace
}  // namespace honeyframe
