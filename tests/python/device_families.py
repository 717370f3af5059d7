"""What fifteen families of devices publish, as their public documentation describes it, with values of our own.

Each family is data: messages, and by pattern the columns that its frame must have, with their types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

NUMBER, WHOLE, TEXT, FLAG = "float64", "int64", "string", "bool"


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 0


@dataclass(frozen=True)
class Family:
    name: str
    messages: list[Message]
    patterns: dict[str, dict[str, str]]  # by pattern: what stands in the payload, and its type
    event_times: dict[str, tuple[str, str]] = field(default_factory=dict)  # by pattern: column and unit


def message(topic: str, payload: Any, **flags: Any) -> Message:
    """bytes and str as they are, anything else as JSON."""
    data = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return Message(topic, data, **flags)


def zigbee2mqtt() -> Family:
    """Devices by their address, or by a name that somebody gave them."""
    sensors = ("0x00158d0001a2b3c4", "0x00158d0004d5e6f7", "bathroom_climate")
    lamps = ("0x001788010bcd1234", "hall_lamp")
    messages = []
    for n, device in enumerate(sensors):
        climate = {"battery": 97 - n, "humidity": 48.3 + n, "linkquality": 110 - 7 * n, "pressure": 1012.4, "temperature": 20.75 + n}
        messages += [message(f"zigbee2mqtt/{device}", {**climate, "voltage": 3005}), message(f"zigbee2mqtt/{device}", climate)]
        messages.append(message(f"zigbee2mqtt/{device}/availability", {"state": "online"}, retain=True))
    for n, device in enumerate(lamps):
        lamp = {
            "state": "ON",
            "brightness": 120 + n,
            "color_mode": "xy",
            "color": {"x": 0.42, "y": 0.38},
            "color_temp": 340,
            "linkquality": 88,
        }
        messages.append(message(f"zigbee2mqtt/{device}", lamp))
    messages.append(message("zigbee2mqtt/bridge/state", {"state": "online"}, retain=True))
    return Family(
        "zigbee2mqtt",
        messages,
        {
            "zigbee2mqtt/{device} (1)": {
                "battery": WHOLE,
                "humidity": NUMBER,
                "linkquality": WHOLE,
                "pressure": NUMBER,
                "temperature": NUMBER,
                "voltage": WHOLE,
            },
            "zigbee2mqtt/{device} (2)": {
                "state": TEXT,
                "brightness": WHOLE,
                "color_mode": TEXT,
                "color.x": NUMBER,
                "color.y": NUMBER,
                "color_temp": WHOLE,
                "linkquality": WHOLE,
            },
            "zigbee2mqtt/{device}/availability": {"state": TEXT},
            "zigbee2mqtt/bridge/state": {"state": TEXT},
        },
    )


def tasmota() -> Family:
    """Topics of the form prefix/device/kind; two sorts of sensors."""
    messages = []
    for n, device in enumerate(("tasmota_4F2A1B", "tasmota_0C9D3E")):
        energy = {"Total": 12.345 + n, "Yesterday": 0.5, "Today": 0.25, "Power": 36 + n, "Voltage": 231, "Current": 0.19}
        status = {"Time": "2026-03-01T08:00:10", "Uptime": "1T02:03:04", "Heap": 24, "POWER": "ON", "Wifi": {"SSId": "attic", "RSSI": 78}}
        messages += [
            message(f"tele/{device}/SENSOR", {"Time": "2026-03-01T08:00:00", "ENERGY": energy}),
            message(f"tele/{device}/STATE", status),
            message(f"tele/{device}/LWT", "Online", retain=True),
            message(f"stat/{device}/POWER", "ON"),
        ]
    probe = {"Time": "2026-03-01T08:00:00", "DS18B20": {"Id": "01191ED79190", "Temperature": 21.5}, "TempUnit": "C"}
    messages.append(message("tele/tasmota_77AB10/SENSOR", probe))
    return Family(
        "Tasmota",
        messages,
        {
            "tele/{device}/SENSOR (1)": {
                "Time": TEXT,
                "ENERGY.Total": NUMBER,
                "ENERGY.Yesterday": NUMBER,
                "ENERGY.Today": NUMBER,
                "ENERGY.Power": WHOLE,
                "ENERGY.Voltage": WHOLE,
                "ENERGY.Current": NUMBER,
            },
            "tele/{device}/SENSOR (2)": {"Time": TEXT, "DS18B20.Id": TEXT, "DS18B20.Temperature": NUMBER, "TempUnit": TEXT},
            "tele/{device}/STATE": {"Time": TEXT, "Uptime": TEXT, "Heap": WHOLE, "POWER": TEXT, "Wifi.SSId": TEXT, "Wifi.RSSI": WHOLE},
            "tele/{device}/LWT": {"value_text": TEXT},
            "stat/{device}/POWER": {"value_text": TEXT},
        },
        {
            "tele/{device}/SENSOR (1)": ("Time", "text without a zone"),
            "tele/{device}/STATE": ("Time", "text without a zone"),
        },
    )


def shelly_gen1() -> Family:
    """Bare values, a topic each; relays by their number."""
    messages = []
    for device in ("shelly1-AABBCC", "shellyswitch25-1F2E3D4C5B6A"):
        for relay in (0, 1)[: 1 + ("25" in device)]:
            messages += [
                message(f"shellies/{device}/relay/{relay}", "on"),
                message(f"shellies/{device}/relay/{relay}/power", "36.42"),
                message(f"shellies/{device}/relay/{relay}/energy", "12345"),
            ]
        messages += [
            message(f"shellies/{device}/input/0", "1"),
            message(f"shellies/{device}/online", "true", retain=True),
            message(f"shellies/{device}/temperature", "48.07"),
        ]
    announce = {"id": "shelly1-AABBCC", "model": "SHSW-1", "mac": "98CDACAABBCC", "ip": "192.0.2.7", "new_fw": False, "fw_ver": "1.11.8"}
    messages += [message("shellies/announce", announce), message("shellies/shelly1-AABBCC/announce", announce)]
    known = {"id": TEXT, "model": TEXT, "mac": TEXT, "ip": TEXT, "new_fw": FLAG, "fw_ver": TEXT}
    return Family(
        "Shelly, generation 1",
        messages,
        {
            "shellies/{device}/relay/{relay}": {"value_text": TEXT},
            "shellies/{device}/relay/{relay}/power": {"value": NUMBER},
            "shellies/{device}/relay/{relay}/energy": {"value": WHOLE},
            "shellies/{device}/input/{input}": {"value": WHOLE},
            "shellies/{device}/online": {"value_bool": FLAG},
            "shellies/{device}/temperature": {"value": NUMBER},
            "shellies/{device}/announce": known,
            "shellies/announce": known,
        },
    )


def shelly_gen2() -> Family:
    """The device comes first; components have a name and a number; notifications are JSON-RPC."""
    messages = []
    for n, device in enumerate(("shellyplus1pm-a8032abe54dc", "shellyplus1pm-7c87ce6512ab")):
        switch = {"id": 0, "source": "init", "output": bool(n), "apower": 0.0, "voltage": 230.1 + n, "current": 0.0, "freq": 50.0}
        switch |= {"aenergy": {"total": 123.456, "by_minute": [0.0, 1.5, 0.0], "minute_ts": 1_772_352_000 + 60 * n}}
        notify = {"ts": 1_772_352_001.25 + n, "switch:0": {"id": 0, "output": True}}
        messages += [
            message(f"{device}/online", "true", retain=True),
            message(f"{device}/status/switch:0", switch | {"temperature": {"tC": 41.2, "tF": 106.2}}),
            message(f"{device}/status/input:0", {"id": 0, "state": None}),
            message(f"{device}/events/rpc", {"src": device, "dst": f"{device}/events", "method": "NotifyStatus", "params": notify}),
        ]
    return Family(
        "Shelly, generation 2",
        messages,
        {
            "{device}/online": {"value_bool": FLAG},
            "{device}/status/switch:0": {
                "id": WHOLE,
                "source": TEXT,
                "output": FLAG,
                "apower": NUMBER,
                "voltage": NUMBER,
                "current": NUMBER,
                "freq": NUMBER,
                "aenergy.total": NUMBER,
                "aenergy.by_minute": "list<float64>",
                "aenergy.minute_ts": WHOLE,
                "temperature.tC": NUMBER,
                "temperature.tF": NUMBER,
            },
            "{device}/status/input:0": {"id": WHOLE, "state": TEXT},  # of nulls alone: text takes whatever comes
            "{device}/events/rpc": {
                "src": TEXT,
                "dst": TEXT,
                "method": TEXT,
                "params.ts": NUMBER,
                "params.switch:0.id": WHOLE,
                "params.switch:0.output": FLAG,
            },
        },
        {"{device}/status/switch:0": ("aenergy.minute_ts", "s"), "{device}/events/rpc": ("params.ts", "s")},
    )


def esphome() -> Family:
    """A node's name, the kind of the component, its name, and ``state``."""
    messages = []
    for n, node in enumerate(("greenhouse-4c11ae0d2f30", "cellar-4c11ae0d9b01")):
        messages += [
            message(f"{node}/status", "online", retain=True),
            message(f"{node}/sensor/air_temperature/state", f"{18.4 + n:.1f}", retain=True),
            message(f"{node}/sensor/uptime/state", str(4000 + n)),
            message(f"{node}/binary_sensor/door/state", "OFF", retain=True),
            message(f"{node}/debug", "[D][sensor:094]: 'Air': Sending state 18.4"),
        ]
    return Family(
        "ESPHome",
        messages,
        {
            "{device}/status": {"value_text": TEXT},
            "{device}/sensor/air_temperature/state": {"value": NUMBER},
            "{device}/sensor/uptime/state": {"value": WHOLE},
            "{device}/binary_sensor/door/state": {"value_text": TEXT},
            "{device}/debug": {"value_text": TEXT},  # a bracket that begins no JSON
        },
    )


