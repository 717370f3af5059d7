#include "tls_probe.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "reason_codes.h"
#include "tls_options.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// How long a refusal of the client's certificate may take to arrive behind a TLS 1.3 handshake.
constexpr std::chrono::milliseconds kVerdictWait{1'000};
constexpr std::size_t kMaxNamesShown = 8;
constexpr std::size_t kMaxChainShown = 10;

struct Released {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, Released> memory(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return in_quotes(text_of(memory.get()));
}

std::string text_of(const ASN1_TIME* time) {
  const std::unique_ptr<BIO, Released> memory(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(memory.get(), time);
  return text_of(memory.get());
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  const int size = ASN1_STRING_length(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (size != 4 && size != 16) return "an IP address of " + std::to_string(size) + " bytes";
  inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
            static_cast<socklen_t>(text.size()));
  return "IP " + std::string(text.data());
}

// The names a certificate is for: its alternative names, or the common name where it has none.
std::string names_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Released> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string result;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(i) == kMaxNamesShown) return result + ", and " + std::to_string(count - i) + " more";
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    std::string shown;
    if (name->type == GEN_DNS) {
      const ASN1_STRING* text = name->d.dNSName;
      shown = in_quotes({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text))});
    } else if (name->type == GEN_IPADD) {
      shown = ip_text(name->d.iPAddress);
    } else {
      continue;
    }
    if (!result.empty()) result += ", ";
    result += shown;
  }
  return result.empty() ? text_of(X509_get_subject_name(certificate)) : result;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm moment{};
  return ASN1_TIME_to_tm(time, &moment) == 1 ? static_cast<std::int64_t>(timegm(&moment)) : 0;
}

std::string key_of(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return {};
  const int kind = EVP_PKEY_get_base_id(key);
  const std::string name = kind == EVP_PKEY_RSA ? "RSA" : kind == EVP_PKEY_EC ? "EC" : OBJ_nid2sn(kind);
  return name + " " + std::to_string(EVP_PKEY_get_bits(key));
}

std::vector<CertificateFacts> facts_of(const STACK_OF(X509) * chain) {
  std::vector<CertificateFacts> result;
  for (int i = 0; i < sk_X509_num(chain) && result.size() < kMaxChainShown; ++i) {
    X509* certificate = sk_X509_value(chain, i);
    result.push_back({text_of(X509_get_subject_name(certificate)), text_of(X509_get_issuer_name(certificate)),
                      names_of(certificate), key_of(certificate), seconds_of(X509_get0_notBefore(certificate)),
                      seconds_of(X509_get0_notAfter(certificate)),
                      X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0});
  }
  return result;
}

bool is_plain_text_answer(int reason) noexcept {
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST ||
         reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_BAD_RECORD_TYPE;
}

}  // namespace

Result<std::unique_ptr<TlsProbe>> TlsProbe::create(const ConnectOptions& options, ProbeSocket& socket) {
  std::unique_ptr<TlsProbe> probe(new TlsProbe(options, socket));
  ERR_clear_error();
  Status status = probe->configure(options);
  ERR_clear_error();
  if (!status.ok()) return status;
  return probe;
}

Status TlsProbe::configure(const ConnectOptions& options) {
  const TlsOptions& tls = options.tls;
  const Result<ResolvedTrust> trust = resolve_trust(tls);
  if (!trust.ok()) return trust.status();
  trust_source_ = trust.value().source;
  insecure_ = tls.insecure;
  if (Status status = check_client_certificate(tls); !status.ok()) return status;

  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_) return failure(ErrorCode::internal, "OpenSSL gave no context");
  SSL_CTX* context = context_.get();
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, tls.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     tls.insecure ? nullptr : &TlsProbe::on_verify);
  const auto path = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  if (!tls.insecure &&
      SSL_CTX_load_verify_locations(context, path(trust.value().ca_file), path(trust.value().ca_directory)) != 1) {
    return failure(ErrorCode::tls_untrusted,
                   "the trusted authorities of " + trust.value().source + " cannot be loaded");
  }
  if (!tls.client_certificate_file.empty()) {
    certificate_wanted_ = true;
    SSL_CTX_set_default_passwd_cb(context, &supply_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(
        context, tls.client_key_password ? const_cast<Secret*>(&*tls.client_key_password) : nullptr);
    if (SSL_CTX_use_certificate_chain_file(context, tls.client_certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, tls.client_key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return failure(ErrorCode::invalid_argument,
                     "OpenSSL does not take client_certificate and client_key: the key may be too short");
    }
  }
  SSL_CTX_set_client_cert_cb(context, &TlsProbe::on_certificate_wanted);
  connection_.reset(SSL_new(context));
  if (!connection_) return failure(ErrorCode::internal, "OpenSSL gave no connection");
  SSL_set_ex_data(connection_.get(), 0, this);
  SSL_set_connect_state(connection_.get());
  SSL_set_bio(connection_.get(), BIO_new(BIO_s_mem()),
              BIO_new(BIO_s_mem()));  // we do the reading and writing: no SIGPIPE, bounded waits
  return set_host(options.uri.host_is_ip());
}

Status TlsProbe::set_host(bool is_ip) {
  if (is_ip) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection_.get()), host_.c_str()) == 1) return {};
  } else {
    // SSL_set_tlsext_host_name(), without the old-style cast in that macro.
    const bool named =
        SSL_ctrl(connection_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host_.data()) == 1;
    named_ = named;
    if (named && SSL_set1_host(connection_.get(), host_.c_str()) == 1) return {};
  }
  return failure(ErrorCode::internal, "OpenSSL does not take the host name " + in_quotes(host_));
}

