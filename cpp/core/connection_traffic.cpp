#include "connection_traffic.h"

#include <openssl/bio.h>

#include <algorithm>

namespace honeyframe {
namespace {

constexpr unsigned kControl = 8;  // opcodes from here on are ping, pong and close
constexpr std::size_t kMask = 4;

}  // namespace

std::size_t WrittenFrames::content_of(const char* bytes, std::size_t size) noexcept {
  std::size_t content = 0;
  for (std::size_t at = 0; at < size;) {
    if (left_ == 0) {
      add_to_header(static_cast<std::uint8_t>(bytes[at++]));
      continue;
    }
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - at));
    if (is_data_) content += piece;
    left_ -= piece;
    at += piece;
  }
  return content;
}

void WrittenFrames::add_to_header(std::uint8_t byte) noexcept {
  header_[header_size_++] = byte;
  if (header_size_ < 2) return;
  const unsigned length = header_[1] & 0x7FU;
  const std::size_t more = length == 126 ? 2U : length == 127 ? 8U : 0U;
  const std::size_t mask = (header_[1] & 0x80U) != 0 ? kMask : 0U;
  if (header_size_ < 2 + more + mask) return;
  left_ = more == 0 ? length : 0;
  for (std::size_t i = 2; i < 2 + more; ++i) left_ = left_ << 8 | header_[i];
  is_data_ = (header_[0] & 0x0FU) < kControl;
  header_size_ = 0;
}

void ConnectionTraffic::look_at(const SSL* tls) noexcept {
  const auto read = BIO_number_read(SSL_get_rbio(tls));
  const auto written = BIO_number_written(SSL_get_wbio(tls));
  if (read == tls_read_ && written == tls_written_) return;
  const TrafficBytes moved{.wire_in = read - tls_read_, .wire_out = written - tls_written_};
  tls_read_ = read;
  tls_written_ = written;
  note(moved);
}

void ConnectionTraffic::sent_frames(const iovec* pieces, int count, std::size_t size) noexcept {
  std::size_t content = 0;
  for (int i = 0; i < count && size > 0; ++i) {
    const auto piece = std::min(size, pieces[i].iov_len);
    content += frames_.content_of(static_cast<const char*>(pieces[i].iov_base), piece);
    size -= piece;
  }
  sent_mqtt(content);
}

void ConnectionTraffic::note(const TrafficBytes& bytes) noexcept {
  if (session_ != nullptr) return session_->add(bytes);
  waiting_.mqtt_in += bytes.mqtt_in;
  waiting_.mqtt_out += bytes.mqtt_out;
  waiting_.wire_in += bytes.wire_in;
  waiting_.wire_out += bytes.wire_out;
}

void ConnectionTraffic::give() noexcept {
  if (session_ == nullptr) return;
  session_->add(waiting_);
  waiting_ = {};
}

}  // namespace honeyframe
