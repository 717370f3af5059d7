// honeyframe_tail URI TOPIC_TEMPLATE ROWS: prints the columns that a broker's JSON has, without any Python.
//
//   honeyframe_tail mqtt://127.0.0.1:1883 'plant/{line}/telemetry' 10

#include <honeyframe/session.h>
#include <honeyframe/stream_reader.h>

#include <cstdlib>
#include <iostream>

using namespace honeyframe;
using namespace std::chrono_literals;

namespace {

int fail(const Status& status) {
  std::cerr << "honeyframe_tail: " << status.message() << "\n";
  if (!status.hint().empty()) std::cerr << status.hint() << "\n";
  return 1;
}

Status wait(const OperationPtr& operation, std::chrono::milliseconds timeout) {
  if (!operation->wait_for(timeout)) return Status(ErrorCode::timeout, "no answer within the time limit");
  return operation->status();
}

Status read_rows(StreamReader& reader, std::int64_t wanted) {
  std::int64_t rows = 0;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (rows < wanted && std::chrono::steady_clock::now() < deadline) {
    auto next = reader.next(BatchLimits{.max_rows = wanted - rows, .max_age = 200ms}, 500ms);
    if (!next.ok()) return next.status();
    if (next->kind == NextKind::ended) break;
    if (next->kind == NextKind::batch) rows += next->batch->rows();
  }
  const SchemaPtr schema = reader.schema();  // held: a stream that goes on has a new one with each new column
  for (const Field& field : schema->fields) std::cout << field.name << ": " << field.type.to_string() << "\n";
  std::cout << rows << " rows\n";
  return rows >= wanted ? Status() : Status(ErrorCode::timeout, "fewer rows than asked for came within 10 s");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: honeyframe_tail URI TOPIC_TEMPLATE ROWS\n";
    return 2;
  }
  auto uri = BrokerUri::parse(argv[1]);
  if (!uri.ok()) return fail(uri.status());
  auto topics = TopicTemplate::parse(argv[2]);
  if (!topics.ok()) return fail(topics.status());

  auto queue = std::make_shared<MessageQueue>(QueueLimits{});
  ExtractOptions extract;
  extract.topic_template = topics.value();
  auto reader = StreamReader::create(queue, extract);
  if (!reader.ok()) return fail(reader.status());

  ConnectOptions options;
  options.uri = uri.value();
  auto session = Session::create(options);
  if (!session.ok()) return fail(session.status());
  Session& broker = *session.value();

  Status status = wait(broker.connect(), 10s);
  std::uint64_t subscription = 0;
  if (status.ok()) status = wait(broker.subscribe({.filters = {topics->filter()}}, queue, subscription), 10s);
  if (status.ok()) status = read_rows(*reader.value(), std::atoll(argv[3]));
  const Status closed = wait(broker.close(2s), 3s);
  if (!status.ok()) return fail(status);
  return closed.ok() ? 0 : fail(closed);
}
