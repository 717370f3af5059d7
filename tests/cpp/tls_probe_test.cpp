#include "tls_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "probe_fixture.h"

namespace honeyframe {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace testing_support;

class TlsProbeTest : public ProbeFixture {};

TEST_F(TlsProbeTest, GoodCertificate) {
  EXPECT_EQ(run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost"})).message(), "");
  EXPECT_EQ(run_tls(issue({.common_name = "x", .alternative_names = "IP:127.0.0.1"}), {}, "127.0.0.1").message(), "");
}

TEST_F(TlsProbeTest, WrongHostNamesTheNamesItHas) {
  const Status status =
      run_tls(issue({.common_name = "x", .alternative_names = "DNS:broker.example,DNS:*.example.org,IP:10.0.0.1"}));
  EXPECT_EQ(status.code(), ErrorCode::tls_host_name_mismatch) << status.message();
  EXPECT_THAT(status.message(),
              HasSubstr("not for 'localhost' but for 'broker.example', '*.example.org', IP 10.0.0.1"));
  EXPECT_FALSE(status.hint().empty());

  const Status by_address = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost"}), {}, "127.0.0.1");
  EXPECT_EQ(by_address.code(), ErrorCode::tls_host_name_mismatch) << by_address.message();

  const Status common_name = run_tls(issue({.common_name = "only.example"}));
  EXPECT_EQ(common_name.code(), ErrorCode::tls_host_name_mismatch);
  EXPECT_THAT(common_name.message(), HasSubstr("only.example"));
}

TEST_F(TlsProbeTest, WildcardsStandForOneLabel) {
  const Identity wildcard = issue({.common_name = "x", .alternative_names = "DNS:*.example.org"});
  EXPECT_EQ(run_tls(wildcard, {}, "broker.example.org").message(), "");
  EXPECT_EQ(run_tls(wildcard, {}, "eu.broker.example.org").code(), ErrorCode::tls_host_name_mismatch);
  EXPECT_EQ(run_tls(wildcard, {}, "example.org").code(), ErrorCode::tls_host_name_mismatch);
}

TEST_F(TlsProbeTest, CommonNameCountsWhereThereIsNoOther) {
  EXPECT_EQ(run_tls(issue({.common_name = "broker.example.org"}), {}, "broker.example.org").message(), "");
  EXPECT_EQ(run_tls(issue({.common_name = "broker.example.org", .alternative_names = "DNS:other.example.org"}), {},
                    "broker.example.org")
                .code(),
            ErrorCode::tls_host_name_mismatch);
}

TEST_F(TlsProbeTest, ExpiredAndNotYetValid) {
  const Status expired = run_tls(
      issue({.common_name = "x", .alternative_names = "DNS:localhost", .begins_in_days = -9, .ends_in_days = -2}));
  EXPECT_EQ(expired.code(), ErrorCode::tls_certificate_expired);
  EXPECT_THAT(expired.message(), HasSubstr("expired on"));
  const Status early = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .begins_in_days = 2}));
  EXPECT_EQ(early.code(), ErrorCode::tls_certificate_expired);
  EXPECT_THAT(early.message(), HasSubstr("not yet valid"));
}

TEST_F(TlsProbeTest, SelfSigned) {
  const Status status = run_tls(make_identity({.common_name = "lonely", .alternative_names = "DNS:localhost"}));
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("self-signed"));
  EXPECT_THAT(status.message(), HasSubstr("lonely"));
}

TEST_F(TlsProbeTest, AnotherAuthority) {
  const Identity other = make_identity({.common_name = "Other authority", .is_authority = true});
  const Identity server = make_identity({.common_name = "x", .alternative_names = "DNS:localhost"}, &other);
  const Status status = run_tls(server);
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("Other authority"));
  const Status with_root = run_tls(server, {other});
  EXPECT_EQ(with_root.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(with_root.message(), HasSubstr("not trusted here"));
}

