#include "tls_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include "test_certificates.h"

namespace honeyframe {
namespace {

using testing::HasSubstr;
using testing_support::Identity;
using testing_support::make_identity;
using testing_support::TemporaryDirectory;

// Sets a variable and puts the former value back.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* former = std::getenv(name)) former_ = former;
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~ScopedVariable() { former_ ? setenv(name_, former_->c_str(), 1) : unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> former_;
};

class TrustTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const Identity authority_ = make_identity({.common_name = "Test authority", .is_authority = true});
  const std::string ca_ = directory_.write_certificates("ca.pem", {authority_});
  const std::string junk_ = directory_.write("junk.pem", "not a certificate\n");
  const ScopedVariable file_{"SSL_CERT_FILE", nullptr};
  const ScopedVariable list_{"SSL_CERT_DIR", nullptr};
  const SystemStore nothing_{};

  std::string hashed_directory() const {
    std::filesystem::create_directory(directory_.path("hashed"));
    directory_.write_certificates("hashed/0123abcd.0", {authority_});
    return directory_.path("hashed");
  }
};

TEST_F(TrustTest, TheArgumentComesFirst) {
  const ScopedVariable variable("SSL_CERT_FILE", junk_.c_str());
  TlsOptions options;
  options.ca_file = ca_;
  const auto trust = resolve_trust(options);
  ASSERT_TRUE(trust.ok()) << trust.status().message();
  EXPECT_EQ(trust.value().ca_file, ca_);
  EXPECT_EQ(trust.value().source, "ca_file");

  options = TlsOptions();
  options.ca_directory = hashed_directory();
  EXPECT_EQ(resolve_trust(options).value().ca_directory, options.ca_directory);
}

TEST_F(TrustTest, ThenTheEnvironment) {
  {
    const ScopedVariable variable("SSL_CERT_FILE", ca_.c_str());
    EXPECT_EQ(resolve_trust({}).value().ca_file, ca_);
    EXPECT_THAT(resolve_trust({}).value().source, HasSubstr("SSL_CERT_FILE"));
  }
  const std::string list = directory_.path("absent") + ":" + hashed_directory();
  const ScopedVariable variable("SSL_CERT_DIR", list.c_str());
  EXPECT_EQ(resolve_trust({}).value().ca_directory, list);
  EXPECT_THAT(resolve_trust({}).value().source, HasSubstr("SSL_CERT_DIR"));
}

TEST_F(TrustTest, ABrokenEnvironmentIsNamed) {
  const ScopedVariable variable("SSL_CERT_FILE", "/nonexistent/ca.pem");
  const auto trust = resolve_trust({});
  ASSERT_FALSE(trust.ok());
  EXPECT_THAT(trust.status().message(), HasSubstr("SSL_CERT_FILE: '/nonexistent/ca.pem' does not exist"));
}

TEST_F(TrustTest, ThenTheSystem) {
  const SystemStore files{{directory_.path("absent"), junk_, ca_}, {}};
  EXPECT_EQ(resolve_trust({}, files).value().ca_file, ca_);
  EXPECT_EQ(resolve_trust({}, files).value().source, "system");
  const SystemStore directories{{junk_}, {directory_.path("absent"), hashed_directory()}};
  EXPECT_EQ(resolve_trust({}, directories).value().ca_directory, directory_.path("hashed"));
}

TEST_F(TrustTest, ThenTheFallback) {
  TlsOptions options;
  options.fallback_ca_file = ca_;
  const auto trust = resolve_trust(options, nothing_);
  ASSERT_TRUE(trust.ok());
  EXPECT_EQ(trust.value().ca_file, ca_);
  EXPECT_EQ(trust.value().source, "certifi");
}

TEST_F(TrustTest, NothingAnywhereIsAnError) {
  TlsOptions options;
  options.fallback_ca_file = junk_;
  const auto trust = resolve_trust(options, nothing_);
  ASSERT_FALSE(trust.ok());
  EXPECT_EQ(trust.status().code(), ErrorCode::tls_untrusted);
  EXPECT_THAT(trust.status().hint(), HasSubstr("certifi"));
}

TEST_F(TrustTest, InsecureLooksForNothing) {
  TlsOptions options;
  options.insecure = true;
  const auto trust = resolve_trust(options, nothing_);
  ASSERT_TRUE(trust.ok());
  EXPECT_EQ(trust.value().ca_file, "");
  EXPECT_THAT(trust.value().source, HasSubstr("insecure"));
}

TEST_F(TrustTest, AnExplicitFileIsNeverPassedOver) {
  const std::string pipe = directory_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string encrypted = directory_.write_key("encrypted.pem", authority_, "secret");
  const std::pair<std::string, const char*> rows[] = {
      {directory_.path("absent.pem"), "does not exist"},
      {junk_, "holds no certificate"},
      {directory_.path("."), "is a directory"},
      {pipe, "not a regular file"},
      {"/dev/zero", "not a regular file"},
      {encrypted, "holds no certificate"},
      {std::string(5'000, 'x'), "cannot be looked at"},
      {directory_.write("empty", ""), "holds no certificate"},
  };
  for (const auto& [path, what] : rows) {
    TlsOptions options;
    options.ca_file = path;
    const auto trust = resolve_trust(options);
    ASSERT_FALSE(trust.ok()) << path;
    EXPECT_EQ(trust.status().code(), ErrorCode::invalid_argument);
    EXPECT_THAT(trust.status().message(), HasSubstr(what));
    EXPECT_THAT(trust.status().message(), HasSubstr("ca_file"));
  }
  TlsOptions options;
  options.ca_directory = directory_.path("");  // there are certificates, but not under hashed names
  EXPECT_THAT(resolve_trust(options).status().message(), HasSubstr("hashed names"));
  options.ca_directory = directory_.path("absent");
  EXPECT_THAT(resolve_trust(options).status().message(), HasSubstr("no directory"));
}

class ClientCertificateTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const Identity client_ = make_identity({.common_name = "client"});
  const Identity other_ = make_identity({.common_name = "other"});

  TlsOptions options(const std::string& certificate, const std::string& key) const {
    TlsOptions result;
    result.client_certificate_file = certificate;
    result.client_key_file = key;
    return result;
  }
  const std::string certificate_ = directory_.write_certificates("client.pem", {client_});
  const std::string key_ = directory_.write_key("client.key", client_);
  const std::string encrypted_ = directory_.write_key("encrypted.key", client_, "a passphrase");
};

TEST_F(ClientCertificateTest, AcceptsWhatBelongsTogether) {
  EXPECT_TRUE(check_client_certificate({}).ok());
  EXPECT_TRUE(check_client_certificate(options(certificate_, key_)).ok());
  TlsOptions encrypted = options(certificate_, encrypted_);
  encrypted.client_key_password = Secret("a passphrase");
  EXPECT_TRUE(check_client_certificate(encrypted).ok()) << check_client_certificate(encrypted).message();
}

TEST_F(ClientCertificateTest, NamesWhatIsWrong) {
  const std::string junk = directory_.write("junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const std::string other_key = directory_.write_key("other.key", other_);
  EXPECT_THAT(check_client_certificate(options("/absent", key_)).message(),
              HasSubstr("client_certificate: '/absent' does not exist"));
  EXPECT_THAT(check_client_certificate(options(junk, key_)).message(), HasSubstr("holds no certificate"));
  EXPECT_THAT(check_client_certificate(options(certificate_, "/absent")).message(),
              HasSubstr("client_key: '/absent' does not exist"));
  EXPECT_THAT(check_client_certificate(options(certificate_, certificate_)).message(),
              HasSubstr("holds no private key"));
  EXPECT_THAT(check_client_certificate(options(certificate_, other_key)).message(),
              HasSubstr("is not the key of client_certificate"));
}

TEST_F(ClientCertificateTest, AnEncryptedKeyNeedsItsPassphraseAndNeverAsks) {
  TlsOptions encrypted = options(certificate_, encrypted_);
  EXPECT_THAT(check_client_certificate(encrypted).message(), HasSubstr("is encrypted; pass its passphrase"));
  for (const std::string& wrong : {std::string("wrong-one"), std::string(), std::string(5'000, 'x')}) {
    encrypted.client_key_password = Secret(wrong);
    const Status status = check_client_certificate(encrypted);
    EXPECT_THAT(status.message(), HasSubstr("cannot be opened with the client_key_password"));
    EXPECT_THAT(status.message(), testing::Not(HasSubstr("wrong-one")));
  }
}

}  // namespace
}  // namespace honeyframe
