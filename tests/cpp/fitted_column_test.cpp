#include "fitted_column.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cell_json.h"
#include "cell_reader.h"

namespace honeyframe {
namespace {

using Texts = std::vector<std::string>;

// A column that is offered JSON values, one a row. What does not fit becomes null and shows in `outcome`.
class Fitting {
 public:
  explicit Fitting(DataType type = {}, bool fixed = false)
      : column_("c", type, fixed, EventTime(TimeUnit::automatic, {})) {
    rules_.na_values = {"N/A", "unknown", ""};
  }

  Fitting& offer(const std::string& json) {
    JsonTokens tokens;
    PayloadCells cells;
    cells.payload = json.data();
    CellReader reader(tokens, true, 64);
    reader.begin(cells);
    Cell cell;
    EXPECT_TRUE(tokens.load(json, 0) && reader.read(cell, 64)) << json;
    outcome_ += "fn-x"[static_cast<std::size_t>(
        cell.kind == CellKind::null ? Fit::missing : column_.fit(cells, cell, row_, rules_, effects_))];
    ++row_;
    return *this;
  }
  Fitting& offer_all(const Texts& values) {
    for (const std::string& value : values) offer(value);
    return *this;
  }
  std::string type() const { return column_.builder.type().to_string(); }
  const std::string& outcome() const { return outcome_; }  // f: fits, n: a number, -: missing, x: conflict
  Texts values() {
    column_.builder.pad_to(row_);
    const DataType type = column_.builder.type();
    const Column column = column_.builder.finish();
    column_.settle();
    Texts texts;
    for (std::int64_t i = 0; i < column.length; ++i) {
      texts.emplace_back(type.id == TypeId::null || !is_valid(column, i) ? "null" : "");
      if (texts.back().empty()) append_cell_json(column, type, i, texts.back());
    }
    row_ = 0;
    return texts;
  }
  FittedColumn::Effects& effects() { return effects_; }
  FitRules& rules() { return rules_; }
  FittedColumn& column() { return column_; }

