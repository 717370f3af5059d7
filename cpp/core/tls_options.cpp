#include "tls_options.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "utf8.h"

namespace honeyframe {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

Status invalid(std::string_view name, const std::string& path, const std::string& what) {
  return {ErrorCode::invalid_argument, std::string(name) + ": " + in_quotes(path, 512) + " " + what};
}

// Opens a regular file: a pipe or device could keep us waiting for ever.
Result<BioPtr> open_file(std::string_view name, const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return invalid(name, path, "does not exist");
  if (error) return invalid(name, path, "cannot be looked at: " + error.message());
  if (fs::is_directory(status)) return invalid(name, path, "is a directory; a PEM file is needed");
  if (!fs::is_regular_file(status)) return invalid(name, path, "is not a regular file");
  errno = 0;
  BioPtr file(BIO_new_file(path.c_str(), "rb"));
  const int opening = errno;
  ERR_clear_error();
  if (!file) return invalid(name, path, std::string("cannot be opened: ") + std::strerror(opening));
  return file;
}

Result<CertificatePtr> read_certificate(std::string_view name, const std::string& path) {
  Result<BioPtr> file = open_file(name, path);
  if (!file.ok()) return file.status();
  CertificatePtr certificate(PEM_read_bio_X509_AUX(file.value().get(), nullptr, &supply_passphrase, nullptr));
  ERR_clear_error();
  if (!certificate) return invalid(name, path, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
  return certificate;
}

// The names OpenSSL looks for are a hash and a number: "4042bcee.0".
bool is_hashed_name(const std::string& name) noexcept {
  return name.size() > 9 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8 &&
         name.find_first_not_of("0123456789", 9) == std::string::npos;
}

bool holds_hashed_certificates(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (is_hashed_name(entry->path().filename().string())) return true;
  }
  return false;
}

Status check_directories(std::string_view name, const std::string& directories) {
  std::error_code error;
  std::size_t begin = 0;
  while (begin <= directories.size()) {  // OpenSSL takes several, as PATH does; one that serves is enough
    const std::size_t colon = std::min(directories.find(':', begin), directories.size());
    if (holds_hashed_certificates(directories.substr(begin, colon - begin))) return {};
    begin = colon + 1;
  }
  if (!fs::is_directory(directories, error))
    return invalid(name, directories, "is no directory that exists and can be read");
  return invalid(name, directories,
                 "holds no certificates under hashed names; run `openssl rehash` on it, or pass a PEM file instead");
}

Result<ResolvedTrust> named_trust(std::string_view file_name, const std::string& file, std::string_view directory_name,
                                  const std::string& directory) {
  if (!file.empty()) {
    if (const Result<CertificatePtr> read = read_certificate(file_name, file); !read.ok()) return read.status();
  }
  if (!directory.empty()) {
    if (Status status = check_directories(directory_name, directory); !status.ok()) return status;
  }
  return ResolvedTrust{file, directory, std::string(file.empty() ? directory_name : file_name)};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Passphrase {
  const Secret* secret;
  bool asked = false;
};

// Remembers whether the key wanted a passphrase: that tells an encrypted key from a broken one.
int answer_key(char* buffer, int size, int writing, void* context) {
  auto* passphrase = static_cast<Passphrase*>(context);
  passphrase->asked = true;
  return supply_passphrase(buffer, size, writing, const_cast<Secret*>(passphrase->secret));
}

Result<KeyPtr> read_key(const TlsOptions& options) {
  Result<BioPtr> file = open_file("client_key", options.client_key_file);
  if (!file.ok()) return file.status();
  Passphrase passphrase{options.client_key_password ? &*options.client_key_password : nullptr};
  KeyPtr key(PEM_read_bio_PrivateKey(file.value().get(), nullptr, &answer_key, &passphrase));
  ERR_clear_error();
  if (key) return key;
  const char* what = !passphrase.asked              ? "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
                     : passphrase.secret == nullptr ? "is encrypted; pass its passphrase as client_key_password="
                                                    : "cannot be opened with the client_key_password given";
  return invalid("client_key", options.client_key_file, what);
}

}  // namespace

int supply_passphrase(char* buffer, int size, int /*writing*/, void* secret) {
  if (secret == nullptr || size < 0) return -1;
  const std::string& text = static_cast<const Secret*>(secret)->reveal();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

SystemStore SystemStore::known() {
  return {
      {
          "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Alpine
          "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
          "/etc/pki/tls/certs/ca-bundle.crt",                   // older Fedora, RHEL
          "/etc/ssl/ca-bundle.pem",                             // openSUSE
          "/etc/ssl/cert.pem",                                  // Alpine, macOS
          "/opt/homebrew/etc/ca-certificates/cert.pem",         // Homebrew
          "/opt/homebrew/etc/openssl@3/cert.pem",
          "/usr/local/etc/ca-certificates/cert.pem",
          "/usr/local/etc/openssl@3/cert.pem",
          X509_get_default_cert_file(),  // in a wheel: a path of the machine that built it
      },
      {"/etc/ssl/certs", "/etc/pki/tls/certs", X509_get_default_cert_dir()},
  };
}

Result<ResolvedTrust> resolve_trust(const TlsOptions& options, const SystemStore& store) {
  if (options.insecure) return ResolvedTrust{"", "", "none (insecure=True)"};
  if (!options.ca_file.empty() || !options.ca_directory.empty()) {
    return named_trust("ca_file", options.ca_file, "ca_directory", options.ca_directory);
  }
  const std::string file = environment("SSL_CERT_FILE");
  const std::string directory = environment("SSL_CERT_DIR");
  if (!file.empty() || !directory.empty()) {
    return named_trust("environment variable SSL_CERT_FILE", file, "environment variable SSL_CERT_DIR", directory);
  }
  for (const std::string& path : store.files) {
    if (read_certificate("system", path).ok()) return ResolvedTrust{path, "", "system"};
  }
  for (const std::string& path : store.directories) {
    if (holds_hashed_certificates(path)) return ResolvedTrust{"", path, "system"};
  }
  if (!options.fallback_ca_file.empty() && read_certificate("certifi", options.fallback_ca_file).ok()) {
    return ResolvedTrust{options.fallback_ca_file, "", "certifi"};
  }
  return Status(ErrorCode::tls_untrusted, "no trusted certificate authorities were found on this machine")
      .with_hint("install the system's ca-certificates package or the Python package certifi, or pass ca_file=");
}

Status check_client_certificate(const TlsOptions& options) {
  if (options.client_certificate_file.empty()) return {};
  const Result<CertificatePtr> certificate = read_certificate("client_certificate", options.client_certificate_file);
  if (!certificate.ok()) return certificate.status();
  const Result<KeyPtr> key = read_key(options);
  if (!key.ok()) return key.status();
  const bool belongs = X509_check_private_key(certificate.value().get(), key.value().get()) == 1;
  ERR_clear_error();
  if (belongs) return {};
  return invalid("client_key", options.client_key_file,
                 "is not the key of client_certificate " + in_quotes(options.client_certificate_file, 512));
}

}  // namespace honeyframe
