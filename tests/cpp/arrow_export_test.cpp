#include "arrow_export.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

// A buffer that counts when it is freed.
BufferPtr counted(const BufferPtr& bytes, std::atomic<int>& frees) {
  return BufferPtr(new Buffer(*bytes), [&frees](const Buffer* buffer) {
    ++frees;
    delete buffer;
  });
}

// Five buffers in four columns, each counted.
RecordBatchPtr counted_batch(std::atomic<int>& frees) {
  Column numbers_column = numbers<std::int64_t>({1, std::nullopt});
  numbers_column.validity = counted(numbers_column.validity, frees);
  numbers_column.data = counted(numbers_column.data, frees);
  Column text = strings({"a", "b"});
  text.offsets = counted(text.offsets, frees);
  text.data = counted(text.data, frees);
  Column items = numbers<double>({1.5});
  items.data = counted(items.data, frees);
  return batch_of({{{"n", kInt64}, std::move(numbers_column)},
                   {{"s", kString}, std::move(text)},
                   {{"l", list_of(TypeId::float64)}, lists({1, 0}, std::move(items))},
                   {{"z", kNull}, nulls(2)}});
}
constexpr int kCountedBuffers = 5;

TEST(ExportSchema, SpellsEveryType) {
  const Schema schema{{{"a", kNull},
                       {"b", kBool},
                       {"c", kInt64},
                       {"d", kUint64},
                       {"e", kFloat64},
                       {"f", kString},
                       {"g", kTimestamp},
                       {"h", kBinary},
                       {"i", list_of(TypeId::string)}}};
  ArrowSchema out;
  export_schema(schema, &out);
  EXPECT_STREQ(out.format, "+s");
  ASSERT_EQ(out.n_children, 9);
  const char* formats[] = {"n", "b", "l", "L", "g", "u", "tsn:UTC", "z", "+l"};
  for (int i = 0; i < 9; ++i) {
    EXPECT_STREQ(out.children[i]->format, formats[i]);
    EXPECT_STREQ(out.children[i]->name, schema.fields[static_cast<std::size_t>(i)].name.c_str());
    EXPECT_EQ(out.children[i]->flags, 2);
    EXPECT_EQ(out.children[i]->n_children, i == 8 ? 1 : 0);
  }
  EXPECT_STREQ(out.children[8]->children[0]->format, "u");
  EXPECT_STREQ(out.children[8]->children[0]->name, "item");
  out.release(&out);
  EXPECT_EQ(out.release, nullptr);
}

TEST(ExportSchema, LetsAChildOutliveItsParent) {
  ArrowSchema parent;
  export_schema(Schema{{{"a column", list_of(TypeId::string)}}}, &parent);
  ArrowSchema child = *parent.children[0];
  parent.children[0]->release = nullptr;  // moved, as the specification says
  parent.release(&parent);
  EXPECT_STREQ(child.name, "a column");
  EXPECT_STREQ(child.children[0]->name, "item");
  child.release(&child);
}

TEST(ExportBatch, PointsIntoTheBatchsOwnBuffers) {
  const auto batch =
      batch_of({{{"n", kInt64}, numbers<std::int64_t>({1, std::nullopt})}, {{"s", kString}, strings({"ab", "c"})}});
  ArrowArray out;
  export_batch(batch, &out);
  EXPECT_EQ(out.length, 2);
  EXPECT_EQ(out.null_count, 0);
  EXPECT_EQ(out.n_buffers, 1);
  EXPECT_EQ(out.buffers[0], nullptr);
  ASSERT_EQ(out.n_children, 2);
  EXPECT_EQ(out.children[0]->null_count, 1);
  EXPECT_EQ(out.children[0]->n_buffers, 2);
  EXPECT_EQ(out.children[0]->buffers[0], batch->columns()[0].validity->data());
  EXPECT_EQ(out.children[0]->buffers[1], batch->columns()[0].data->data());
  EXPECT_EQ(out.children[1]->n_buffers, 3);
  EXPECT_EQ(out.children[1]->buffers[0], nullptr);
  EXPECT_EQ(out.children[1]->buffers[1], batch->columns()[1].offsets->data());
  EXPECT_EQ(out.children[1]->buffers[2], batch->columns()[1].data->data());
  out.release(&out);
}

TEST(ExportBatch, GivesReadableBuffersWhereThereAreNoBytes) {
  const auto batch =
      batch_of({{{"s", kString}, Column{}}, {{"l", list_of(TypeId::int64)}, Column{}}, {{"z", kNull}, Column{}}});
  ArrowArray out;
  export_batch(batch, &out);
  ASSERT_NE(out.children[0]->buffers[1], nullptr);
  EXPECT_EQ(*static_cast<const std::int32_t*>(out.children[0]->buffers[1]), 0);
  EXPECT_NE(out.children[0]->buffers[2], nullptr);
  ASSERT_EQ(out.children[1]->n_children, 1);
  EXPECT_EQ(out.children[1]->children[0]->length, 0);
  EXPECT_NE(out.children[1]->children[0]->buffers[1], nullptr);
  EXPECT_EQ(out.children[2]->n_buffers, 0);
  out.release(&out);
}