 private:
  FittedColumn column_;
  FitRules rules_;
  FittedColumn::Effects effects_;
  std::string outcome_;
  std::int64_t row_ = 0;
};

TEST(FittedColumn, TheFirstValueDecidesTheType) {
  EXPECT_EQ(Fitting().offer("true").type(), "bool");
  EXPECT_EQ(Fitting().offer("1").type(), "int64");
  EXPECT_EQ(Fitting().offer("18446744073709551615").type(), "uint64");
  EXPECT_EQ(Fitting().offer("1.0").type(), "float64");
  EXPECT_EQ(Fitting().offer("\"21.5\"").type(), "string");
  EXPECT_EQ(Fitting().offer("\"2024-06-13T12:00:00Z\"").type(), "string");
  EXPECT_EQ(Fitting().offer("[]").type(), "list<null>");
  EXPECT_EQ(Fitting().offer("[1]").type(), "list<int64>");
  EXPECT_EQ(Fitting().offer("[{}]").type(), "string");
  EXPECT_EQ(Fitting().offer("null").type(), "null");
  Fitting huge;
  EXPECT_EQ(huge.offer_all({"99999999999999999999", "1e400"}).outcome(), "xx");
  EXPECT_EQ(huge.type(), "null");
  Fitting late;
  EXPECT_EQ(late.offer_all({"null", "null", "7"}).values(), (Texts{"null", "null", "7"}));
}

TEST(FittedColumn, IntegersBecomeFloatsWhileTheyStayExact) {
  Fitting column;
  column.offer_all({"1", "2", "2.5", "9007199254740992", "9007199254740993", "-0"});
  EXPECT_EQ(column.outcome(), "ffffxf");
  EXPECT_EQ(column.values(), (Texts{"1.0", "2.0", "2.5", "9007199254740992.0", "null", "0.0"}));
  Fitting late;
  late.offer_all({"9007199254740993", "1", "0.5"});
  EXPECT_EQ(late.outcome(), "fff");
  ASSERT_EQ(late.effects().lost.size(), 1U);
  EXPECT_EQ(late.effects().lost[0].row, 0);
  EXPECT_EQ(late.values(), (Texts{"null", "1.0", "0.5"}));
}

TEST(FittedColumn, IntegersBecomeUnsignedWhereNoneIsNegative) {
  Fitting column;
  EXPECT_EQ(column.offer_all({"1", "18446744073709551615", "2", "-1"}).outcome(), "fffx");
  EXPECT_EQ(column.values(), (Texts{"1", "18446744073709551615", "2", "null"}));
  Fitting negative;
  EXPECT_EQ(negative.offer_all({"-1", "18446744073709551615"}).outcome(), "fx");
  EXPECT_EQ(negative.type(), "int64");
  Fitting earlier;  // a batch ago
  earlier.offer("-1").values();
  EXPECT_EQ(earlier.offer_all({"1", "18446744073709551615"}).outcome(), "ffx");
}

TEST(FittedColumn, IntegersOutside64BitsFitAFloatExactlyOrNot) {
  Fitting column;
  EXPECT_EQ(column.offer_all({"0.5", "18446744073709551616", "18446744073709551617", "1e400"}).outcome(), "ffxx");
  EXPECT_EQ(Fitting().offer_all({"1", "18446744073709551616"}).outcome(), "fx");
}

TEST(FittedColumn, StringsAmongNumbers) {
  Fitting column;
  column.offer_all(
      {"1", "\"2\"", "\"N/A\"", "\"\"", "\"2.5\"", "\"1e2\"", "\" 3\"", "\"3 C\"", "\"0x1\"", "\"01\"", "\"1e999\""});
  EXPECT_EQ(column.outcome(), "fn--nnxxxxx");
  EXPECT_EQ(column.effects().numbers, 3U);
  EXPECT_EQ(column.effects().missing, 2U);
  EXPECT_EQ(column.values(),
            (Texts{"1.0", "2.0", "null", "null", "2.5", "100.0", "null", "null", "null", "null", "null"}));
  Fitting boolean;
  EXPECT_EQ(boolean.offer_all({"true", "\"unknown\"", "\"true\"", "\"1\"", "1"}).outcome(), "f-xxx");
}

TEST(FittedColumn, AMissingValueInFrontDoesNotMakeText) {
  Fitting column;
  column.offer_all({"\"N/A\"", "\"unknown\"", "21.5"});
  EXPECT_EQ(column.type(), "float64");
  EXPECT_EQ(column.effects().missing, 2U);
  EXPECT_EQ(column.values(), (Texts{"null", "null", "21.5"}));
  Fitting text;
  text.offer_all({"\"N/A\"", "\"x\"", "21.5"});
  EXPECT_EQ(text.values(), (Texts{"\"N/A\"", "\"x\"", "\"21.5\""}));
  Fitting settled;  // what has left as text stays text
  EXPECT_EQ(settled.offer("\"N/A\"").values(), (Texts{"\"N/A\""}));
  EXPECT_EQ(settled.offer("21.5").values(), (Texts{"\"21.5\""}));
}

TEST(FittedColumn, AMissingValueInFrontLosesNothingThatCameBetween) {
  Fitting object;
  object.offer_all({"\"N/A\"", "{\"k\":1}", "0"});
  EXPECT_EQ(object.outcome(), "fff");
  EXPECT_EQ(object.values(), (Texts{"\"N/A\"", R"("{\"k\":1}")", "\"0\""}));
  Fitting huge;
  EXPECT_EQ(huge.offer_all({"\"N/A\"", "1e400", "0"}).values(), (Texts{"\"N/A\"", "\"1e400\"", "\"0\""}));
}

TEST(FittedColumn, AListOfAnotherKindIsAConflict) {
  Fitting booleans;
  EXPECT_EQ(booleans.offer_all({"[1,2]", "[true,false]", "[3]"}).outcome(), "fxf");
  EXPECT_EQ(booleans.values(), (Texts{"[1,2]", "null", "[3]"}));
  Fitting numbers;
  EXPECT_EQ(numbers.offer_all({"[true]", "[1]", "[0.5]", "[false]"}).outcome(), "fxxf");
  Fitting unsigned_first;
  EXPECT_EQ(unsigned_first.offer_all({"[18446744073709551615]", "[true]", "[-1]", "[7]"}).outcome(), "fxxf");
  EXPECT_EQ(unsigned_first.values(), (Texts{"[18446744073709551615]", "null", "null", "[7]"}));
}

TEST(FittedColumn, TextTakesAnything) {
  Fitting column;
  column.offer_all({"\"a\\\"b\"", "1.50", "true", "[1, 2]", "{\"x\": null}", "1e400"});
  EXPECT_EQ(column.outcome(), "ffffff");
  EXPECT_EQ(column.values(),
            (Texts{"\"a\\\"b\"", "\"1.50\"", "\"true\"", "\"[1, 2]\"", R"("{\"x\": null}")", "\"1e400\""}));
}

TEST(FittedColumn, ScalarsListsAndBooleansDoNotMix) {
  EXPECT_EQ(Fitting().offer_all({"1", "true", "[1]", "{}"}).outcome(), "fxxx");
  EXPECT_EQ(Fitting().offer_all({"true", "1", "[true]"}).outcome(), "fxx");
  EXPECT_EQ(Fitting().offer_all({"[1]", "1", "\"x\"", "{}", "[[1]]", "\"N/A\""}).outcome(), "fxxxx-");
}

TEST(FittedColumn, ItemsOfListsWiden) {
  Fitting column;
  column.offer_all({"[]", "[null]", "[1,2]", "[2.5]", "[9007199254740993]", "[\"x\"]", "[true]", "[1,null]"});
  EXPECT_EQ(column.outcome(), "ffffxxxf");
  EXPECT_EQ(column.values(), (Texts{"[]", "[null]", "[1.0,2.0]", "[2.5]", "null", "null", "null", "[1.0,null]"}));
  EXPECT_EQ(Fitting().offer_all({"[9007199254740993]", "[0.5]"}).outcome(), "fx");  // the column keeps what it has
  EXPECT_EQ(Fitting().offer_all({"[1]", "[18446744073709551615]"}).type(), "list<uint64>");
  EXPECT_EQ(Fitting().offer_all({"[-1]", "[18446744073709551615]"}).outcome(), "fx");
  EXPECT_EQ(Fitting().offer("[1,2.5]").type(), "list<float64>");
  EXPECT_EQ(Fitting().offer("[true,false]").type(), "list<bool>");
  Fitting texts;
  EXPECT_EQ(texts.offer_all({"[\"a\"]", "[1,\"b\"]"}).values(), (Texts{"[\"a\"]", "[\"1\",\"b\"]"}));
  Fitting numbers;
  EXPECT_EQ(numbers.offer_all({"[1.5,\"N/A\",\"2\"]", "[\"N/A\"]"}).values(), (Texts{"[1.5,null,2.0]", "[null]"}));
  EXPECT_EQ(numbers.effects().missing, 2U);
  EXPECT_EQ(numbers.effects().numbers, 1U);
}

TEST(FittedColumn, AListWithoutOneTypeIsText) {
  EXPECT_EQ(Fitting().offer("[1,\"x\"]").values(), (Texts{R"("[1,\"x\"]")"}));
  EXPECT_EQ(Fitting().offer("[true,1]").type(), "string");
  EXPECT_EQ(Fitting().offer("[9007199254740993,0.5]").type(), "string");
  Fitting empty_first;
  EXPECT_EQ(empty_first.offer_all({"[]", "[{\"a\":1}]"}).values(), (Texts{"\"[]\"", R"("[{\"a\":1}]")"}));
}

TEST(FittedColumn, ASchemaFixesTheType) {
  const auto outcome = [](TypeId id, const Texts& values) {
    return Fitting({id, TypeId::null}, true).offer_all(values).outcome();
  };
  EXPECT_EQ(outcome(TypeId::int64, {"1", "21.0", "21.5", "\"7\"", "\"N/A\"", "true", "9223372036854775808"}),
            "ffxn-xx");
  EXPECT_EQ(outcome(TypeId::uint64, {"1", "-1", "18446744073709551615", "3.0", "\"8\""}), "fxffn");
  EXPECT_EQ(outcome(TypeId::float64, {"1", "0.5", "\"1.5\"", "9007199254740993", "\"x\""}), "ffnxx");
  EXPECT_EQ(outcome(TypeId::boolean, {"true", "1", "\"true\""}), "fxx");
  EXPECT_EQ(outcome(TypeId::string, {"\"x\"", "1", "[1]", "{}", "\"N/A\""}), "fffff");
  EXPECT_EQ(outcome(TypeId::binary, {"\"x\"", "1"}), "fx");
  EXPECT_EQ(outcome(TypeId::timestamp,
                    {"\"2024-06-13T12:00:00Z\"", "1718280000", "\"1718280000\"", "\"soon\"", "true", "\"N/A\""}),
            "fffxx-");
  const auto list = [](TypeId item, const Texts& values) {
    return Fitting({TypeId::list, item}, true).offer_all(values).outcome();
  };
  EXPECT_EQ(list(TypeId::float64, {"[1,2.5]", "[\"x\"]", "1", "[]", "[[1]]"}), "fxxfx");
  EXPECT_EQ(list(TypeId::string, {"[1,\"x\"]", "[[1]]"}), "fx");
  EXPECT_EQ(list(TypeId::timestamp, {"[\"2024-06-13T12:00:00Z\",1718280000]"}), "f");
}

TEST(FittedColumn, NotLenientStringsAreNoNumbersAndIntegersStay) {
  Fitting column;
  column.rules().lenient = false;
  EXPECT_EQ(column.offer_all({"9007199254740993", "\"2\"", "0.5", "\"N/A\""}).outcome(), "fxx-");
  EXPECT_EQ(column.type(), "int64");
}

TEST(FittedColumn, ASnapshotBringsItBack) {
  Fitting column;
  column.offer("1");
  ASSERT_TRUE(column.effects().before);  // it had no type
  column.effects().before.reset();
  column.offer_all({"2", "-2.5"});
  ASSERT_TRUE(column.effects().before);
  column.column().restore(std::move(*column.effects().before));
  EXPECT_EQ(column.type(), "int64");
  EXPECT_EQ(column.column().builder.length(), 2);
}

TEST(FittedColumn, ARowTakesOneValue) {
  FittedColumn column("c", {}, false, EventTime(TimeUnit::automatic, {}));
  const std::string json = "1";
  PayloadCells cells;
  cells.payload = json.data();
  Cell cell;
  cell.kind = CellKind::int64;
  cell.int64 = 1;
  FittedColumn::Effects effects;
  EXPECT_EQ(column.fit(cells, cell, 0, {}, effects), Fit::fits);
  EXPECT_EQ(column.fit(cells, cell, 0, {}, effects), Fit::conflict);
  EXPECT_EQ(column.fit(cells, cell, 1, {}, effects), Fit::fits);
}

}  // namespace
}  // namespace honeyframe