def chirpstack() -> Family:
    """An envelope around every event; what the codec made of the bytes is in ``object``."""
    application = "7b3f2c1a-90de-4f5a-8c11-2d3e4f5a6b7c"
    messages = []
    for n, eui in enumerate(("70b3d57ed0051a2b", "70b3d57ed0051a2c", "a84041d1f18356ab")):
        info = {"tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "farm", "applicationId": application}
        info |= {"applicationName": "fields", "deviceProfileName": "soil", "deviceName": f"soil-{n}", "devEui": eui, "tags": {}}
        envelope = {"deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": f"2026-03-01T08:00:0{n}.433807+00:00"}
        envelope |= {"deviceInfo": info, "devAddr": "00189440"}
        up = {"adr": True, "dr": 5, "fCnt": 40 + n, "fPort": 2, "confirmed": False, "data": "AQIDBA==", "object": {"moisture": 31.5 + n}}
        radio = [{"gatewayId": "0016c001f153a14c", "rssi": -57, "snr": 9.2}]
        messages.append(message(f"application/{application}/device/{eui}/event/up", {**envelope, **up, "rxInfo": radio}, qos=1))
        messages.append(message(f"application/{application}/device/{eui}/event/join", envelope))
    head = {"deduplicationId": TEXT, "time": TEXT, "deviceInfo.tenantId": TEXT, "deviceInfo.tenantName": TEXT}
    head |= {f"deviceInfo.{name}": TEXT for name in ("applicationId", "applicationName", "deviceProfileName", "deviceName", "devEui")}
    up_columns = {"adr": FLAG, "dr": WHOLE, "fCnt": WHOLE, "fPort": WHOLE, "confirmed": FLAG, "data": TEXT, "object.moisture": NUMBER}
    path = "application/{application}/device/{device}/event"
    return Family(
        "ChirpStack",
        messages,
        {f"{path}/up": {**head, "devAddr": TEXT, **up_columns, "rxInfo": TEXT}, f"{path}/join": {**head, "devAddr": TEXT}},
        {f"{path}/up": ("time", "text"), f"{path}/join": ("time", "text")},
    )


def the_things_stack() -> Family:
    """``v3/<application>@<tenant>/devices/<device>/<event>``; no two devices decode to the same keys."""
    messages = []
    for n, device in enumerate(("eui-70b3d57ed005ffff", "eui-70b3d57ed005fffe")):
        ids = {"device_id": device, "application_ids": {"application_id": "orchard"}, "dev_eui": device[4:].upper(), "dev_addr": "260B1234"}
        uplink = {"f_port": 1, "f_cnt": 7 + n, "frm_payload": "AGgB", "decoded_payload": {"temperature": 4.5 + n, "battery_v": 3.3}}
        uplink |= {"rx_metadata": [{"gateway_ids": {"gateway_id": "roof"}, "rssi": -35}], "received_at": "2026-03-01T08:00:02.123456789Z"}
        body = {"end_device_ids": ids, "correlation_ids": ["as:up:01H"], "received_at": f"2026-03-01T08:00:0{2 + n}.33Z"}
        messages.append(message(f"v3/orchard@ttn/devices/{device}/up", {**body, "uplink_message": uplink}))
        messages.append(message(f"v3/orchard@ttn/devices/{device}/join", {**body, "join_accept": {"session_key_id": "AYZq"}}))
    ids_columns = {f"end_device_ids.{name}": TEXT for name in ("device_id", "application_ids.application_id", "dev_eui", "dev_addr")}
    head = {**ids_columns, "correlation_ids": "list<string>", "received_at": TEXT}
    return Family(
        "The Things Stack",
        messages,
        {
            "v3/{application}/devices/{device}/up": {
                **head,
                "uplink_message.f_port": WHOLE,
                "uplink_message.f_cnt": WHOLE,
                "uplink_message.frm_payload": TEXT,
                "uplink_message.decoded_payload.temperature": NUMBER,
                "uplink_message.decoded_payload.battery_v": NUMBER,
                "uplink_message.rx_metadata": TEXT,
                "uplink_message.received_at": TEXT,
            },
            "v3/{application}/devices/{device}/join": {**head, "join_accept.session_key_id": TEXT},
        },
        {"v3/{application}/devices/{device}/up": ("received_at", "text")},
    )


def owntracks() -> Family:
    """People and their devices are plain words; locations beside transitions."""
    messages = []
    for n, (user, device) in enumerate((("ada", "phone"), ("ada", "tablet"), ("grace", "watch"))):
        place = {
            "_type": "location",
            "acc": 10 + n,
            "batt": 80,
            "lat": 47.07 + n,
            "lon": 15.44,
            "tid": device[:2],
            "tst": 1_772_352_000 + n,
        }
        messages.append(
            message(f"owntracks/{user}/{device}", {**place, "alt": 353, "vel": 0, "t": "u"} if n else place, retain=True, qos=1)
        )
    leave = {"_type": "transition", "event": "leave", "desc": "Home", "wtst": 1_700_000_000, "tst": 1_772_352_100, "acc": 20.0}
    messages.append(message("owntracks/ada/phone/event", leave))
    location = {"_type": TEXT, "acc": WHOLE, "batt": WHOLE, "lat": NUMBER, "lon": NUMBER, "tid": TEXT, "tst": WHOLE}
    return Family(
        "OwnTracks",
        messages,
        {
            "owntracks/{user}/{device}": {**location, "alt": WHOLE, "vel": WHOLE, "t": TEXT},
            "owntracks/{user}/{device}/event": {
                "_type": TEXT,
                "event": TEXT,
                "desc": TEXT,
                "wtst": WHOLE,
                "tst": WHOLE,
                "acc": NUMBER,
            },
        },
        {"owntracks/{user}/{device}": ("tst", "s")},
    )


def home_assistant() -> Family:
    """Discovery: a retained description of each entity."""
    messages = []
    for node in ("0x00158d0001a2b3c4", "0x00158d0004d5e6f7"):
        device = {"identifiers": [f"zigbee_{node}"], "manufacturer": "Example", "model": "Climate", "name": node}
        for entity, unit in (("temperature", "°C"), ("humidity", "%")):
            config = {"name": entity, "state_topic": f"zigbee/{node}", "unit_of_measurement": unit, "device_class": entity}
            config |= {"value_template": f"{{{{ value_json.{entity} }}}}", "unique_id": f"{node}_{entity}", "device": device}
            messages.append(message(f"homeassistant/sensor/{node}/{entity}/config", config, retain=True))
        lamp = {"name": None, "command_topic": f"zigbee/{node}/set", "brightness": True, "schema": "json", "device": device}
        messages.append(message(f"homeassistant/light/{node}/light/config", lamp, retain=True))
    messages.append(message("homeassistant/status", "online", retain=True))
    described = {"device.identifiers": "list<string>", "device.manufacturer": TEXT, "device.model": TEXT, "device.name": TEXT}
    names = ("name", "state_topic", "unit_of_measurement", "device_class", "value_template", "unique_id")
    return Family(
        "Home Assistant discovery",
        messages,
        {
            "homeassistant/sensor/{node}/{object}/config": {**dict.fromkeys(names, TEXT), **described},
            "homeassistant/light/{node}/light/config": {
                "name": TEXT,
                "command_topic": TEXT,
                "brightness": FLAG,
                "schema": TEXT,
                **described,
            },
            "homeassistant/status": {"value_text": TEXT},
        },
    )


def sparkplug() -> Family:
    """Protocol Buffers: not for JSON, and told so."""
    body = bytes([0x08, 0xC8, 0xE5, 0xF0, 0x9E, 0xD2, 0x33, 0x12, 0x0E, 0x0A, 0x04, 0xFF, 0xFE, 0x80, 0x81])
    messages = [message(f"spBv1.0/Plant1/{kind}/Edge{edge}", body) for kind in ("NBIRTH", "NDATA") for edge in (1, 2)]
    messages += [message(f"spBv1.0/Plant1/{kind}/Edge1/Press{n}", body) for kind in ("DBIRTH", "DDATA") for n in (3, 4)]
    raw = {"value_raw": "binary"}
    return Family(
        "Sparkplug B",
        messages,
        {
            "spBv1.0/Plant1/NBIRTH/{edge_node}": raw,
            "spBv1.0/Plant1/NDATA/{edge_node}": raw,
            "spBv1.0/Plant1/DBIRTH/Edge1/{device}": raw,
            "spBv1.0/Plant1/DDATA/Edge1/{device}": raw,
        },
    )


def ruuvi() -> Family:
    """Both levels are MAC addresses; times are epochs in strings."""
    gateway = "F6:5A:21:0C:33:D9"
    messages = []
    for n, tag in enumerate(("C8:25:2D:8E:9C:2C", "DA:7F:11:02:4B:E0")):
        seen = {
            "gw_mac": gateway,
            "rssi": -61 - n,
            "aoa": [],
            "gwts": "1772352003",
            "ts": f"177235200{n}",
            "data": "0201061BFF99",
            "coords": "",
        }
        messages.append(message(f"ruuvi/{gateway}/{tag}", seen))
    messages.append(message(f"ruuvi/{gateway}/gw_status", {"state": "online"}, retain=True))
    pattern = "ruuvi/{gateway}/{tag}"
    columns = {"gw_mac": TEXT, "rssi": WHOLE, "aoa": TEXT, "gwts": TEXT, "ts": TEXT, "data": TEXT, "coords": TEXT}
    return Family("RuuviTag gateway", messages, {pattern: columns, "ruuvi/{gateway}/gw_status": {"state": TEXT}}, {pattern: ("ts", "s")})


def victron() -> Family:
    """``N/<portal>/<service>/<instance>/<path>``, a ``{"value": …}`` each."""
    messages = []
    for path, value in (("Dc/0/Voltage", 52.1), ("Dc/0/Current", -3.25), ("Soc", 87.5), ("CustomName", "Rack")):
        messages.append(message(f"N/c0619ab12345/battery/256/{path}", {"value": value}))
    for phase, power in (("L1", 210.5), ("L2", 180.25)):
        messages.append(message(f"N/c0619ab12345/grid/30/Ac/{phase}/Power", {"value": power}))
    messages.append(message("N/c0619ab12345/system/0/Serial", {"value": "c0619ab12345"}))
    messages.append(message("N/c0619ab12345/keepalive", {"value": 1}))
    battery = "N/{portal}/battery/{instance}"
    return Family(
        "Victron Venus",
        messages,
        {
            f"{battery}/Dc/{{dc}}/Voltage": {"value": NUMBER},
            f"{battery}/Dc/{{dc}}/Current": {"value": NUMBER},
            f"{battery}/Soc": {"value": NUMBER},
            f"{battery}/CustomName": {"value": TEXT},
            "N/{portal}/grid/{instance}/Ac/{ac}/Power": {"value": NUMBER},
            "N/{portal}/system/{instance}/Serial": {"value": TEXT},
            "N/{portal}/keepalive": {"value": WHOLE},
        },
    )


def frigate() -> Family:
    """Cameras are plain words; counts and switches are bare, events are objects, snapshots are pictures."""
    messages = []
    for n, camera in enumerate(("front_door", "garage")):
        messages += [
            message(f"frigate/{camera}/person", str(n)),
            message(f"frigate/{camera}/motion", "ON"),
            message(f"frigate/{camera}/detect/state", "ON", retain=True),
            message(f"frigate/{camera}/person/snapshot", b"\xff\xd8\xff\xe0\x00\x10JFIF", retain=True),
        ]
    for number in range(3):
        seen = {
            "id": f"1772352000.{number}-abc",
            "camera": "garage",
            "frame_time": 1_772_352_000.5 + number,
            "label": "person",
            "score": 0.79,
        }
        messages.append(message("frigate/events", {"type": "update", "before": seen, "after": {**seen, "score": 0.83}}))
    messages.append(message("frigate/available", "online", retain=True))
    seen_columns = {"id": TEXT, "camera": TEXT, "frame_time": NUMBER, "label": TEXT, "score": NUMBER}
    return Family(
        "Frigate",
        messages,
        {
            "frigate/{camera}/person": {"value": WHOLE},
            "frigate/{camera}/motion": {"value_text": TEXT},
            "frigate/{camera}/detect/state": {"value_text": TEXT},
            "frigate/{camera}/person/snapshot": {"value_raw": "binary"},
            "frigate/events": {"type": TEXT}
            | {f"{part}.{name}": kind for part in ("before", "after") for name, kind in seen_columns.items()},
            "frigate/available": {"value_text": TEXT},
        },
        {"frigate/events": ("before.frame_time", "s")},
    )


def fronius() -> Family:
    """An inverter's cyclic data behind a bridge: an envelope of Head and Body, values with their unit."""
    messages = []
    for n, inverter in enumerate((1, 2, 3)):
        values = {"PAC": {"Value": 1840 + n, "Unit": "W"}, "DAY_ENERGY": {"Value": 5230.5 + n, "Unit": "Wh"}}
        head = {"Timestamp": f"2026-03-01T09:00:0{n}+01:00", "Status": {"Code": 0, "Reason": ""}}
        messages.append(message(f"fronius/inverter/{inverter}/data", {"Head": head, "Body": {"Data": values}}))
    data = "Body.Data"
    columns = {"Head.Timestamp": TEXT, "Head.Status.Code": WHOLE, "Head.Status.Reason": TEXT}
    columns |= {f"{data}.PAC.Value": WHOLE, f"{data}.PAC.Unit": TEXT, f"{data}.DAY_ENERGY.Value": NUMBER, f"{data}.DAY_ENERGY.Unit": TEXT}
    pattern = "fronius/inverter/{inverter}/data"
    return Family("Fronius", messages, {pattern: columns}, {pattern: ("Head.Timestamp", "text")})


def home() -> Family:
    """Retained states with bare values, as homes have them: rooms and quantities are plain words."""
    messages = []
    for n, room in enumerate(("kitchen", "bedroom", "living_room")):
        messages += [
            message(f"home/{room}/temperature", f"{20.5 + n}", retain=True),
            message(f"home/{room}/humidity", str(44 + n), retain=True),
            message(f"home/{room}/light/state", "ON" if n else "OFF", retain=True),
        ]
    messages += [message("home/kitchen/temperature", "unavailable"), message("home/garage/door", "closed", retain=True)]
    return Family(
        "home states",
        messages,
        {
            "home/{room}/temperature": {"value": NUMBER},
            "home/{room}/humidity": {"value": WHOLE},
            "home/{room}/light/state": {"value_text": TEXT},
            "home/garage/door": {"value_text": TEXT},
        },
    )


_HOMES = (zigbee2mqtt, tasmota, shelly_gen1, shelly_gen2, esphome, home_assistant, home, frigate)
_FIELDS = (chirpstack, the_things_stack, owntracks, sparkplug, ruuvi, victron, fronius)

FAMILIES = [family() for family in (*_HOMES, *_FIELDS)]