TEST(ExportBatch, FreesEveryBufferExactlyOnceHoweverOftenItIsExported) {
  std::atomic<int> frees = 0;
  RecordBatchPtr batch = counted_batch(frees);
  ArrowArray first;
  ArrowArray second;
  export_batch(batch, &first);
  export_batch(batch, &second);
  first.release(&first);
  batch.reset();
  EXPECT_EQ(frees, 0);
  second.release(&second);
  EXPECT_EQ(frees, kCountedBuffers);
  EXPECT_EQ(second.release, nullptr);
}

TEST(ExportBatch, MayBeMovedByItsConsumer) {
  std::atomic<int> frees = 0;
  ArrowArray source;
  export_batch(counted_batch(frees), &source);
  ArrowArray moved = source;
  source.release = nullptr;
  EXPECT_EQ(frees, 0);
  moved.release(&moved);
  EXPECT_EQ(frees, kCountedBuffers);
}

TEST(ExportBatch, LetsAChildOutliveItsParent) {
  std::atomic<int> frees = 0;
  ArrowArray parent;
  export_batch(counted_batch(frees), &parent);
  ArrowArray list = *parent.children[2];
  parent.children[2]->release = nullptr;
  parent.release(&parent);
  EXPECT_EQ(frees, kCountedBuffers - 1);
  EXPECT_EQ(*static_cast<const double*>(list.children[0]->buffers[1]), 1.5);
  list.release(&list);
  EXPECT_EQ(frees, kCountedBuffers);
}

TEST(ExportBatch, MayBeReleasedOnAnyThread) {
  std::atomic<int> frees = 0;
  RecordBatchPtr batch = counted_batch(frees);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([batch] {
      for (int round = 0; round < 200; ++round) {
        ArrowArray out;
        export_batch(batch, &out);
        out.release(&out);
      }
    });
  }
  batch.reset();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  EXPECT_EQ(frees, kCountedBuffers);
}

TEST(ExportStream, HandsOutEveryBatchAndThenTheEnd) {
  const auto batch = batch_of({{{"n", kInt64}, numbers<std::int64_t>({1})}});
  ArrowArrayStream stream;
  export_stream(batch->schema(), {batch, batch}, &stream);
  ArrowSchema schema;
  ASSERT_EQ(stream.get_schema(&stream, &schema), 0);
  EXPECT_STREQ(schema.children[0]->name, "n");
  schema.release(&schema);
  for (int i = 0; i < 2; ++i) {
    ArrowArray array;
    ASSERT_EQ(stream.get_next(&stream, &array), 0);
    ASSERT_NE(array.release, nullptr);
    EXPECT_EQ(array.length, 1);
    array.release(&array);
  }
  for (int i = 0; i < 2; ++i) {
    ArrowArray end;
    ASSERT_EQ(stream.get_next(&stream, &end), 0);
    EXPECT_EQ(end.release, nullptr);
  }
  EXPECT_EQ(stream.get_last_error(&stream), nullptr);
  stream.release(&stream);
  EXPECT_EQ(stream.release, nullptr);
}

TEST(ExportStream, LetsGoOfABatchOnceItIsHandedOut) {
  std::atomic<int> frees = 0;
  ArrowArrayStream stream;
  {
    RecordBatchPtr batch = counted_batch(frees);
    SchemaPtr schema = batch->schema();
    export_stream(std::move(schema), {std::move(batch)}, &stream);
  }
  ArrowArray array;
  ASSERT_EQ(stream.get_next(&stream, &array), 0);
  array.release(&array);
  EXPECT_EQ(frees, kCountedBuffers);
  stream.release(&stream);
}

TEST(ExportStream, FreesWhatNobodyRead) {
  std::atomic<int> frees = 0;
  ArrowArrayStream stream;
  {
    RecordBatchPtr batch = counted_batch(frees);
    SchemaPtr schema = batch->schema();
    export_stream(std::move(schema), {std::move(batch)}, &stream);
  }
  EXPECT_EQ(frees, 0);
  stream.release(&stream);
  EXPECT_EQ(frees, kCountedBuffers);
}

TEST(ExportStream, LetsAnArrayOutliveTheStream) {
  ArrowArrayStream stream;
  const auto batch = batch_of({{{"n", kInt64}, numbers<std::int64_t>({42})}});
  export_stream(batch->schema(), {batch}, &stream);
  ArrowArray array;
  ASSERT_EQ(stream.get_next(&stream, &array), 0);
  stream.release(&stream);
  EXPECT_EQ(*static_cast<const std::int64_t*>(array.children[0]->buffers[1]), 42);
  array.release(&array);
}

}  // namespace
}  // namespace honeyframe
