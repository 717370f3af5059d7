#include "test_certificates.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace honeyframe::testing_support {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("test certificate: ") + what);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

File open_for_writing(const std::string& path) {
  File file(std::fopen(path.c_str(), "wb"));
  require(file != nullptr, path.c_str());
  return file;
}

}  // namespace

Identity make_identity(const CertificateRequest& request, const Identity* issuer) {
  static std::atomic<long> serial{1};
  Identity result;
  EVP_PKEY* key = request.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(request.rsa_bits))
                                       : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  require(key != nullptr, "key");
  result.key.reset(key, EVP_PKEY_free);
  result.certificate.reset(X509_new(), X509_free);
  X509* certificate = result.certificate.get();
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 86'400L * request.begins_in_days);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * request.ends_in_days);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(request.common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints, request.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!request.alternative_names.empty())
    add_extension(certificate, signer, NID_subject_alt_name, request.alternative_names);
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key.get() : key;
  require(X509_sign(certificate, signing_key, request.digest) > 0, "signature");
  return result;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "honeyframe-test-XXXXXX").string();
  require(mkdtemp(name.data()) != nullptr, "temporary directory");
  directory_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary) << text;
  return path(name);
}

std::string TemporaryDirectory::write_certificates(const std::string& name,
                                                   const std::vector<Identity>& identities) const {
  const File file = open_for_writing(path(name));
  for (const Identity& identity : identities)
    require(PEM_write_X509(file.get(), identity.certificate.get()) == 1, "PEM certificate");
  return path(name);
}

std::string TemporaryDirectory::write_key(const std::string& name, const Identity& identity,
                                          const std::string& passphrase) const {
  const File file = open_for_writing(path(name));
  const EVP_CIPHER* cipher = passphrase.empty() ? nullptr : EVP_aes_256_cbc();
  require(PEM_write_PKCS8PrivateKey(file.get(), identity.key.get(), cipher,
                                    passphrase.empty() ? nullptr : passphrase.c_str(),
                                    static_cast<int>(passphrase.size()), nullptr, nullptr) == 1,
          "PEM key");
  return path(name);
}

}  // namespace honeyframe::testing_support
