#pragma once

// Certificates made on the spot, and a directory for them. One thread.

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace honeyframe::testing_support {

// A certificate and its key.
struct Identity {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;
};

struct CertificateRequest {
  std::string common_name = {};
  std::string alternative_names = {};  // as in openssl.cnf: "DNS:localhost,IP:127.0.0.1"; empty: none
  bool is_authority = false;
  int begins_in_days = -1;
  int ends_in_days = 30;
  int rsa_bits = 0;  // 0: an elliptic curve, P-256
  const EVP_MD* digest = EVP_sha256();
};

// Signed by `issuer`, or by itself.
[[nodiscard]] Identity make_identity(const CertificateRequest& request, const Identity* issuer = nullptr);

// A directory that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const;
  std::string write_certificates(const std::string& name, const std::vector<Identity>& identities) const;
  std::string write_key(const std::string& name, const Identity& identity, const std::string& passphrase = {}) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace honeyframe::testing_support
