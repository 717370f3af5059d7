// Payloads as devices and gateways send them, written after the formats their makers publish. None may be refused, none
// may lose a value, and what a user looks for must be where it belongs.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

struct Expected {
  const char* column;
  const char* type;
  const char* value;  // of the first row, as JSON
};

struct Device {
  const char* name;
  const char* payload;
  std::vector<Expected> expected;
  const char* explode = "";
  std::int64_t rows = 1;
};

void PrintTo(const Device& device, std::ostream* out) {
  *out << device.name;
}

const std::vector<Device>& devices() {
  static const std::vector<Device> all =
      {
          {"Zigbee2MQTT climate sensor",
           R"({"battery":97,"humidity":48.31,"linkquality":120,"power_outage_count":17,"pressure":1013.2,"temperature":22.94,"voltage":3015,"last_seen":"2024-06-13T12:00:00+02:00","update":{"installed_version":1,"latest_version":1,"state":"idle"},"update_available":null})",
           {{"temperature", "float64", "22.94"},
            {"battery", "int64", "97"},
            {"update.state", "string", "\"idle\""},
            {"update_available", "null", "null"}}},
          {"Zigbee2MQTT light",
           R"({"brightness":254,"color":{"x":0.3131,"y":0.3232,"hue":250,"saturation":12},"color_mode":"xy","state":"ON","action":"","effect":null})",
           {{"color.x", "float64", "0.3131"}, {"state", "string", "\"ON\""}, {"action", "string", "\"\""}}},
          {"Zigbee2MQTT bridge devices",
           R"([{"ieee_address":"0x00158d00018255df","type":"EndDevice","network_address":29159,"supported":true,"definition":{"model":"WSDCGQ01LM","vendor":"Xiaomi","exposes":[{"type":"numeric","property":"temperature"}]},"endpoints":{"1":{"bindings":[],"clusters":{"input":["genBasic"],"output":[]}}}},{"ieee_address":"0x1","type":"Coordinator","supported":false,"definition":null,"endpoints":{}}])",
           {{"ieee_address", "string", "\"0x00158d00018255df\""},
            {"definition.model", "string", "\"WSDCGQ01LM\""},
            {"endpoints.1.clusters.input", "list<string>", "[\"genBasic\"]"}},
           "",
           2},
          {"Tasmota SENSOR",
           R"({"Time":"2024-06-13T12:00:00","AM2301":{"Temperature":21.6,"Humidity":52.1,"DewPoint":11.3},"DS18B20-1":{"Id":"01131BFF7AAA","Temperature":19.8},"TempUnit":"C"})",
           {{"AM2301.Temperature", "float64", "21.6"}, {"DS18B20-1.Id", "string", "\"01131BFF7AAA\""}}},
          {"Tasmota ENERGY",
           R"({"Time":"2024-06-13T12:00:00","ENERGY":{"TotalStartTime":"2022-01-02T03:04:05","Total":123.456,"Yesterday":1.2,"Today":0.4,"Period":[0,1],"Power":[42,17],"Factor":[0.55,1.00],"Voltage":231,"Current":[0.333,0.1]}})",
           {{"ENERGY.Power", "list<int64>", "[42,17]"}, {"ENERGY.Factor", "list<float64>", "[0.55,1.0]"}}},
          {"Tasmota STATE",
           R"({"Time":"2024-06-13T12:00:00","Uptime":"12T03:04:05","UptimeSec":1047845,"Vcc":3.2,"Heap":25,"SleepMode":"Dynamic","POWER":"ON","Wifi":{"AP":1,"SSId":"net","BSSId":"AA:BB:CC:DD:EE:FF","Channel":6,"RSSI":74,"Signal":-63}})",
           {{"Wifi.Signal", "int64", "-63"}, {"Vcc", "float64", "3.2"}}},
          {"Shelly Gen2 NotifyStatus",
           R"({"src":"shellyplus1pm-a8032abe54dc","dst":"shellies/events","method":"NotifyStatus","params":{"ts":1718280000.51,"switch:0":{"id":0,"aenergy":{"by_minute":[0.000,24.166,23.1],"minute_ts":1718280000,"total":1234.567},"apower":12.3,"output":true}}})",
           {{"params.switch:0.aenergy.by_minute", "list<float64>", "[0.0,24.166,23.1]"},
            {"params.switch:0.output", "bool", "true"}}},
          {"Shelly Gen1 power", "231.45", {{"value", "float64", "231.45"}}},
          {"Shelly 3EM",
           R"({"a_current":4.029,"a_voltage":236.1,"a_act_power":951.2,"a_errors":["power_meter_failure"],"n_current":null,"total_act_power":2484.782,"user_calibrated_phase":[]})",
           {{"a_errors", "list<string>", "[\"power_meter_failure\"]"},
            {"n_current", "null", "null"},
            {"user_calibrated_phase", "list<null>", "[]"}}},
          {"Home Assistant statestream text", "unavailable", {{"value_text", "string", "\"unavailable\""}}},
          {"Home Assistant event",
           R"({"event_type":"state_changed","event_data":{"entity_id":"sensor.kitchen","old_state":null,"new_state":{"state":"21.5","attributes":{"unit_of_measurement":"\u00b0C","friendly_name":"K\u00fcche"},"last_changed":"2024-06-13T10:00:00.123456+00:00","context":{"id":"01H","parent_id":null}}}})",
           {{"event_data.new_state.state", "string", "\"21.5\""},
            {"event_data.new_state.attributes.unit_of_measurement", "string",
             "\"\xC2\xB0"
             "C\""}}},
          {"Home Assistant discovery",
           R"({"~":"homeassistant/light/kitchen","name":null,"unique_id":"k1","cmd_t":"~/set","stat_t":"~/state","schema":"json","brightness":true,"device":{"identifiers":["k1"],"connections":[["mac","02:5b:26:a8:dc:12"]]}})",
           {{"~", "string", "\"homeassistant/light/kitchen\""},
            {"device.connections", "string", R"("[[\"mac\",\"02:5b:26:a8:dc:12\"]]")"}}},
          {"The Things Stack v3 uplink",
           R"({"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app1"},"dev_eui":"0004A30B001C0530","dev_addr":"00BCB929"},"correlation_ids":["as:up:01"],"received_at":"2024-06-13T12:00:00.123456789Z","uplink_message":{"f_port":1,"f_cnt":42,"frm_payload":"gkHe","decoded_payload":{"temperature":21.5,"bytes":[1,2]},"rx_metadata":[{"gateway_ids":{"gateway_id":"gw1"},"rssi":-35,"snr":5.2,"timestamp":2463457000}],"settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"frequency":"867100000"},"consumed_airtime":"0.056576s"}})",
           {{"uplink_message.decoded_payload.temperature", "float64", "21.5"},
            {"uplink_message.settings.frequency", "string", "\"867100000\""},
            {"end_device_ids.application_ids.application_id", "string", "\"app1\""}}},
          {"The Things Stack, a row a gateway",
           R"({"uplink_message":{"f_cnt":7,"rx_metadata":[{"gateway_ids":{"gateway_id":"gw1"},"rssi":-35},{"gateway_ids":{"gateway_id":"gw2"},"rssi":-90.5}]},"simulated":true})",
           {{"uplink_message.f_cnt", "int64", "7"}, {"uplink_message.rx_metadata.rssi", "float64", "-35.0"}},
           "uplink_message.rx_metadata",
           2},
          {"ChirpStack v4 up",
           R"({"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2024-06-13T12:00:00.433+00:00","deviceInfo":{"tenantName":"T","deviceName":"d","devEui":"0101010101010101","tags":{"key":"value"}},"adr":true,"dr":1,"fCnt":4,"confirmed":false,"data":"qg==","object":{"co2":655.0},"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-48,"snr":9.25}],"txInfo":{"frequency":868100000}})",
           {{"object.co2", "float64", "655.0"},
            {"deviceInfo.tags.key", "string", "\"value\""},
            {"rxInfo", "string", R"("[{\"gatewayId\":\"0016c001f153a14c\",\"rssi\":-48,\"snr\":9.25}]")"}}},
          {"Sparkplug B as JSON",
           R"({"timestamp":1718280000000,"metrics":[{"name":"Temp","timestamp":1718280000000,"dataType":"Float","value":21.5},{"name":"State","timestamp":1718280000000,"dataType":"String","value":"RUN"},{"name":"Seq","dataType":"UInt64","value":18446744073709551615}],"seq":3})",
           {{"metrics.name", "string", "\"Temp\""}, {"seq", "int64", "3"}},
           "metrics",
           3},
          {"Node-RED message",
           R"({"payload":{"v":1},"topic":"x","_msgid":"a1b2c3.d4e5f6","qos":0,"retain":false,"parts":{"id":"p","index":0,"count":2}})",
           {{"payload.v", "int64", "1"}, {"_msgid", "string", "\"a1b2c3.d4e5f6\""}}},
          {"OPC UA PubSub JSON",
           R"({"MessageId":"32235546-05d9-4fd7-97df-ea3ff3408574","MessageType":"ua-data","PublisherId":"urn:plc","Messages":[{"DataSetWriterId":62541,"SequenceNumber":224,"Timestamp":"2024-06-13T12:00:00.0000000Z","Status":{"Code":1073741824},"Payload":{"Speed":{"Type":11,"Body":12.75},"Running":{"Body":true}}}]})",
           {{"Messages.Payload.Speed.Body", "float64", "12.75"},
            {"Messages.Payload.Running.Body", "bool", "true"},
            {"PublisherId", "string", "\"urn:plc\""}},
           "Messages"},
          {"AWS IoT shadow",
           R"({"state":{"desired":{"color":"RED","power":null},"reported":{"color":"GREEN"},"delta":{"color":"RED"}},"metadata":{"desired":{"color":{"timestamp":1718280000}}},"version":10,"clientToken":"UniqueToken","timestamp":1718280001})",
           {{"state.desired.color", "string", "\"RED\""}, {"metadata.desired.color.timestamp", "int64", "1718280000"}}},
          {"AWS IoT lifecycle",
           R"({"clientId":"186b5","timestamp":1573002230757,"eventType":"connected","sessionIdentifier":"a4666d2a7d844ae4ac5d7b38c9cb7967","versionNumber":0,"ipAddress":"192.0.2.0"})",
           {{"versionNumber", "int64", "0"}}},
          {"Azure IoT Central telemetry",
           R"({"applicationId":"11","deviceId":"d1","enqueuedTime":"2024-06-13T12:00:00.123Z","enrichments":{},"messageProperties":{"iothub-creation-time-utc":"2024-06-13T11:59:59Z"},"messageSource":"telemetry","telemetry":{"temp":88.129,"accel":{"x":-1,"y":0}}})",
           {{"telemetry.temp", "float64", "88.129"}, {"telemetry.accel.x", "int64", "-1"}}},
          {"Victron", R"({"value":230.40000915527344})", {{"value", "float64", "230.40000915527344"}}},
          {"Victron without a value", R"({"value":[]})", {{"value", "list<null>", "[]"}}},
          {"OwnTracks location",
           R"({"_type":"location","acc":10,"alt":154,"batt":74,"conn":"w","lat":52.520815,"lon":13.409419,"t":"u","tid":"ne","tst":1718280000,"vac":3,"vel":0,"inregions":["home"],"_http":true})",
           {{"lat", "float64", "52.520815"},
            {"_type", "string", "\"location\""},
            {"inregions", "list<string>", "[\"home\"]"}}},
          {"OwnTracks waypoints",
           R"({"_type":"waypoints","waypoints":[{"_type":"waypoint","desc":"home","rad":100,"tst":1}],"_creator":"iPhone"})",
           {{"waypoints", "string", R"("[{\"_type\":\"waypoint\",\"desc\":\"home\",\"rad\":100,\"tst\":1}]")"}}},
          {"Frigate event",
           R"({"type":"update","before":{"id":"1607123955.475377-mxklsc","camera":"front_door","frame_time":1607123961.837752,"label":"person","sub_label":null,"top_score":0.958984375,"false_positive":false,"box":[424,500,536,712],"region":[264,450,667,853],"current_zones":["driveway"],"thumbnail":null,"snapshot":{"frame_time":1607123965.97}},"after":{"id":"1607123955.475377-mxklsc","box":[415,489,528,700],"current_zones":[],"score":0.87890625}})",
           {{"before.box", "list<int64>", "[424,500,536,712]"},
            {"after.current_zones", "list<null>", "[]"},
            {"before.frame_time", "float64", "1607123961.837752"}}},
          {"Ruuvi gateway",
           R"({"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-58,"aoa":[],"gwts":"1659365438","ts":"1659365222","data":"0201061BFF99040510C23854BDDEFFE800000408B776B83020EF544AE71D9E","coords":""})",
           {{"gwts", "string", "\"1659365438\""}, {"rssi", "int64", "-58"}}},
          {"Kepware IoT Gateway",
           R"({"timestamp":1718280000000,"values":[{"id":"Channel1.Device1.Tag1","v":42,"q":true,"t":1718280000000},{"id":"Channel1.Device1.Tag2","v":"abc","q":false,"t":1718280000000}]})",
           {{"values.id", "string", "\"Channel1.Device1.Tag1\""}, {"values.q", "bool", "true"}},
           "values",
           2},
          {"Siemens Industrial Edge databus",
           R"({"seq":41,"vals":[{"id":"101","qc":3,"ts":"2024-06-13T12:00:00.0000000Z","val":12.5}]})",
           {{"vals.val", "float64", "12.5"}, {"vals.id", "string", "\"101\""}},
           "vals"},
          {"Siemens S7 header",
           R"({"seq":84631,"connections":[{"name":"plc1","type":"S7P","dataPoints":[{"name":"default","topic":"ie/d/j/simatic","dataPointDefinitions":[]}]}]})",
           {{"seq", "int64", "84631"}}},
          {"Teltonika",
           R"({"state":{"reported":{"ts":1718280000000,"latlng":"54.666042,25.224727","alt":156,"ang":0,"sat":14,"sp":0,"evt":0,"pr":0,"239":0,"240":0,"66":12747,"16":12345678901}}})",
           {{"state.reported.66", "int64", "12747"}, {"state.reported.16", "int64", "12345678901"}}},
          {"Meshtastic",
           R"({"channel":0,"from":2130636288,"hops_away":0,"id":452664778,"payload":{"air_util_tx":0.0175,"battery_level":101,"voltage":4.18},"rssi":-40,"sender":"!7efeee00","snr":6.25,"timestamp":1718280000,"to":4294967295,"type":"telemetry"})",
           {{"payload.voltage", "float64", "4.18"}, {"to", "int64", "4294967295"}}},
          {"Awair",
           R"({"timestamp":"2024-06-13T12:00:00.000Z","score":87,"dew_point":9.9,"temp":22.3,"humid":45.1,"abs_humid":8.9,"co2":612,"voc":97,"voc_baseline":2561031412,"pm25":3})",
           {{"voc_baseline", "int64", "2561031412"}}},
          {"Airthings",
           R"({"serial":"2960000001","segmentId":"ab-cd","data":{"battery":100,"co2":668.0,"humidity":33.0,"radonShortTermAvg":6.0,"time":1718280000,"voc":102.0}})",
           {{"data.radonShortTermAvg", "float64", "6.0"}}},
          {"ESPHome state", "ON", {{"value_text", "string", "\"ON\""}}},
          {"ESPHome number", "nan", {{"value_text", "string", "\"nan\""}}},
          {"ESPHome climate",
           R"({"mode":"heat","action":"idle","current_temperature":20.8,"target_temperature":21.00,"preset":""})",
           {{"target_temperature", "float64", "21.0"}}},
          {"OpenDTU",
           R"({"inverters":[{"serial":"116180400001","name":"Roof","reachable":true,"AC":{"0":{"Power":{"v":285.7,"u":"W","d":1}}},"events":5}],"total":{"Power":{"v":285.7,"u":"W","d":1}},"hints":{"time_sync":false}})",
           {{"total.Power.v", "float64", "285.7"}}},
          {"evcc",
           R"({"chargePower":0,"enabled":false,"mode":"pv","vehicleSoc":63.5,"planTime":null,"phasesActive":3,"chargeCurrents":[0,0,0]})",
           {{"chargeCurrents", "list<int64>", "[0,0,0]"}, {"vehicleSoc", "float64", "63.5"}}},
          {"Modbus gateway, registers as strings",
           R"({"device":"meter-3","regs":{"40001":"230","40002":"0x1F","40003":""},"status":0})",
           {{"regs.40001", "string", "\"230\""}}},
          {"Teltonika RUT Modbus",
           R"([{"server_id":1,"timestamp":1718280000,"full_data":[[257,12]],"name":"volt"},{"server_id":1,"timestamp":1718280000,"full_data":["a"],"name":"amp"}])",
           {{"full_data", "string", "\"[[257,12]]\""}},
           "",
           2},
          {"Helium console",
           R"({"app_eui":"70B3D57ED0000001","decoded":{"payload":[{"name":"temp","value":21}],"status":"success"},"hotspots":[],"port":1,"reported_at":1718280000000,"uuid":"f"})",
           {{"decoded.status", "string", "\"success\""}}},
          {"Dragino",
           R"({"IMEI":"866207053462705","Model":"PS-NB","idc_intput":0.0,"vdc_intput":3.577,"battery":3.55,"signal":22,"1":{"t":[0,1]},"2":[0.0,3.5,"2024-06-13 12:00:00"]})",
           {{"vdc_intput", "float64", "3.577"}, {"2", "string", R"("[0.0,3.5,\"2024-06-13 12:00:00\"]")"}}},
          {"Milesight",
           R"({"applicationID":1,"devEUI":"24e124","data":"AXVk","object":{"battery":100,"temperature":26.5},"time":"2024-06-13T12:00:00.0Z"})",
           {{"object.temperature", "float64", "26.5"}}},
          {"Loxone", "{\"LoxIN\": {\"Temp\": 21.30,\"Motion\" : 0 } }\r\n", {{"LoxIN.Temp", "float64", "21.3"}}},
          {"KNX gateway",
           R"({"ga":"1/2/3","dpt":"9.001","value":21.58,"unit":"°C","raw":[12,55]})",
           {{"unit", "string", "\"°C\""}, {"raw", "list<int64>", "[12,55]"}}},
          {"Homie property", "true", {{"value_bool", "bool", "true"}}},
          {"rtl_433",
           R"({"time":"2024-06-13 12:00:00","model":"Acurite-Tower","id":1234,"channel":"A","battery_ok":1,"temperature_C":21.400,"humidity":43,"mic":"CHECKSUM"})",
           {{"temperature_C", "float64", "21.4"}}},
          {"BLE gateway advertisement",
           R"([{"timestamp":"2024-06-13T12:00:00Z","type":"Gateway","mac":"AC233FC00001","gatewayFree":95,"gatewayLoad":0.15},{"timestamp":"2024-06-13T12:00:00Z","type":"iBeacon","mac":"AC233F000001","rssi":-61,"ibeaconMajor":0}])",
           {{"gatewayLoad", "float64", "0.15"}},
           "",
           2},
          {"SenML",
           R"([{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.276020076001e+09,"u":"A","n":"voltage","v":120.1},{"n":"current","t":-5,"v":1.2}])",
           {{"bt", "float64", "1276020076.001"}, {"v", "float64", "120.1"}},
           "",
           2},
          {"Solar inverter with nulls",
           R"({"P_AC":null,"E_Day":null,"Status":{"Code":0,"Reason":""},"Body":{"Data":{"Inverters":{"1":{"P":0}}}}})",
           {{"P_AC", "null", "null"}, {"Status.Reason", "string", "\"\""}}},
          {"P1 smart meter",
           R"({"timestamp":"240613120000S","power_delivered":0.321,"energy_delivered_tariff1":12345.678,"equipment_id":"4530303034303031353934373534343134","gas":null})",
           {{"equipment_id", "string", "\"4530303034303031353934373534343134\""}}},
          {"Amazon Monitron style nesting",
           R"({"eventPayload":{"siteName":"s","assets":{"measurements":{"Acceleration":{"bandPass":{"xAxis":{"rms":0.01}}}}}},"version":"2.0"})",
           {{"eventPayload.assets.measurements.Acceleration.bandPass.xAxis.rms", "float64", "0.01"}}},
          {"Wago",
           R"({"ver":2,"device":{"id":"0030DE","ts":1718280000},"tags":[["t1",21.5,0],["t2",true,0]]})",
           {{"tags", "string", R"("[[\"t1\",21.5,0],[\"t2\",true,0]]")"}}},
          {"CODESYS array of words", "[257, 0, 65535, 12]", {{"value_list", "list<int64>", "[257,0,65535,12]"}}},
          {"Heartbeat", "1", {{"value", "int64", "1"}}},
          {"Last will", "offline", {{"value_text", "string", "\"offline\""}}},
          {"Windows agent with a byte order mark", "\xEF\xBB\xBF{\"cpu\":0.5}", {{"cpu", "float64", "0.5"}}},
  };
  return all;
}

class DevicePayload : public ::testing::TestWithParam<Device> {};

TEST_P(DevicePayload, IsReadWithNothingLost) {
  const Device& device = GetParam();
  ExtractOptions options = without_metadata();
  options.payload = PayloadMode::automatic;
  options.explode = device.explode;
  Feed feed(options);
  feed.add(device.payload);
  EXPECT_EQ(feed.counters().quarantined, 0U) << (feed.quarantine().empty() ? "" : feed.quarantine()[0].message);
  EXPECT_EQ(feed.batch().rows(), device.rows);
  for (const Expected& expected : device.expected) {
    EXPECT_EQ(feed.type(expected.column), expected.type) << expected.column;
    EXPECT_EQ(feed.column(expected.column)[0], expected.value) << expected.column;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, DevicePayload, ::testing::ValuesIn(devices()));

TEST(DevicePayloads, JsonCutAnywhereIsRefusedAndLeavesNothing) {
  Feed feed;
  std::uint64_t cuts = 0;
  for (const Device& device : devices()) {
    const std::string payload = device.payload;
    const std::size_t begin = payload.find_first_of("{[");
    if (begin == std::string::npos) continue;  // text is text at any length
    const std::size_t whole = payload.find_last_not_of(" \r\n") + 1;
    for (std::size_t size = begin + 1; size < whole; ++size, ++cuts) feed.add(payload.substr(0, size));
  }
  EXPECT_GT(cuts, 8'000U);
  EXPECT_EQ(feed.counters().quarantined, cuts);
  EXPECT_EQ(feed.batch().schema()->fields.size(), 0U);
}

TEST(DevicePayloads, AllInOneStreamLoseNothing) {
  Feed feed;
  for (int round = 0; round < 3; ++round) {
    for (const Device& device : devices()) feed.add(device.payload);
  }
  EXPECT_EQ(feed.counters().quarantined, 0U);
  EXPECT_EQ(feed.counters().extras, 0U);
  EXPECT_EQ(feed.batch().messages(), 3 * devices().size());
  for (const Column& column : feed.batch().columns()) EXPECT_EQ(column.length, feed.batch().rows());
}

}  // namespace
}  // namespace honeyframe::testing