Status TlsProbe::handshake() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(connection_.get());
    if (result == 1) {
      if (Status status = flush(); !status.ok()) return status;
      return certificate_wanted_ ? await_verdict() : Status();
    }
    const int error = SSL_get_error(connection_.get(), result);
    if (error != SSL_ERROR_WANT_READ) {
      Status status = explain(error);
      static_cast<void>(flush());  // our alert is a courtesy
      return status;
    }
    const Result<bool> fed = feed();
    if (!fed.ok()) return fed.status();
    if (!fed.value()) return explain_end();
  }
}

TlsFacts TlsProbe::facts(bool good) const {
  TlsFacts facts;
  if (named_) facts.server_name = host_;
  facts.trust_source = trust_source_;
  facts.certificate_wanted = certificate_wanted_;
  facts.verified = good && !insecure_;
  const SSL* connection = connection_.get();
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(connection); cipher != nullptr) {
    facts.version = SSL_get_version(connection);
    facts.cipher = SSL_CIPHER_get_name(cipher);
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection, &protocol, &size);
  facts.alpn.assign(reinterpret_cast<const char*>(protocol), size);
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(connection);
  facts.chain = chain != nullptr ? facts_of(chain) : certificate_.chain;
  return facts;
}

Status TlsProbe::await_verdict() {
  const auto deadline = socket_.deadline();
  socket_.set_deadline(std::min(deadline, std::chrono::steady_clock::now() + kVerdictWait));
  const Result<std::string> answer = receive();
  socket_.set_deadline(deadline);
  // Nobody speaks before CONNECT does: silence is a yes, whatever else comes is not TLS's business.
  if (answer.ok() && answer.value().empty())
    return failure(ErrorCode::tls_failed, "the broker closed the connection right behind the TLS handshake");
  if (answer.ok() || answer.status().code() == ErrorCode::connect_timeout) return {};
  return answer.status();
}

Status TlsProbe::flush() {
  BIO* outgoing = SSL_get_wbio(connection_.get());
  std::array<char, 4'096> buffer;
  for (int size = 0; (size = BIO_read(outgoing, buffer.data(), static_cast<int>(buffer.size()))) > 0;) {
    if (Status status = socket_.send({buffer.data(), static_cast<std::size_t>(size)}); !status.ok()) return status;
  }
  return {};
}

Result<bool> TlsProbe::feed() {
  if (Status status = flush(); !status.ok() && !heard_) return status;
  Result<std::string> bytes = socket_.receive();
  if (!bytes.ok()) {
    const Status status = bytes.status();
    if (status.code() == ErrorCode::connect_timeout && !heard_) {
      return failure(ErrorCode::connect_timeout, "the port accepts the connection, but does not answer TLS's greeting");
    }
    if (status.code() == ErrorCode::connection_lost) return false;
    return status;
  }
  if (bytes.value().empty()) return false;
  heard_ = true;
  BIO_write(SSL_get_rbio(connection_.get()), bytes.value().data(), static_cast<int>(bytes.value().size()));
  return true;
}

Status TlsProbe::send(std::string_view bytes) {
  ERR_clear_error();
  const int result = SSL_write(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (result <= 0) return explain(SSL_get_error(connection_.get(), result));
  return flush();
}

Result<std::string> TlsProbe::receive() {
  std::array<char, 4'096> buffer;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_read(connection_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (result > 0) return std::string(buffer.data(), static_cast<std::size_t>(result));
    const int error = SSL_get_error(connection_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) return std::string();
    if (error != SSL_ERROR_WANT_READ) return explain(error);
    Result<bool> fed = feed();
    if (!fed.ok()) return fed.status();
    if (!fed.value()) return std::string();
  }
}

