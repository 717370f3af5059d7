#include "payload_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace honeyframe {
namespace {

using Texts = std::vector<std::string>;

// A payload read by inference, each row as "path=text" in order.
class PayloadReaderTest : public ::testing::Test {
 protected:
  PayloadReaderTest() {
    for (const char* name : {"/value", "/value_bool", "/value_text", "/value_list", "/value_raw"}) {
      EXPECT_TRUE(plan_.require(name).ok());
    }
  }
  Texts rows(const std::string& payload, PayloadMode mode = PayloadMode::automatic, std::size_t max_depth = 64) {
    PayloadReader reader(plan_, mode, true, max_depth);
    payload_ = payload;
    plan_.begin_payload();
    if (!reader.read(payload_, cells_)) {
      plan_.roll_back();
      return {std::string("!") + reader.error().reason};
    }
    Texts texts;
    for (const CellRow& row : cells_.rows) {
      texts.emplace_back();
      for (const CellRange range : {row.shared, row.own}) {
        for (std::size_t i = range.begin; i < range.end; ++i) append(cells_.cells[i], texts.back());
      }
    }
    return texts;
  }
  void append(const Cell& cell, std::string& text) {
    if (cell.kind == CellKind::dropped) return;
    if (!text.empty()) text += ' ';
    if (cell.kind == CellKind::superseded) text += "old:";
    text += cell.kind == CellKind::extra ? "extra:" + plan_.dotted(cell.node, cells_.keys[cell.key])
                                         : plan_.dotted(cell.node);
    text += "=" + std::string(cells_.text(cell));
  }
  ExtractionPlan plan_{".", {}, true, 1000};
  PayloadCells cells_;
  std::string payload_;
};

TEST_F(PayloadReaderTest, FlattensObjects) {
  EXPECT_EQ(rows(R"({"a":1,"b":{"c":"x","d":{"e":null}},"f":[1,2]})"), (Texts{"a=1 b.c=\"x\" b.d.e=null f=[1,2]"}));
  EXPECT_EQ(rows("{}"), (Texts{""}));
  EXPECT_EQ(rows(R"({"g":{}})"), (Texts{""}));
  EXPECT_EQ(rows(R"({"":1,"x":{"":2}})"), (Texts{"/=1 x.=2"}));
  EXPECT_EQ(rows(R"({"\u0061":1})"), (Texts{"a=1"}));
}

TEST_F(PayloadReaderTest, LearnsTheOrderOfKeysAndForgivesChanges) {
  const std::string one = R"({"a":1,"b":2,"c":3})";
  const std::string other = R"({"c":3,"a":1,"d":4,"b":2})";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rows(one), (Texts{"a=1 b=2 c=3"}));
    EXPECT_EQ(rows(other), (Texts{"c=3 a=1 d=4 b=2"}));
    EXPECT_EQ(rows(R"({"ab":1})"), (Texts{"ab=1"}));
    EXPECT_EQ(rows(R"({"a\"b":1})"), (Texts{"a\"b=1"}));
  }
}

TEST_F(PayloadReaderTest, OfDuplicateKeysTheLastCountsAsIfAlone) {
  EXPECT_EQ(rows(R"({"a":{"b":1},"a":3,"c":4})"), (Texts{R"(old:a={"b":1} a=3 c=4)"}));
  EXPECT_EQ(rows(R"({"a":{"b":1}})"), (Texts{R"(a={"b":1})"}));  // values are here now
  EXPECT_EQ(rows(R"({"d":1,"d":{"b":2}})"), (Texts{"old:d=1 d.b=2"}));
  EXPECT_EQ(rows(R"({"o":{"p":1},"o":{"p":{"q":2}}})"), (Texts{R"(old:o={"p":1} o.p.q=2)"}));
  EXPECT_EQ(rows(R"([{"e":{"f":1}},{"e":1,"e":2},{"e":{"f":3}}])"), (Texts{"e.f=1", "old:e=1 e=2", "e.f=3"}));
  EXPECT_EQ(rows(R"({"g":1,"g":{"h":2},"g":[3]})"), (Texts{R"(old:g=1 old:g={"h":2} g=[3])"}));
}