TEST_F(TlsProbeTest, MissingIntermediate) {
  const Identity middle = issue({.common_name = "Intermediate", .is_authority = true});
  const Identity server = make_identity({.common_name = "x", .alternative_names = "DNS:localhost"}, &middle);
  EXPECT_EQ(run_tls(server, {middle}).message(), "");
  const Status status = run_tls(server);
  EXPECT_EQ(status.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(status.message(), HasSubstr("leaves out an intermediate"));
}

TEST_F(TlsProbeTest, WeakKeyAndDigest) {
  const Status key = run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .rsa_bits = 1024}));
  EXPECT_EQ(key.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(key.message(), HasSubstr("too weak a key"));
  const Status digest =
      run_tls(issue({.common_name = "x", .alternative_names = "DNS:localhost", .digest = EVP_sha1()}));
  EXPECT_EQ(digest.code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(digest.message(), HasSubstr("digest"));
}

TEST_F(TlsProbeTest, InsecureAcceptsAll) {
  const TlsContext context = server_context(make_identity({.common_name = "lonely"}));
  const TestServer server([&](Connection& connection) {
    if (connection.start_tls(context.get())) connection.read_all();
  });
  ConnectOptions insecure = options("mqtts://localhost:" + std::to_string(server.port()));
  insecure.tls = TlsOptions();
  insecure.tls.insecure = true;
  EXPECT_EQ(run(insecure).message(), "");
}

TEST_F(TlsProbeTest, OldTlsOnly) {
  const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:localhost"}));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  const TestServer server([&](Connection& connection) { connection.start_tls(context.get()); });
  const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
  EXPECT_EQ(status.code(), ErrorCode::tls_failed);
  EXPECT_THAT(status.message(), HasSubstr("1.2"));
}

TEST_F(TlsProbeTest, ClientCertificateWanted) {
  const Identity client = issue({.common_name = "client"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsContext context = server_context(issue({.common_name = "x", .alternative_names = "DNS:localhost"}));
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_load_verify_file(context.get(), ca_file_.c_str());
    const TestServer server([&](Connection& connection) {
      if (connection.start_tls(context.get())) heard_.add(connection.read_all());
    });
    ConnectOptions without = options("mqtts://localhost:" + std::to_string(server.port()));
    const Status status = run(without);
    EXPECT_EQ(status.code(), ErrorCode::tls_failed) << version;
    EXPECT_THAT(status.message(), HasSubstr("client certificate")) << version;

    ConnectOptions with = without;
    with.tls.client_certificate_file = directory_.write_certificates("client.pem", {client});
    with.tls.client_key_file = directory_.write_key("client.key", client, "passphrase");
    with.tls.client_key_password = Secret("passphrase");
    EXPECT_EQ(run(with).message(), "") << version;

    const Identity stranger = make_identity({.common_name = "stranger"});
    with.tls.client_certificate_file = directory_.write_certificates("stranger.pem", {stranger});
    with.tls.client_key_file = directory_.write_key("stranger.key", stranger);
    with.tls.client_key_password.reset();
    EXPECT_EQ(run(with).code(), ErrorCode::tls_failed) << version;
  }
  EXPECT_EQ(heard_.text(), "");
}

TEST_F(TlsProbeTest, TlsNotSpoken) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "does not seem to speak TLS"},  // closes, as an MQTT broker does at this greeting
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "answers, but not with TLS"},  // a web server
      {"220 mail.example ESMTP\r\n", "answers, but not with TLS"},        // any other
  };
  for (const auto& [answer, what] : rows) {
    const TestServer server([&, text = std::string(answer)](Connection& connection) {
      heard_.add(connection.read_until("\x16"));
      connection.write(text);
    });
    const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
    EXPECT_EQ(status.code(), ErrorCode::tls_not_spoken) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(what));
  }
  EXPECT_THAT(heard_.text(), Not(HasSubstr("MQTT")));
}

TEST_F(TlsProbeTest, ClosedInTheMiddleOfTheHandshake) {
  const TestServer server([](Connection& connection) {
    connection.read_until("\x16");
    connection.write("\x16\x03\x03");
  });
  const Status status = run(options("mqtts://localhost:" + std::to_string(server.port())));
  EXPECT_EQ(status.code(), ErrorCode::tls_failed) << status.message();
}

// The same handshake as run_tls(), with what was seen.
class TlsFactsTest : public ProbeFixture {
 protected:
  Status look_at(const Identity& identity, ProbeReport& report, bool insecure = false) {
    const TlsContext context = server_context(identity, {});
    const TestServer server([&](Connection& connection) {
      if (connection.start_tls(context.get())) connection.read_all();
    });
    ConnectOptions to_server = options("mqtts://localhost:" + std::to_string(server.port()));
    to_server.tls.insecure = insecure;
    if (insecure) to_server.tls.ca_file.clear();
    const std::atomic<bool> cancel{false};
    return probe(to_server, std::chrono::milliseconds(3'000), cancel, report);
  }
};

TEST_F(TlsFactsTest, OfAGoodHandshake) {
  ProbeReport report;
  const Status status =
      look_at(issue({.common_name = "x", .alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1"}), report);
  EXPECT_TRUE(status.ok()) << status.message();
  const TlsFacts& facts = report.tls;
  EXPECT_EQ(facts.server_name, "localhost");
  EXPECT_EQ(facts.trust_source, "ca_file");
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_THAT(facts.cipher, HasSubstr("TLS_"));
  EXPECT_TRUE(facts.verified);
  EXPECT_FALSE(facts.certificate_wanted);
  ASSERT_FALSE(facts.chain.empty());
  const CertificateFacts& own = facts.chain.front();
  EXPECT_EQ(own.names, "'localhost', IP 127.0.0.1, IP ::1");
  EXPECT_THAT(own.issuer, HasSubstr("Test authority"));
  EXPECT_FALSE(own.self_signed);
  EXPECT_FALSE(own.key.empty());
  EXPECT_LT(own.not_before_s, own.not_after_s);
}

TEST_F(TlsFactsTest, OfABadCertificate) {
  ProbeReport report;
  const Identity lonely = make_identity({.common_name = "lonely", .alternative_names = "DNS:localhost"});
  EXPECT_EQ(look_at(lonely, report).code(), ErrorCode::tls_untrusted);
  EXPECT_EQ(report.step, ProbeReport::Step::tls);
  EXPECT_FALSE(report.tls.verified);
  ASSERT_EQ(report.tls.chain.size(), 1u);
  EXPECT_TRUE(report.tls.chain.front().self_signed);
  ProbeReport unchecked;
  EXPECT_TRUE(look_at(lonely, unchecked, true).ok());
  EXPECT_FALSE(unchecked.tls.verified) << "nothing was checked";
  EXPECT_EQ(unchecked.tls.chain.size(), 1u);
}

}  // namespace
}  // namespace honeyframe
