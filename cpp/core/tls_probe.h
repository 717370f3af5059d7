#pragma once

// TlsProbe: a TLS handshake by the session's rules, which says why it failed. Owns its OpenSSL objects, borrows the
// socket; one thread.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connect_options.h"
#include "probe_report.h"
#include "probe_socket.h"
#include "status.h"

namespace honeyframe {

// What the first failed check of a certificate was about; filled while OpenSSL verifies.
struct CertificateFailure {
  int error = 0;  // X509_V_ERR_*
  int depth = 0;  // 0: the broker's own certificate
  int sent = 0;   // certificates that the broker sent
  std::string subject;
  std::string issuer;
  std::string not_before;
  std::string not_after;
  std::string names;  // of the broker's own certificate, for people
  std::vector<CertificateFacts> chain;
};

class TlsProbe final : public ProbeChannel {
 public:
  // Errors: as resolve_trust() and check_client_certificate().
  static Result<std::unique_ptr<TlsProbe>> create(const ConnectOptions& options, ProbeSocket& socket);

  // SNI for names, chain and host name verified, security level 2, the client's certificate if there is one. A refusal
  // of that certificate, which TLS 1.3 sends behind the handshake, is waited for. Errors: tls_*, connect_timeout,
  // connection_lost, closed (cancelled).
  [[nodiscard]] Status handshake();
  // What the handshake came to, good or bad.
  [[nodiscard]] TlsFacts facts(bool good) const;
  [[nodiscard]] Status send(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> receive() override;

 private:
  struct Deleter {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL* connection) const noexcept { SSL_free(connection); }
  };

  TlsProbe(const ConnectOptions& options, ProbeSocket& socket)
      : host_(options.uri.host), where_(options.uri.display()), socket_(socket) {}
  [[nodiscard]] Status configure(const ConnectOptions& options);
  [[nodiscard]] Status set_host(bool is_ip);
  [[nodiscard]] Status await_verdict();
  [[nodiscard]] Status flush();
  // More bytes for OpenSSL, after what it wants to send has left. False at the end of the stream.
  [[nodiscard]] Result<bool> feed();
  [[nodiscard]] Status explain(int ssl_error);
  [[nodiscard]] Status explain_certificate() const;
  [[nodiscard]] Status explain_error(unsigned long error) const;
  [[nodiscard]] Status explain_end() const;
  [[nodiscard]] Status failure(ErrorCode code, const std::string& what, int native_code = 0) const;
  static int on_verify(int preverified, X509_STORE_CTX* store);
  static int on_certificate_wanted(SSL* connection, X509** certificate, EVP_PKEY** key);

  std::string host_;
  std::string where_;
  std::string trust_source_;
  bool insecure_ = false;
  bool named_ = false;  // SNI was sent
  ProbeSocket& socket_;
  std::unique_ptr<SSL_CTX, Deleter> context_;
  std::unique_ptr<SSL, Deleter> connection_;
  CertificateFailure certificate_;
  bool certificate_wanted_ = false;  // by the broker, or sent to it
  bool heard_ = false;               // any byte came
};

}  // namespace honeyframe