TEST_F(PayloadReaderTest, AnEmptyListDecidesNothing) {
  EXPECT_EQ(rows(R"({"a":[]})"), (Texts{"a=[]"}));
  EXPECT_EQ(rows(R"({"a":{"b":3}})"), (Texts{"a.b=3"}));
  EXPECT_EQ(rows(R"({"a":[]})"), (Texts{"a=[]"}));
}

TEST_F(PayloadReaderTest, AnArrayIsRows) {
  EXPECT_EQ(rows(R"([{"a":1},{"b":2}])"), (Texts{"a=1", "b=2"}));
  EXPECT_EQ(rows("[]"), Texts{});
  EXPECT_EQ(rows("[{}]"), (Texts{""}));
  EXPECT_EQ(rows("[1,2,3]"), (Texts{"value_list=[1,2,3]"}));
  EXPECT_EQ(rows(R"([1,{"a":2},"x",null,true,[5]])"),
            (Texts{"value=1", "a=2", "value_text=\"x\"", "", "value_bool=true", "value_list=[5]"}));
  EXPECT_EQ(rows("[[1],[2]]"), (Texts{"value_list=[1]", "value_list=[2]"}));
}

TEST_F(PayloadReaderTest, BareScalarsHaveColumnsOfTheirOwn) {
  EXPECT_EQ(rows("21.5"), (Texts{"value=21.5"}));
  EXPECT_EQ(rows(" -3\n"), (Texts{"value=-3"}));
  EXPECT_EQ(rows("true"), (Texts{"value_bool=true"}));
  EXPECT_EQ(rows("null"), (Texts{""}));
  EXPECT_EQ(rows(R"("text")"), (Texts{"value_text=\"text\""}));
  for (const char* const text :
       {"online", "21.5 C", "+5", "05", "NaN", "\"open", "\"a\" b", "true!", "  ", "\"\\q\"", "1,2"}) {
    EXPECT_EQ(rows(text), (Texts{std::string("value_text=") + text})) << text;
  }
  EXPECT_EQ(rows("caf\xE9"), (Texts{"!invalid_utf8"}));
  EXPECT_EQ(rows("{oops"), (Texts{"!invalid_key"}));
  EXPECT_EQ(rows("  [oops"), (Texts{"!invalid_literal"}));
}

TEST_F(PayloadReaderTest, OtherModesParseLess) {
  EXPECT_EQ(rows(R"({"a":1})", PayloadMode::text), (Texts{R"(value_text={"a":1})"}));
  EXPECT_EQ(rows("\xFF", PayloadMode::text), (Texts{"!invalid_utf8"}));
  EXPECT_EQ(rows("\xFF\x01", PayloadMode::raw), (Texts{"value_raw=\xFF\x01"}));
  EXPECT_EQ(rows("online", PayloadMode::json), (Texts{"!invalid_literal"}));
  EXPECT_EQ(rows("21.5", PayloadMode::json), (Texts{"value=21.5"}));
}

TEST_F(PayloadReaderTest, AByteOrderMarkIsTakenOff) {
  EXPECT_EQ(rows("\xEF\xBB\xBF{\"a\":1}"), (Texts{"a=1"}));
  EXPECT_EQ(rows("\xEF\xBB\xBF 5"), (Texts{"value=5"}));
  EXPECT_EQ(rows("\xEF\xBB\xBFtext", PayloadMode::text), (Texts{"value_text=text"}));
}

