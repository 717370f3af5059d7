#include "arrow_import.h"

#include <gtest/gtest.h>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

// Exports `batch`, lets `change` see to it, and imports what it left.
template <typename Change>
Result<RecordBatchPtr> round_trip(const RecordBatchPtr& batch, Change&& change) {
  ArrowSchema schema;
  ArrowArray array;
  export_schema(*batch->schema(), &schema);
  export_batch(batch, &array);
  change(schema, array);
  Result<RecordBatchPtr> result = import_batch(schema, array, 5);
  schema.release(&schema);
  array.release(&array);
  return result;
}

RecordBatchPtr every_type() {
  return batch_of({{{"z", kNull}, nulls(3)},
                   {{"b", kBool}, booleans({true, std::nullopt, false})},
                   {{"i", kInt64}, numbers<std::int64_t>({1, std::nullopt, 3})},
                   {{"u", kUint64}, numbers<std::uint64_t>({1, 2, 3})},
                   {{"f", kFloat64}, numbers<double>({0.5, 1.5, std::nullopt})},
                   {{"s", kString}, strings({"one", std::nullopt, "three"})},
                   {{"t", kTimestamp}, numbers<std::int64_t>({0, 1, 2})},
                   {{"y", kBinary}, strings({"\xFF", "", "x"})},
                   {{"l", list_of(TypeId::string)}, lists({2, std::nullopt, 1}, strings({"a", std::nullopt, "c"}))}});
}

Texts all_cells(const RecordBatch& batch, std::int64_t begin, std::int64_t end) {
  Texts out;
  for (const Field& field : batch.schema()->fields) {
    const Texts column = cells(batch, field.name);
    out.insert(out.end(), column.begin() + begin, column.begin() + end);
  }
  return out;
}

TEST(ImportBatch, GivesBackWhatWasExported) {
  const auto batch = every_type();
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray&) {});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(*result.value()->schema(), *batch->schema());
  EXPECT_EQ(result.value()->messages(), 5u);
  EXPECT_EQ(all_cells(*result.value(), 0, 3), all_cells(*batch, 0, 3));
}

TEST(ImportBatch, ResolvesTheOffsetOfTheWholeBatch) {
  const auto batch = every_type();
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray& array) {
    array.offset = 1;
    array.length = 2;
  });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value()->rows(), 2);
  EXPECT_EQ(all_cells(*result.value(), 0, 2), all_cells(*batch, 1, 3));
}

TEST(ImportBatch, ResolvesTheOffsetsOfColumns) {
  const auto batch = every_type();
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray& array) {
    array.length = 1;
    for (std::int64_t i = 0; i < array.n_children; ++i) {
      array.children[i]->offset = 2;
      array.children[i]->length = 1;
    }
  });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(all_cells(*result.value(), 0, 1), all_cells(*batch, 2, 3));
}

TEST(ImportBatch, CountsTheNullsThatTheProducerDidNot) {
  const auto batch = batch_of({{{"i", kInt64}, numbers<std::int64_t>({1, std::nullopt, 3})}});
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray& array) { array.children[0]->null_count = -1; });
  EXPECT_EQ(result.value()->columns()[0].null_count, 1);
}

TEST(ImportBatch, OutlivesItsSource) {
  auto batch = batch_of({{{"s", kString}, strings({"a longer text than any small-string buffer"})}});
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray&) {});
  batch.reset();
  EXPECT_EQ(cells(*result.value(), "s"), (Texts{R"("a longer text than any small-string buffer")"}));
}

TEST(ImportBatch, TakesABatchWithoutRows) {
  const auto batch =
      batch_of({{{"s", kString}, Column{}}, {{"l", list_of(TypeId::int64)}, Column{}}, {{"b", kBool}, Column{}}});
  const auto result = round_trip(batch, [](ArrowSchema&, ArrowArray&) {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value()->rows(), 0);
}

TEST(ImportBatch, RefusesOtherTypesByName) {
  const auto result = round_trip(batch_of({{{"small", kInt64}, numbers<std::int64_t>({1})}}),
                                 [](ArrowSchema& schema, ArrowArray&) { schema.children[0]->format = "i"; });
  EXPECT_EQ(result.status().code(), ErrorCode::invalid_schema);
  EXPECT_EQ(result.status().message(), "column 'small': Arrow's type 'i' is none that a batch can have");
}

TEST(ImportBatch, RefusesWhatIsNoRecordBatch) {
  const auto batch = batch_of({{{"i", kInt64}, numbers<std::int64_t>({1})}});
  EXPECT_FALSE(round_trip(batch, [](ArrowSchema& schema, ArrowArray&) { schema.format = "l"; }).ok());
  EXPECT_FALSE(round_trip(batch, [](ArrowSchema&, ArrowArray& array) { array.null_count = 1; }).ok());
}

TEST(ImportBatch, RefusesRowsThatAreNull) {
  const auto batch = batch_of({{{"i", kInt64}, numbers<std::int64_t>({1, 2, 3})}});
  const auto with_bits = [&batch](std::uint8_t bits) {
    return round_trip(batch, [&bits](ArrowSchema&, ArrowArray& array) {
      array.null_count = -1;  // not counted
      array.buffers[0] = &bits;
    });
  };
  EXPECT_FALSE(with_bits(0b101).ok());
  EXPECT_TRUE(with_bits(0b111).ok());
}

TEST(ImportBatch, RefusesColumnsShorterThanTheBatch) {
  const auto batch = batch_of({{{"l", list_of(TypeId::int64)}, lists({1, 2}, numbers<std::int64_t>({1, 2, 3}))}});
  const auto refused = [&batch](auto&& change) {
    return round_trip(batch, change).status().code() == ErrorCode::invalid_schema;
  };
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.length = 3; }));
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.offset = 1; }));
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.children[0]->length = 1; }));
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.children[0]->children[0]->length = 2; }));
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.children[0]->offset = -1; }));
  EXPECT_TRUE(refused([](ArrowSchema&, ArrowArray& array) { array.children[0]->n_children = 0; }));
}

}  // namespace
}  // namespace honeyframe
