#include "refusals.h"

#include <algorithm>
#include <utility>

#include "reason_codes.h"
#include "utf8.h"

namespace honeyframe {
namespace {

std::string listed(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + in_quotes(name);
  return text;
}

}  // namespace

bool is_about_publish(int code) noexcept {
  switch (code) {
    case 0x82:  // HiveMQ, on a publish to $SYS/
    case 0x87:  // not authorized
    case 0x90:  // topic name invalid
    case 0x95:  // packet too large
    case 0x97:  // quota exceeded
    case 0x99:  // payload format invalid
    case 0x9A:  // retain not supported
    case 0x9B:  // QoS not supported
      return true;
    default:  // a number off the wire, not an enumerator
      return false;
  }
}

bool is_about_subscribe(int code) noexcept {
  switch (code) {
    case 0x82:  // HiveMQ, on No Local with a shared subscription
    case 0x87:  // not authorized
    case 0x8F:  // topic filter invalid
    case 0x9E:  // shared subscriptions not supported
    case 0xA1:  // subscription identifiers not supported
    case 0xA2:  // wildcards not supported
      return true;
    default:
      return false;
  }
}

Status status_for_disconnect_on_publish(std::vector<std::string> topics, int code, const std::string& reason) {
  auto status = status_for_puback(code, topics.empty() ? std::string() : topics.front(), reason);
  auto names = listed(topics);
  return Status(status.code(), "the broker ended the connection because of a message to " + names + ": " +
                                   std::string(reason_code_name(code)) +
                                   (reason.empty() ? "" : " (" + in_quotes(reason) + ")"))
      .with_hint(status.hint())
      .with_reason(code, reason)
      .with_subjects(std::move(topics));
}

Status status_for_close_on_publish(std::vector<std::string> topics) {
  auto names = listed(topics);
  return Status(ErrorCode::publish_probably_denied,
                "the broker closed the connection twice running while a message to " + names +
                    " was on its way; before MQTT 5 that is how a broker denies a publish")
      .with_hint(std::string(hint_for(ErrorCode::publish_probably_denied)))
      .with_subjects(std::move(topics));
}

Status status_for_close_on_subscribe(std::vector<std::string> filters) {
  auto names = listed(filters);
  return Status(ErrorCode::subscribe_denied,
                "the broker closed the connection instead of answering the subscription to " + names +
                    "; it probably denies it")
      .with_hint(std::string(hint_for(ErrorCode::subscribe_denied)))
      .with_subjects(std::move(filters));
}

Status naming_all(Status first, std::vector<std::string> filters) {
  if (filters.size() < 2) return first;
  const auto names = listed(filters);
  return Status(first.code(), first.message() + "; refused in all: " + names)
      .with_hint(first.hint())
      .with_reason(first.reason_code().value_or(0x80), first.reason_string())
      .with_subjects(std::move(filters));
}

}  // namespace honeyframe
