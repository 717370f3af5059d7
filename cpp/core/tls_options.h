#pragma once

// TlsOptions: whom a session trusts, and who it says it is. resolve_trust() and check_client_certificate() look at the
// files before a socket exists. Plain values; any thread.

#include <optional>
#include <string>
#include <vector>

#include "secret.h"
#include "status.h"

namespace honeyframe {

struct TlsOptions {
  std::string ca_file;  // PEM; empty: see resolve_trust()
  std::string ca_directory;
  std::string fallback_ca_file;  // certifi's, used when nothing else is there
  std::string client_certificate_file;
  std::string client_key_file;
  std::optional<Secret> client_key_password;
  bool insecure = false;  // no verification whatever; the caller has warned
};

// The authorities a session trusts: what Paho and OpenSSL are told to load. Both empty only with `insecure`.
struct ResolvedTrust {
  std::string ca_file;
  std::string
      ca_directory;  // certificates under hashed names, as `openssl rehash` makes them; several separated by ':'
  std::string
      source;  // where they come from, for logs and the doctor: "ca_file", "SSL_CERT_FILE", "system", "certifi"...
};

// Where operating systems keep their authorities, in order of preference.
struct SystemStore {
  std::vector<std::string> files;
  std::vector<std::string> directories;
  static SystemStore known();
};

// The argument, else SSL_CERT_FILE and SSL_CERT_DIR, else the system's store, else fallback_ca_file. What was named
// explicitly must exist and hold a certificate: it is never passed over silently. Errors: invalid_argument,
// tls_untrusted (nothing found anywhere).
[[nodiscard]] Result<ResolvedTrust> resolve_trust(const TlsOptions& options,
                                                  const SystemStore& store = SystemStore::known());

// Certificate and key can be read, the passphrase opens the key, and the two belong together. Never asks on the
// terminal. Ok where no client certificate is given. Errors: invalid_argument.
[[nodiscard]] Status check_client_certificate(const TlsOptions& options);

// An OpenSSL pem_password_cb that gives out the Secret behind `secret`, or refuses when it is null: OpenSSL's own would
// ask on the terminal.
int supply_passphrase(char* buffer, int size, int writing, void* secret);

}  // namespace honeyframe
