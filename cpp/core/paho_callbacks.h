#pragma once

// What Paho calls, on its own threads: each function copies what it is given and posts it to the control thread, under
// the numbers of client and request that the context carries. Messages go straight on to the listener. None throws;
// none waits, but for a push under the policy `block`. Where memory runs out a message goes on without its properties
// and an answer without its reason; without the few bytes to post an answer the process ends, for the session would
// wait for ever.

#include <MQTTAsync.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "paho_client.h"

namespace honeyframe {

// What Paho gets as the context of a client's callbacks. Never freed: Paho may still be on its way into one when the
// client goes.
struct PahoClient::CallbackRecord {
  std::uint32_t client = 0;
  std::mutex mutex;
  // Guarded by mutex; null once the client is gone.
  std::shared_ptr<PahoListener> listener;
  std::shared_ptr<PacketWatch> watch;
  std::shared_ptr<Traffic> traffic;
  std::optional<TrafficEstimate> estimate;
};

struct PahoCallbacks {
  // Control thread: from now on, and until forget(), answers for this client find their listener.
  static PahoClient::CallbackRecord* remember(std::uint32_t client, std::shared_ptr<PahoListener> listener,
                                              std::shared_ptr<PacketWatch> watch, std::shared_ptr<Traffic> traffic,
                                              TrafficEstimate estimate);
  static void forget(PahoClient::CallbackRecord& record);

  // Of a client; the context is its CallbackRecord.
  static int message_arrived(void* context, char* topic, int topic_length, MQTTAsync_message* message) noexcept;
  static void connection_lost(void* context, char* cause) noexcept;
  static void server_disconnect(void* context, MQTTProperties* properties, enum MQTTReasonCodes code) noexcept;

  // Of a request; the context is made of numbers.
  static void* context_of(std::uint32_t client, std::uint32_t request) noexcept;
  static void connect_success(void* context, MQTTAsync_successData* data) noexcept;
  static void connect_success5(void* context, MQTTAsync_successData5* data) noexcept;
  static void connect_failure(void* context, MQTTAsync_failureData* data) noexcept;
  static void connect_failure5(void* context, MQTTAsync_failureData5* data) noexcept;
  static void subscribed(void* context, MQTTAsync_successData* data) noexcept;
  static void subscribed5(void* context, MQTTAsync_successData5* data) noexcept;
  // Of gathered requests: see PahoClient::gather_answers().
  static void published(void* context, MQTTAsync_successData* data) noexcept;
  static void published5(void* context, MQTTAsync_successData5* data) noexcept;
  static void done(void* context, MQTTAsync_successData* data) noexcept;
  static void done5(void* context, MQTTAsync_successData5* data) noexcept;
  static void failed(void* context, MQTTAsync_failureData* data) noexcept;
  static void failed5(void* context, MQTTAsync_failureData5* data) noexcept;
};

}  // namespace honeyframe
