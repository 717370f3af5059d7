#include "connect_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace honeyframe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

ConnectOptions options_for(std::string_view uri) {
  ConnectOptions options;
  options.uri = BrokerUri::parse(uri).value();
  return options;
}

TEST(ConnectOptionsTest, DefaultsAreValid) {
  for (const char* uri : {"mqtt://localhost", "mqtts://user:pw@host", "ws://host", "wss://abc.s1.eu.hivemq.cloud"}) {
    EXPECT_TRUE(options_for(uri).validate().ok()) << uri;
  }
}

TEST(ConnectOptionsTest, AFullSetOfOptionsIsValid) {
  ConnectOptions options = options_for("mqtts://host");
  options.username = "user";
  options.password = Secret("pw");
  options.protocol = ProtocolVersion::v5_0;
  options.client_id =
      "k\xC3\xA4"
      "fer";
  options.clean_start = false;
  options.session_expiry = seconds(0xFFFF'FFFF);
  options.keepalive = seconds(0);
  options.receive_maximum = 1;
  options.maximum_packet_size = 256;
  options.last_will = LastWill{"status", "", 2, true};
  options.user_properties = {{"", ""}, {"site", "k\xC3\xB6ln"}};
  options.http_proxy = Secret("http://user:pw@proxy:3128");
  options.tls.ca_file = "/nowhere/ca.pem";  // looked at later
  options.tls.client_certificate_file = "cert.pem";
  options.tls.client_key_file = "key.pem";
  options.tls.client_key_password = Secret("pw");
  EXPECT_TRUE(options.validate().ok()) << options.validate().message();
}

TEST(ConnectOptionsTest, EachFaultIsNamed) {
  using namespace std::string_literals;
  struct Row {
    std::function<void(ConnectOptions&)> spoil;
    const char* message;
    ErrorCode code = ErrorCode::invalid_argument;
  };
  const Row rows[] = {
      {[](auto& o) { o.uri.host = ""; }, "no host", ErrorCode::invalid_uri},
      {[](auto& o) { o.username = ""; }, "username is empty"},
      {[](auto& o) { o.username = "a\0b"s; }, "username contains a NUL"},
      {[](auto& o) { o.username = "\xFF"; }, "username is not well-formed UTF-8"},
      {[](auto& o) { o.username = std::string(70'000, 'u'); }, "70000 bytes"},
      {[](auto& o) { o.password = Secret("pw"); }, "password was given without a username"},
      {[](auto& o) { o.username = "u", o.password = Secret(std::string(70'000, 'p')); },
       "password has more than 65535"},
      {[](auto& o) { o.username = "u", o.password = Secret("a\0b"s); }, "password contains a NUL"},
      {[](auto& o) { o.client_id = "a\0b"s; }, "client_id contains a NUL"},
      {[](auto& o) { o.client_id = "\xED\xA0\x80"; }, "client_id is not well-formed UTF-8"},
      {[](auto& o) { o.protocol = ProtocolVersion::v3_1, o.client_id = std::string(24, 'c'); }, "24 characters"},
      {[](auto& o) { o.clean_start = false; }, "clean_start=False needs a client_id"},
      {[](auto& o) { o.session_expiry = seconds(60); }, "session_expiry needs a client_id"},
      {[](auto& o) { o.client_id = "c", o.session_expiry = seconds(-1); }, "found -1"},
      {[](auto& o) { o.client_id = "c", o.session_expiry = seconds(0x1'0000'0000); }, "found 4294967296"},
      {[](auto& o) { o.client_id = "c", o.session_expiry = seconds(1), o.protocol = ProtocolVersion::v3_1_1; },
       "needs MQTT 5"},
      {[](auto& o) { o.receive_maximum = 0; }, "receive_maximum"},
      {[](auto& o) { o.maximum_packet_size = 255; }, "found 255"},
      {[](auto& o) { o.user_properties = {{"a", "b"}}, o.protocol = ProtocolVersion::v3_1; },
       "user_properties need MQTT 5"},
      {[](auto& o) { o.user_properties = {{"a\0"s, "b"}}; }, "user property's name contains a NUL"},
      {[](auto& o) { o.user_properties = {{"a", "\xFF"}}; }, "user property 'a' is not well-formed"},
      {[](auto& o) { o.last_will = LastWill{"a/#", "", 0, false}; }, "last_will: topic 'a/#'",
       ErrorCode::invalid_topic},
      {[](auto& o) { o.last_will = LastWill{"a", "", 3, false}; }, "qos must be 0, 1 or 2; found 3"},
      {[](auto& o) { o.last_will = LastWill{"a", "", -1, false}; }, "found -1"},
      {[](auto& o) { o.last_will = LastWill{"a", std::string(65'536, 'x'), 0, false}; }, "65536 bytes"},
      {[](auto& o) { o.keepalive = seconds(-1); }, "keepalive"},
      {[](auto& o) { o.keepalive = seconds(65'536); }, "found 65536"},
      {[](auto& o) { o.connect_timeout = milliseconds(0); }, "connect_timeout"},
      {[](auto& o) { o.reconnect_min_delay = milliseconds(-5); },
       "reconnect_min_delay must be at least a millisecond; found -5 ms"},
      {[](auto& o) { o.reconnect_max_delay = milliseconds(1); }, "longer than reconnect_max_delay"},
      {[](auto& o) { o.refused_retry_delay = milliseconds(0); }, "refused_retry_delay"},
      {[](auto& o) { o.http_proxy = Secret("proxy:3128"); }, "http_proxy", ErrorCode::invalid_uri},
      {[](auto& o) { o.tls.ca_file = "a\0b"s; }, "ca_file is a path with a NUL"},
      {[](auto& o) { o.tls.client_certificate_file = "c"; }, "needs client_key"},
      {[](auto& o) { o.tls.client_key_file = "k"; }, "needs client_certificate"},
      {[](auto& o) { o.tls.client_key_password = Secret("p"); }, "without client_key"},
      {[](auto& o) { o.tls.insecure = true, o.tls.ca_file = "ca.pem"; }, "insecure=True"},
      {[](auto& o) { o.uri = BrokerUri::parse("mqtt://localhost").value(), o.tls.ca_file = "ca.pem"; },
       "uses no TLS; write mqtts://"},
      {[](auto& o) { o.uri = BrokerUri::parse("ws://localhost").value(), o.tls.ca_directory = "ca"; },
       "uses no TLS; write wss://"},
  };
  for (const Row& row : rows) {
    ConnectOptions options = options_for("mqtts://host");
    row.spoil(options);
    const Status status = options.validate();
    EXPECT_EQ(status.code(), row.code) << row.message;
    EXPECT_THAT(status.message(), HasSubstr(row.message));
  }
}

TEST(ConnectOptionsTest, Mqtt31CountsCharactersAndNotBytes) {
  ConnectOptions options = options_for("mqtt://host");
  options.protocol = ProtocolVersion::v3_1;
  for (int i = 0; i < 23; ++i) options.client_id += "\xC3\xA4";
  EXPECT_TRUE(options.validate().ok());
}

TEST(ConnectOptionsTest, OptionsGoBeforeTheUri) {
  ConnectOptions options = options_for("mqtts://uri-user:uri-pw@host");
  EXPECT_EQ(*options.effective_username(), "uri-user");
  EXPECT_EQ(options.effective_password()->reveal(), "uri-pw");
  options.username = "user";
  options.password = Secret("pw");
  EXPECT_EQ(*options.effective_username(), "user");
  EXPECT_EQ(options.effective_password()->reveal(), "pw");
  options = options_for("mqtts://host");
  EXPECT_EQ(options.effective_username(), nullptr);
  EXPECT_EQ(options.effective_password(), nullptr);
  options.protocol = ProtocolVersion::v5_0;
  options.password = Secret("token");
  EXPECT_TRUE(options.validate().ok());
}

TEST(ConnectOptionsTest, VersionsHaveNames) {
  EXPECT_EQ(to_string(ProtocolVersion::automatic), "auto");
  EXPECT_EQ(to_string(ProtocolVersion::v3_1), "3.1");
  EXPECT_EQ(to_string(ProtocolVersion::v3_1_1), "3.1.1");
  EXPECT_EQ(to_string(ProtocolVersion::v5_0), "5.0");
}

}  // namespace
}  // namespace honeyframe
