#include "broker_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace honeyframe {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Good {
  const char* text;
  Scheme scheme;
  const char* host;
  int port;
  const char* path = "";
  const char* username = nullptr;
  const char* password = nullptr;
};

const Good kGood[] = {
    {"mqtt://localhost", Scheme::mqtt, "localhost", 1883},
    {"mqtts://localhost", Scheme::mqtts, "localhost", 8883},
    {"ws://localhost", Scheme::ws, "localhost", 80, "/mqtt"},
    {"wss://localhost", Scheme::wss, "localhost", 443, "/mqtt"},
    {"tcp://localhost:1884", Scheme::mqtt, "localhost", 1884},
    {"ssl://broker.example.com", Scheme::mqtts, "broker.example.com", 8883},
    {"tls://broker.example.com:443", Scheme::mqtts, "broker.example.com", 443},
    {"MQTTS://Broker.Example.COM", Scheme::mqtts, "broker.example.com", 8883},
    {"mqtts://broker.example.com.", Scheme::mqtts, "broker.example.com", 8883},
    {"mqtt://localhost/", Scheme::mqtt, "localhost", 1883},
    {"mqtt://mosquitto_1", Scheme::mqtt, "mosquitto_1", 1883},
    {"mqtt://127.0.0.1:65535", Scheme::mqtt, "127.0.0.1", 65535},
    {"mqtt://[::1]", Scheme::mqtt, "::1", 1883},
    {"mqtts://[2001:DB8::1]:8884", Scheme::mqtts, "2001:db8::1", 8884},
    {"mqtts://xn--kfer-5qa.example", Scheme::mqtts, "xn--kfer-5qa.example", 8883},
    {"mqtts://abc.s1.eu.hivemq.cloud", Scheme::mqtts, "abc.s1.eu.hivemq.cloud", 8883},
    {"mqtts://abc.s1.eu.hivemq.cloud:8883", Scheme::mqtts, "abc.s1.eu.hivemq.cloud", 8883},
    {"wss://abc.s1.eu.hivemq.cloud", Scheme::wss, "abc.s1.eu.hivemq.cloud", 8884, "/mqtt"},
    {"wss://abc.s1.eu.HIVEMQ.cloud/", Scheme::wss, "abc.s1.eu.hivemq.cloud", 8884, "/mqtt"},
    {"wss://abc.s1.eu.hivemq.cloud:8884/mqtt", Scheme::wss, "abc.s1.eu.hivemq.cloud", 8884, "/mqtt"},
    {"wss://host:8080/some/path", Scheme::wss, "host", 8080, "/some/path"},
    {"ws://host/", Scheme::ws, "host", 80, "/"},
    {"wss://host/mqtt?token=abc", Scheme::wss, "host", 443, "/mqtt?token=abc"},
    {"wss://host?token=abc", Scheme::wss, "host", 443, "/mqtt?token=abc"},
    {"mqtts://user@host", Scheme::mqtts, "host", 8883, "", "user"},
    {"mqtts://user:pass@host", Scheme::mqtts, "host", 8883, "", "user", "pass"},
    {"mqtts://user:@host", Scheme::mqtts, "host", 8883, "", "user", ""},
    {"mqtts://user:p%40ss%3A%2F%3f%23%25@host", Scheme::mqtts, "host", 8883, "", "user", "p@ss:/?#%"},
    {"mqtts://us%40er:a:b:c@host:1", Scheme::mqtts, "host", 1, "", "us@er", "a:b:c"},
    {"mqtts://k%C3%A4fer:%20@[::1]:1", Scheme::mqtts, "::1", 1, "",
     "k\xC3\xA4"
     "fer",
     " "},
    {"wss://u:p@host/x", Scheme::wss, "host", 443, "/x", "u", "p"},
};

