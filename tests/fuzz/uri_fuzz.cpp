// Addresses, of brokers and proxies. What is taken keeps its promises and reads back from display(); what is refused is
// told without the password.

#include <string>

#include "broker_uri.h"
#include "fuzz_check.h"
#include "utf8.h"

namespace honeyframe {
namespace {

void check_broker(std::string_view text) {
  const auto parsed = BrokerUri::parse(text);
  if (!parsed.ok()) {
    FUZZ_CHECK(is_valid_utf8(parsed.status().message()));
    return;
  }
  const BrokerUri& uri = parsed.value();
  FUZZ_CHECK(uri.validate().ok());
  FUZZ_CHECK(!uri.host.empty() && uri.port != 0);
  FUZZ_CHECK(uri.uses_websocket() ? uri.path.starts_with('/') : uri.path.empty());
  const auto again = BrokerUri::parse(uri.display());
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again.value().host == uri.host && again.value().port == uri.port && again.value().scheme == uri.scheme);
  FUZZ_CHECK(!again.value().username && !again.value().password);
  FUZZ_CHECK(again.value().display() == uri.display());
}

void check_proxy(std::string_view text) {
  const auto parsed = ProxyUri::parse(text);
  if (!parsed.ok()) {
    FUZZ_CHECK(is_valid_utf8(parsed.status().message()));
    return;
  }
  FUZZ_CHECK(!parsed.value().host.empty() && parsed.value().port != 0);
  const auto again = ProxyUri::parse(parsed.value().display());
  FUZZ_CHECK(again.ok() && again.value().host == parsed.value().host && again.value().port == parsed.value().port);
}

// With a password that stands nowhere else, in front of whatever comes.
void check_secret(std::string_view text) {
  constexpr std::string_view kSecret = "Canary7Secret";
  for (const std::string_view begin : {"mqtts://user:", "mqtt://:", "user:", "http://user:"}) {
    const std::string uri = std::string(begin).append(kSecret).append("@").append(text);
    const auto broker = BrokerUri::parse(uri);
    const std::string told =
        broker.ok() ? broker.value().display() : broker.status().message() + broker.status().hint();
    FUZZ_CHECK(told.find(kSecret) == std::string::npos);
    const auto proxy = ProxyUri::parse(uri);
    const std::string of_proxy =
        proxy.ok() ? proxy.value().display() : proxy.status().message() + proxy.status().hint();
    FUZZ_CHECK(of_proxy.find(kSecret) == std::string::npos);
  }
}

}  // namespace
}  // namespace honeyframe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace honeyframe;
  const std::string_view text = fuzz::text_of(data, size);
  check_broker(text);
  check_proxy(text);
  check_secret(text);
  return 0;
}