TEST_F(PayloadReaderTest, ExplodesAnArrayWhereverItsFieldsAre) {
  plan_[plan_.require("readings").value()[0]].explode = true;
  EXPECT_EQ(rows(R"({"id":"x","readings":[{"t":1},{"t":2,"u":{"v":3}}],"n":9})"),
            (Texts{"id=\"x\" n=9 readings.t=1", "id=\"x\" n=9 readings.t=2 readings.u.v=3"}));
  EXPECT_EQ(rows(R"({"id":1,"readings":[5,null,[6]]})"),
            (Texts{"id=1 readings=5", "id=1 readings=null", "id=1 readings=[6]"}));
  EXPECT_EQ(rows(R"({"id":1,"readings":[]})"), (Texts{"id=1"}));
  EXPECT_EQ(rows(R"({"id":1,"readings":null})"), (Texts{"id=1 readings=null"}));
  EXPECT_EQ(rows(R"({"id":1})"), (Texts{"id=1"}));
  EXPECT_EQ(rows(R"({"id":1,"readings":{"t":7}})"), (Texts{"id=1 readings.t=7"}));
  EXPECT_EQ(rows(R"([{"id":1,"readings":[1,2]},{"id":2,"readings":[3]}])"),
            (Texts{"id=1 readings=1", "id=1 readings=2", "id=2 readings=3"}));
  EXPECT_EQ(rows(R"({"readings":[1,]})"), (Texts{"!trailing_comma"}));
  EXPECT_EQ(rows(R"({"readings":[{"t":tru}]})"), (Texts{"!invalid_literal"}));
  EXPECT_EQ(rows(R"({"readings":[1],"readings":[2,3]})"),
            (Texts{"old:readings=[1] readings=2", "old:readings=[1] readings=3"}));
}

TEST_F(PayloadReaderTest, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(rows(R"({"a":1,"b":2,"a":3})"), (Texts{"b=2 old:a=1 a=3"}));
  EXPECT_EQ(rows(R"({"c":{"x":1,"y":2},"c":{"x":3}})"), (Texts{"old:c={\"x\":1,\"y\":2} c.x=3"}));
  EXPECT_EQ(rows(R"({"b":1,"c":{"z":1},"b":2,"c":{"z":3}})"), (Texts{"old:b=1 b=2 old:c={\"z\":1} c.z=3"}));
  // The same key in other objects is another one.
  EXPECT_EQ(rows(R"([{"k":1,"o":{"k":2},"p":{"k":3}},{"k":4}])"), (Texts{"k=1 o.k=2 p.k=3", "k=4"}));
}

TEST_F(PayloadReaderTest, ManyEqualKeysTakeNoLongerThanManyKeys) {
  std::string payload = "{\"a\":0";
  for (int i = 0; i < 200'000; ++i) payload += ",\"a\":1";
  const Texts result = rows(payload + "}");
  ASSERT_EQ(result.size(), 1U);
  EXPECT_TRUE(result[0].ends_with(" a=1"));
}

TEST_F(PayloadReaderTest, BoundsDepth) {
  EXPECT_EQ(rows(R"({"a":{"b":{"c":1}}})", PayloadMode::json, 3), (Texts{"a.b.c=1"}));
  EXPECT_EQ(rows(R"({"a":{"b":{"c":1}}})", PayloadMode::json, 2), (Texts{"!too_deep"}));
  EXPECT_EQ(rows(R"([{"a":[1]}])", PayloadMode::json, 3).size(), 1U);
  EXPECT_EQ(rows(R"([{"a":[1]}])", PayloadMode::json, 2), (Texts{"!too_deep"}));
  EXPECT_EQ(rows("[1]", PayloadMode::json, 1), (Texts{"value_list=[1]"}));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(rows(deep), (Texts{"!too_deep"}));
}

TEST_F(PayloadReaderTest, ABrokenPayloadGrowsNothing) {
  const std::size_t before = plan_.size();
  EXPECT_EQ(rows(R"({"new":1,"more":{"x":2},)"), (Texts{"!truncated"}));
  EXPECT_EQ(plan_.size(), before);
}

TEST_F(PayloadReaderTest, TextThatBeginsAsANumberLeavesNoTrace) {
  EXPECT_EQ(rows("21.5 C"), (Texts{"value_text=21.5 C"}));
  EXPECT_EQ(rows(R"({"value":{"x":1}})"), (Texts{"value.x=1"}));
}

TEST_F(PayloadReaderTest, AnExplodedArrayThatIsSupersededIsCheckedToo) {
  const auto nodes = plan_.require("r");
  ASSERT_TRUE(nodes.ok());
  for (const NodeId node : nodes.value()) {
    plan_[node].explode = true;
    plan_[node].reads_scalars = false;
  }
  const Texts refused = rows(R"({"r":[tru],"r":[{"a":1}]})");
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].front(), '!') << refused[0];
  EXPECT_EQ(rows(R"({"r":[true],"r":[{"a":1}]})").size(), 1U);
}

}  // namespace
}  // namespace honeyframe
