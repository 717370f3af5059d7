"""The catalogue of faults of a broker: 37 scripts, each with a name, for ``tests/faults/test_broker_faults.py``.

A connection that is not in a script's plan is well-behaved: what the faults have left undone, it makes good.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .faults import (
    AcksLost,
    CloseEarly,
    CloseInHeader,
    CloseInTopic,
    Coalesced,
    ConnackRefused,
    ConnackTwice,
    DisconnectCode,
    DupRedelivery,
    GarbageBytes,
    HalfOpen,
    HugeLengthThenSilence,
    NoPingresp,
    OddSlices,
    OneByteWrites,
    PacketIdReused,
    PubackLate,
    PubackNever,
    PubcompLost,
    PublishBeforeConnack,
    PubrelLost,
    Reordered,
    ResetBeforeAck,
    ResetInConnack,
    ResetInPayload,
    ResetSoon,
    SessionAbsentThoughKept,
    SessionPresentWithoutOne,
    SlowDrip,
    SubackDowngrade,
    SubackEmpty,
    SubackNever,
    SubackRefused,
    SubackTooMany,
    TakenOver,
    UnknownPacketIds,
    Unsolicited,
    WrongDirection,
)
from .faulty import Link
from .fields import V5, V311


@dataclass(frozen=True)
class Script:
    """``plan``: the connections in their order. ``refusals``: step of the client -> the name of the error that it must end with, where
    the protocol version and the QoS are among those of ``versions`` and ``qos``. ``options``: of the client's connection."""

    plan: tuple[type[Link], ...]
    refusals: dict[str, str] = field(default_factory=dict)
    versions: tuple[int, ...] = (V311, V5)
    qos: tuple[int, ...] = (0, 1, 2)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def breaks_twice(self) -> bool:
        """A publish that is on its way at two breaks running counts as denied on MQTT 3, which ends the session."""
        return len(self.plan) > 1

    def expected(self, version: int, qos: int) -> dict[str, str]:
        return self.refusals if version in self.versions and qos in self.qos else {}


_QUICK_TO_SEE_SILENCE: dict[str, Any] = {"keepalive": 1}

SCRIPTS: dict[str, Script] = {
    "one_byte_writes": Script((OneByteWrites,)),
    "odd_slices": Script((OddSlices,)),
    "slow_drip": Script((SlowDrip,)),
    "coalesced": Script((Coalesced,)),
    "close_in_header": Script((CloseInHeader,)),
    "close_in_topic": Script((CloseInTopic,)),
    "reset_in_payload": Script((ResetInPayload,)),
    "reset_before_ack": Script((ResetBeforeAck,)),
    "reset_again_and_again": Script((ResetSoon,) * 5),
    "half_open": Script((HalfOpen,)),
    "reset_in_connack": Script((CloseEarly, ResetInConnack)),
    "connack_refused": Script((CloseEarly, ConnackRefused)),
    "connack_twice": Script((ConnackTwice,)),
    "publish_before_connack": Script((CloseEarly, PublishBeforeConnack)),
    "session_present_without_one": Script((SessionPresentWithoutOne,)),
    "session_absent_though_kept": Script((CloseEarly, SessionAbsentThoughKept)),
    "no_pingresp": Script((NoPingresp,), options=_QUICK_TO_SEE_SILENCE),
    "huge_length_then_silence": Script((HugeLengthThenSilence,), options=_QUICK_TO_SEE_SILENCE),
    "suback_never": Script((CloseEarly, SubackNever)),
    "suback_downgrade": Script((SubackDowngrade,)),
    "suback_refused": Script((SubackRefused,), refusals={"stream": "SubscribeDenied"}),
    "suback_too_many": Script((SubackTooMany,), refusals={"stream": "SubscribeDenied"}, versions=(V311,)),
    "suback_empty": Script((SubackEmpty,)),
    "unsolicited": Script((Unsolicited,)),
    "dup_redelivery": Script((DupRedelivery,)),
    "packet_id_reused": Script((PacketIdReused,)),
    "reordered": Script((Reordered,)),
    "unknown_packet_ids": Script((UnknownPacketIds,)),
    "acks_lost": Script((AcksLost,)),
    "pubrel_lost": Script((PubrelLost,)),
    "pubcomp_lost": Script((PubcompLost,)),
    "puback_never": Script((PubackNever,), refusals={"publish": "OperationTimeoutError"}, qos=(1, 2)),
    "puback_late": Script((PubackLate,)),
    "disconnect_code": Script((DisconnectCode,)),
    "taken_over": Script((TakenOver,), refusals={"read": "SessionTakenOverError"}, versions=(V5,)),
    "garbage_bytes": Script((GarbageBytes,)),
    "wrong_direction": Script((WrongDirection,)),
}
