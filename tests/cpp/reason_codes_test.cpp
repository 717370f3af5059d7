#include "reason_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

using testing::HasSubstr;

TEST(ReasonCodesTest, NamesFollowTheSpecification) {
  EXPECT_EQ(reason_code_name(0x00), "Success");
  EXPECT_EQ(reason_code_name(0x80), "Unspecified error");
  EXPECT_EQ(reason_code_name(0x87), "Not authorized");
  EXPECT_EQ(reason_code_name(0x8E), "Session taken over");
  EXPECT_EQ(reason_code_name(0xA2), "Wildcard Subscriptions not supported");
  for (int code = 0x80; code <= 0xA2; ++code) EXPECT_NE(reason_code_name(code), "unknown reason code") << code;
  for (const int code : {-1, 0x7F, 0xA3, 0xFF, 1'000}) EXPECT_EQ(reason_code_name(code), "unknown reason code");
  EXPECT_EQ(return_code_name(4), "bad user name or password");
  EXPECT_EQ(return_code_name(6), "unknown return code");
  EXPECT_EQ(return_code_name(-1), "unknown return code");
}

TEST(ReasonCodesTest, Connack) {
  struct Row {
    ProtocolVersion version;
    int code;
    ErrorCode error;
  };
  const Row rows[] = {
      {ProtocolVersion::v3_1_1, 1, ErrorCode::unsupported_protocol_version},
      {ProtocolVersion::v3_1_1, 2, ErrorCode::identifier_rejected},
      {ProtocolVersion::v3_1, 3, ErrorCode::server_unavailable},
      {ProtocolVersion::v3_1_1, 4, ErrorCode::bad_credentials},
      {ProtocolVersion::v3_1_1, 5, ErrorCode::not_authorized},
      {ProtocolVersion::v3_1_1, 77, ErrorCode::disconnected_by_broker},
      {ProtocolVersion::v5_0, 0x84, ErrorCode::unsupported_protocol_version},
      {ProtocolVersion::v5_0, 0x85, ErrorCode::identifier_rejected},
      {ProtocolVersion::v5_0, 0x86, ErrorCode::bad_credentials},
      {ProtocolVersion::v5_0, 0x87, ErrorCode::not_authorized},
      {ProtocolVersion::v5_0, 0x89, ErrorCode::server_unavailable},
      {ProtocolVersion::v5_0, 0x95, ErrorCode::packet_too_large},
      {ProtocolVersion::v5_0, 0x97, ErrorCode::quota_exceeded},
      {ProtocolVersion::v5_0, 0xC0, ErrorCode::disconnected_by_broker},
  };
  for (const Row& row : rows) {
    const Status status = status_for_connack(row.version, row.code, "its words");
    EXPECT_EQ(status.code(), row.error) << row.code;
    EXPECT_EQ(status.reason_code(), row.code);
    EXPECT_THAT(status.message(), HasSubstr("refused the connection"));
  }
  EXPECT_TRUE(status_for_connack(ProtocolVersion::v5_0, 0).ok());
  EXPECT_TRUE(status_for_connack(ProtocolVersion::v3_1_1, 0).ok());
  EXPECT_EQ(status_for_connack(ProtocolVersion::v5_0, 0x87, "its words").reason_string(), "its words");
  EXPECT_THAT(status_for_connack(ProtocolVersion::v5_0, 0x87).message(), HasSubstr("Not authorized (0x87)"));
  EXPECT_THAT(status_for_connack(ProtocolVersion::v3_1_1, 5).hint(), HasSubstr("protocol=\"5.0\""));
  EXPECT_THAT(status_for_connack(ProtocolVersion::v5_0, 0x97).hint(), HasSubstr("sessions"));
}

TEST(ReasonCodesTest, Disconnect) {
  EXPECT_EQ(status_for_disconnect(0x8E).code(), ErrorCode::session_taken_over);
  EXPECT_EQ(status_for_disconnect(0x8B).code(), ErrorCode::server_unavailable);
  EXPECT_EQ(status_for_disconnect(0x00).code(), ErrorCode::disconnected_by_broker);
  const Status denied = status_for_disconnect(0x87, "Not authorized to publish to topic 'a'");
  EXPECT_EQ(denied.code(), ErrorCode::not_authorized);
  EXPECT_EQ(denied.reason_string(), "Not authorized to publish to topic 'a'");
  EXPECT_THAT(denied.hint(), HasSubstr("Access Management"));
  EXPECT_EQ(status_for_disconnect(0xFF).code(), ErrorCode::disconnected_by_broker);
}

TEST(ReasonCodesTest, SubackNamesTheFilter) {
  for (const int granted : {0, 1, 2}) EXPECT_TRUE(status_for_suback(granted, "a/#").ok());
  for (const int code : {0x80, 0x87, 0x8F, 0x97, 0x9E, 0xA2}) {
    const Status status = status_for_suback(code, "plant/#", "no");
    EXPECT_EQ(status.code(), ErrorCode::subscribe_denied);
    EXPECT_THAT(status.message(), HasSubstr("'plant/#'"));
    EXPECT_EQ(status.subjects(), std::vector<std::string>{"plant/#"});
    EXPECT_EQ(status.reason_code(), code);
    EXPECT_FALSE(status.hint().empty());
  }
  EXPECT_THAT(status_for_suback(0x9E, "$share/g/a").hint(), HasSubstr("without $share"));
}

TEST(ReasonCodesTest, PubackTellsPermissionFromTheRest) {
  EXPECT_TRUE(status_for_puback(0, "a").ok());
  EXPECT_TRUE(status_for_puback(0x10, "a").ok());
  EXPECT_EQ(status_for_puback(0x87, "a").code(), ErrorCode::publish_denied);
  EXPECT_EQ(status_for_puback(0x80, "a").code(), ErrorCode::publish_denied);
  EXPECT_EQ(status_for_puback(0x97, "a").code(), ErrorCode::quota_exceeded);
  EXPECT_EQ(status_for_puback(0x95, "a").code(), ErrorCode::packet_too_large);
  EXPECT_EQ(status_for_puback(0x90, "a").code(), ErrorCode::invalid_topic);
  EXPECT_EQ(status_for_puback(0x87, "a/b").subjects(), std::vector<std::string>{"a/b"});
}

TEST(ReasonCodesTest, RetryAdvice) {
  EXPECT_EQ(retry_advice(Status(ErrorCode::dns_failed, "")), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(Status(ErrorCode::connection_lost, "")), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x8B)), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x8D)), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x98)), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(status_for_disconnect(0xA0)), RetryAdvice::soon);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x82)), RetryAdvice::never);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x9B)), RetryAdvice::never);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x9D)), RetryAdvice::never);
  EXPECT_EQ(retry_advice(status_for_disconnect(0x8E)), RetryAdvice::never);
  EXPECT_EQ(retry_advice(status_for_connack(ProtocolVersion::v5_0, 0x97)), RetryAdvice::slowly);
  EXPECT_EQ(retry_advice(status_for_connack(ProtocolVersion::v3_1_1, 5)), RetryAdvice::slowly);
  EXPECT_EQ(retry_advice(Status(ErrorCode::tls_certificate_expired, "")), RetryAdvice::slowly);
  EXPECT_EQ(retry_advice(Status(ErrorCode::publish_denied, "")), RetryAdvice::never);
  EXPECT_EQ(retry_advice(Status(ErrorCode::invalid_argument, "")), RetryAdvice::slowly) << "a file of this machine";
  EXPECT_EQ(retry_advice(Status(ErrorCode::internal, "")), RetryAdvice::slowly) << "no thread, no memory";
}

TEST(ReasonCodesTest, WhatAPersonCanChangeHasAHint) {
  for (const ErrorCode code :
       {ErrorCode::dns_failed, ErrorCode::connection_refused, ErrorCode::connect_timeout, ErrorCode::tls_untrusted,
        ErrorCode::tls_host_name_mismatch, ErrorCode::tls_certificate_expired, ErrorCode::tls_not_spoken,
        ErrorCode::websocket_failed, ErrorCode::bad_credentials, ErrorCode::quota_exceeded,
        ErrorCode::session_taken_over, ErrorCode::subscribe_denied, ErrorCode::publish_denied}) {
    const std::string_view hint = hint_for(code);
    EXPECT_FALSE(hint.empty()) << to_string(code);
    EXPECT_EQ(hint.find('\n'), std::string_view::npos);
  }
}

}  // namespace
}  // namespace honeyframe