Status TlsProbe::failure(ErrorCode code, const std::string& what, int native_code) const {
  return Status(code, where_ + ": " + what).with_hint(std::string(hint_for(code))).with_native_code(native_code);
}

Status TlsProbe::explain(int ssl_error) {
  if (certificate_.error != 0) return explain_certificate();
  if (ssl_error == SSL_ERROR_ZERO_RETURN || ssl_error == SSL_ERROR_SYSCALL) return explain_end();
  return explain_error(ERR_peek_error());
}

Status TlsProbe::explain_end() const {
  if (heard_) return failure(ErrorCode::tls_failed, "the connection was closed in the middle of the TLS handshake");
  return failure(ErrorCode::tls_not_spoken,
                 "the connection was closed at TLS's greeting; the port does not seem to speak TLS");
}

Status TlsProbe::explain_error(unsigned long error) const {
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL)
    return failure(ErrorCode::tls_failed, std::string("TLS failed: ") + ERR_error_string(error, nullptr));
  if (is_plain_text_answer(reason))
    return failure(ErrorCode::tls_not_spoken, "the port answers, but not with TLS", reason);
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return explain_end();
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
    return failure(ErrorCode::tls_failed, "the broker speaks no TLS version of 1.2 or newer", reason);
  }
  if (reason > SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    const char* wanted = certificate_wanted_ ? "; it asks for a client certificate" : "";
    const char* name =
        alert == TLS13_AD_CERTIFICATE_REQUIRED ? "certificate required" : SSL_alert_desc_string_long(alert);
    return failure(ErrorCode::tls_failed, std::string("the broker refused the TLS handshake: ") + name + wanted,
                   reason);
  }
  const char* text = ERR_reason_error_string(error);
  return failure(ErrorCode::tls_failed, std::string("TLS failed: ") + (text != nullptr ? text : "unknown reason"),
                 reason);
}

Status TlsProbe::explain_certificate() const {
  const CertificateFailure& found = certificate_;
  const std::string whose =
      found.depth == 0 ? "the broker's certificate" : "the certificate of its authority " + found.subject;
  const auto untrusted = [&](const std::string& what) { return failure(ErrorCode::tls_untrusted, what, found.error); };
  switch (found.error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return failure(ErrorCode::tls_certificate_expired, whose + " expired on " + found.not_after, found.error);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return failure(ErrorCode::tls_certificate_expired, whose + " is not yet valid; it begins on " + found.not_before,
                     found.error);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return failure(ErrorCode::tls_host_name_mismatch,
                     "the broker's certificate is not for " + in_quotes(host_) + " but for " + found.names,
                     found.error);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return untrusted("the broker's certificate is self-signed: " + found.subject);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return untrusted("the broker's certificate ends at an authority that is not trusted here: " + found.subject);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      if (found.sent > 1)
        return untrusted("the certificates sent by the broker end at an unknown issuer: " + found.issuer);
      return untrusted("the issuer of the broker's certificate is unknown: " + found.issuer +
                       "; either it is a private authority, or the broker leaves out an intermediate certificate");
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
      return untrusted(whose + " has too weak a key (less than 112 bits of security, such as RSA under 2048 bits)");
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return untrusted(whose + " is signed with too weak a digest (such as SHA-1)");
    default:
      return untrusted(whose + " is not accepted: " + X509_verify_cert_error_string(found.error));
  }
}

int TlsProbe::on_verify(int preverified, X509_STORE_CTX* store) {
  if (preverified == 1) return 1;
  const auto* connection =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  CertificateFailure& found = static_cast<TlsProbe*>(SSL_get_ex_data(connection, 0))->certificate_;
  found.error = X509_STORE_CTX_get_error(store);
  found.depth = X509_STORE_CTX_get_error_depth(store);
  found.sent = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));
  found.chain = facts_of(X509_STORE_CTX_get0_untrusted(store));
  if (const X509* own = X509_STORE_CTX_get0_cert(store); own != nullptr) found.names = names_of(own);
  if (const X509* current = X509_STORE_CTX_get_current_cert(store); current != nullptr) {
    found.subject = text_of(X509_get_subject_name(current));
    found.issuer = text_of(X509_get_issuer_name(current));
    found.not_before = text_of(X509_get0_notBefore(current));
    found.not_after = text_of(X509_get0_notAfter(current));
  }
  return 0;
}

int TlsProbe::on_certificate_wanted(SSL* connection, X509** /*certificate*/, EVP_PKEY** /*key*/) {
  static_cast<TlsProbe*>(SSL_get_ex_data(connection, 0))->certificate_wanted_ = true;
  return 0;  // we have none to give
}

}  // namespace honeyframe