std::optional<std::string> optional_text(const char* text) {
  return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

TEST(BrokerUriTest, ReadsGoodAddresses) {
  for (const Good& row : kGood) {
    const auto uri = BrokerUri::parse(row.text);
    ASSERT_TRUE(uri.ok()) << row.text << ": " << uri.status().message();
    EXPECT_EQ(uri.value().scheme, row.scheme) << row.text;
    EXPECT_EQ(uri.value().host, row.host) << row.text;
    EXPECT_EQ(uri.value().port, row.port) << row.text;
    EXPECT_EQ(uri.value().path, row.path) << row.text;
    EXPECT_EQ(uri.value().username, optional_text(row.username)) << row.text;
    const auto& password = uri.value().password;
    EXPECT_EQ(password ? std::optional(password->reveal()) : std::nullopt, optional_text(row.password)) << row.text;
  }
}

struct Bad {
  std::string text;
  const char* message;
  const char* hint = "";
};

TEST(BrokerUriTest, RejectsBadAddressesAndSaysWhy) {
  using namespace std::string_literals;
  const Bad rows[] = {
      {"", "empty", "mqtts://host"},
      {"localhost", "no scheme", "mqtts://localhost"},
      {"localhost:1883", "no scheme", "mqtt://localhost"},
      {"abc.s1.eu.hivemq.cloud", "no scheme", "for HiveMQ Cloud write mqtts://abc.s1.eu.hivemq.cloud"},
      {"abc.s1.eu.hivemq.cloud:8883", "no scheme", "mqtts://abc.s1.eu.hivemq.cloud"},
      {"mqtts:localhost", "no scheme"},
      {"://localhost", "no scheme"},
      {"http://localhost", "unknown scheme, 'http'", "mqtts"},
      {"https://abc.s1.eu.hivemq.cloud", "unknown scheme, 'https'", "mqtts"},
      {"mqtt+ssl://host", "no scheme"},
      {"mqtts://", "no host"},
      {"mqtts://:8883", "no host"},
      {"mqtts:///topic", "no host"},
      {"mqtts://user:pw@", "no host"},
      {"mqtts://@host", "no user name"},
      {"mqtts://:pw@host", "no user name"},
      {"mqtts://user:p@w@host", "more than one '@'", "%40"},
      {"mqtts://us%er:pw@host", "user name that is no escape", "%25"},
      {"mqtts://user:pw%@host", "password that is no escape", "%25"},
      {"mqtts://user:pw%4@host", "password that is no escape", "%25"},
      {"mqtts://user:pw%zz@host", "password that is no escape", "%25"},
      {"mqtts://user:p/w@host", "needs a port", "%2F"},
      {"mqtts://user:p?w@host", "needs a port", "%3F"},
      {"mqtts://user:p#w@host", "needs a port", "%23"},
      {"mqtts://us%00er@host", "without NUL"},
      {"mqtts://us%FFer@host", "UTF-8"},
      {"mqtts://host:", "found nothing"},
      {"mqtts://host:0", "found 0"},
      {"mqtts://host:65536", "found 65536"},
      {"mqtts://host:99999999999999999999", "found something else"},
      {"mqtts://host:-1", "needs a port"},
      {"mqtts://host:8883x", "needs a port"},
      {"mqtts://host:88:83", "more than one ':'", "brackets"},
      {"mqtts://2001:db8::1", "more than one ':'", "brackets"},
      {"mqtts://[::1", "without ']'"},
      {"mqtts://[::1]8883", "behind ']'"},
      {"mqtts://[::1]:", "found nothing"},
      {"mqtts://[::g]", "no IPv6 address"},
      {"mqtts://[fe80::1%25eth0]", "no IPv6 address"},
      {"mqtts://[]", "no IPv6 address"},
      {"mqtts://[host]", "no IPv6 address"},
      {"mqtts://256.1.1.1", "IPv4 address that cannot be read"},
      {"mqtts://1.2.3", "IPv4 address that cannot be read"},
      {"mqtts://a..b", "empty part"},
      {"mqtts://.", "no host"},
      {"mqtts://-a.b", "cannot be one"},
      {"mqtts://a-.b", "cannot be one"},
      {"mqtts://a%41.b", "cannot be one"},
      {"mqtts://<your-cluster>.hivemq.cloud", "cannot be one"},
      {"mqtts://k\xC3\xA4"
       "fer.example",
       "IDNA"},
      {"mqtts://" + std::string(64, 'a') + ".example", "64 characters"},
      {"mqtts://" + std::string(60, 'a') + "." + std::string(60, 'a') + "." + std::string(60, 'a') + "." +
           std::string(60, 'a') + "." + std::string(60, 'a'),
       "253"},
      {"mqtts://" + std::string(9'000, 'a'), "8192"},
      {"mqtts://host/topic", "no path", "separate argument"},
      {"mqtts://host?x=1", "no path"},
      {"mqtts://host#frag", "'#'"},
      {"mqtts://host/plant/#", "'#'", "separate argument"},
      {"wss://host/a#b", "'#'"},
      {"wss://us/er:pw@host", "'@' behind a '/'", "%2F"},
      {"wss://host/m\xC3\xA4", "percent-encoded"},
      {"mqtts://ho st", "space"},
      {"mqtts://host\n", "control character"},
      {"mqtts://host\r\nX-Header: 1", "control character"},
      {"mqtts://ho\0st"s, "control character"},
      {"mqtts://\xFF", "UTF-8"},
      {"mqtt://abc.s1.eu.hivemq.cloud", "TLS only", "mqtts://abc.s1.eu.hivemq.cloud (port 8883)"},
      {"mqtt://abc.s1.eu.hivemq.cloud:8883", "TLS only", "8883"},
      {"tcp://ABC.S1.EU.HIVEMQ.CLOUD", "TLS only"},
      {"ws://abc.s1.eu.hivemq.cloud:8884", "TLS only", "8884"},
      {"wss://abc.s1.eu.hivemq.cloud:8883", "wss on port 8883", "8884"},
      {"mqtts://abc.s1.eu.hivemq.cloud:8884", "mqtts on port 8884", "8883"},
      {"mqtts://abc.s1.eu.hivemq.cloud:1883", "port 1883", "8883"},
  };
  for (const Bad& row : rows) {
    const auto uri = BrokerUri::parse(row.text);
    ASSERT_FALSE(uri.ok()) << row.text;
    EXPECT_EQ(uri.status().code(), ErrorCode::invalid_uri) << row.text;
    EXPECT_THAT(uri.status().message(), HasSubstr(row.message)) << row.text;
    EXPECT_THAT(uri.status().hint(), HasSubstr(row.hint)) << row.text;
  }
}

// Wherever the address is broken, what may be the password is not shown.
TEST(BrokerUriTest, NoMessageShowsThePassword) {
  const std::string secret = "Tr0ub4dor";
  for (const std::string& text : {
           "user:" + secret + "@host",
           "user:" + secret,
           "mqtts:user:" + secret + "@host",
           "htp://user:" + secret + "@host",
           "mqtts://user:" + secret,
           "mqtts://user:" + secret + "@",
           "mqtts://user:" + secret + "@@host",
           "mqtts://user:" + secret + "%@host",
           "mqtts://user:" + secret + "/x@host",
           "mqtts://user:x/" + secret + "@host",
           "mqtts://user:x?" + secret + "@host",
           "mqtts://user:x#" + secret + "@host",
           "wss://user/" + secret + "@host",
           "wss://user:1/" + secret + "@host",
           "mqtts://user:x@" + secret + "@host",
           "mqtts://user:" + secret + "@ho st",
           "mqtts://user:" + secret + "@host:0",
           "mqtts://user:" + secret + "@host/path",
           "mqtts://:" + secret + "@host",
           "mqtts://user:" + secret + "@[::1",
           "user:" + secret + "://x@host",
           "mqtts://user:" + secret + "\n@host",
           "mqtt://user:" + secret + "@a.hivemq.cloud",
           "mqtts://user:" + secret + "@-x",
           "mqtts://u:[" + secret,
           "mqtts://us:er:" + secret,
       }) {
    const auto uri = BrokerUri::parse(text);
    ASSERT_FALSE(uri.ok()) << text;
    EXPECT_THAT(uri.status().message(), Not(HasSubstr(secret))) << text;
    EXPECT_THAT(uri.status().hint(), Not(HasSubstr(secret))) << text;
    EXPECT_THAT(uri.status().message() + uri.status().hint(), Not(HasSubstr("tr0ub4dor"))) << text;
  }
}

TEST(BrokerUriTest, DisplayLeavesOutWhatIsPrivate) {
  EXPECT_EQ(BrokerUri::parse("mqtts://user:pw@host").value().display(), "mqtts://host:8883");
  EXPECT_EQ(BrokerUri::parse("ssl://[::1]:1").value().display(), "mqtts://[::1]:1");
  EXPECT_EQ(BrokerUri::parse("wss://u:p@host/m?token=x").value().display(), "wss://host:443/m?...");
}

TEST(BrokerUriTest, KnowsAddressesFromNames) {
  EXPECT_TRUE(BrokerUri::parse("mqtt://127.0.0.1").value().host_is_ip());
  EXPECT_TRUE(BrokerUri::parse("mqtt://[::1]").value().host_is_ip());
  EXPECT_FALSE(BrokerUri::parse("mqtt://a1").value().host_is_ip());
}

TEST(BrokerUriTest, ValidatesWhatWasPutTogetherByHand) {
  BrokerUri uri;
  EXPECT_FALSE(uri.validate().ok());
  uri.host = "localhost";
  EXPECT_TRUE(uri.validate().ok());
  uri.port = 0;
  EXPECT_FALSE(uri.validate().ok());
  uri.port = 1;
  uri.path = "/x";
  EXPECT_FALSE(uri.validate().ok());
  uri.scheme = Scheme::ws;
  EXPECT_TRUE(uri.validate().ok());
  uri.path = "/x HTTP/1.1\r\n";
  EXPECT_FALSE(uri.validate().ok());
}

TEST(ProxyUriTest, ReadsGoodAndRejectsBad) {
  const auto proxy = ProxyUri::parse("http://us%40er:p%3Aw@Proxy.local:3128/");
  ASSERT_TRUE(proxy.ok()) << proxy.status().message();
  EXPECT_EQ(proxy.value().host, "proxy.local");
  EXPECT_EQ(proxy.value().port, 3128);
  EXPECT_EQ(proxy.value().username, "us@er");
  EXPECT_EQ(proxy.value().password->reveal(), "p:w");
  EXPECT_EQ(proxy.value().display(), "http://proxy.local:3128");
  EXPECT_EQ(ProxyUri::parse("http://proxy").value().port, 80);

  for (const char* text :
       {"", "proxy:3128", "https://proxy", "socks5://proxy", "http://", "http://proxy:0", "http://proxy/path",
        "http://a b", "http://:Tr0ub4dor@proxy", "http://u:Tr0ub4dor", "http://u:Tr0ub4dor/x@proxy"}) {
    const auto bad = ProxyUri::parse(text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_THAT(bad.status().message(), HasSubstr("http_proxy")) << text;
    EXPECT_THAT(bad.status().message() + bad.status().hint(), Not(HasSubstr("Tr0ub4dor"))) << text;
  }
}

}  // namespace
}  // namespace honeyframe
