"""What the doctor can find, by its stable name, and what to do about it: one table, in the words of HiveMQ Cloud's console.

docs/doctor.md has a line for each; a test sees to that.
"""

from __future__ import annotations

from typing import Final

_PLACES: Final = {
    "overview": "HiveMQ Cloud: console, your cluster, Overview",
    "credentials": "HiveMQ Cloud: console, your cluster, Access Management, Credentials",
    "ports": "HiveMQ Cloud: 8883 for mqtts://, 8884 for wss://",
}

#: Cause -> advice; names in braces are filled in by :func:`advise`.
ADVICE: Final[dict[str, str]] = {
    # address
    "address_missing": 'pass one, such as "mqtts://<cluster>.s1.eu.hivemq.cloud" ({overview}, URL), or set MQTT_SERVER',
    "address_is_a_web_page": "http and https are for web pages: write {better} (port 8883), or wss:// for WebSockets (port 8884)",
    "address_is_the_console": (
        "this is the console's own page: open your cluster in it, copy the URL from its Overview, such as abc123.s1.eu.hivemq.cloud, "
        "and write mqtts:// before it"
    ),
    "address_has_blanks": "take blanks, quotes and line breaks out of the address",
    "address_unreadable": 'write it as "mqtts://host" or "mqtts://host:port"',
    "address_wrong_port": "should nothing answer there, try {better}, or leave the port out",
    "websocket_path_missing": "most brokers want the path /mqtt: {better}",
    "password_in_address": (
        "it is saved with every notebook, shell history and log that has the address: rather set MQTT_PASSWORD, or leave it out to be asked"
    ),
    "options_refused": "these options do not go together: hf.connect() refuses them too",
    # environment
    "proxy_in_environment": (
        'if this network lets nothing out but through the proxy (TCP fails below), pass it on: http_proxy="http://host:port"; it must'
        " allow CONNECT to the broker's port. If TCP succeeds below, nothing is to be done"
    ),
    "paho_trace": "unset MQTT_C_CLIENT_TRACE once you have seen enough",
    # credential
    "password_file_unreadable": "name a file whose first line is the password (mode 0600)",
    "credential_has_blanks": "copied along with it? Take it out, for it counts",
    "credential_is_console_login": "the login of the console is no MQTT credential: add one ({credentials})",
    "username_missing": "pass username= too: MQTT 3 brokers refuse a password alone",
    "credential_missing": "pass username= and password=, or set MQTT_USERNAME and MQTT_PASSWORD ({credentials}, add one)",
    # DNS
    "dns_no_answer": "is this machine online (VPN, Wi-Fi, container without network)? If other names are found, try again in a minute",
    "dns_unknown_host": (
        "check the spelling of the host, and whether its name is known only inside another network (VPN). Copy the URL again "
        "({overview}): it looks like abc123.s1.eu.hivemq.cloud, and a cluster that was deleted has no name any more"
    ),
    # TCP
    "proxy_failed": "check http_proxy= and its credentials; the proxy must allow CONNECT to port {port}",
    "port_refused": (
        "the host is there, but nothing listens on port {port} ({ports}). A broker of your own must be running, and listening on more"
        " than localhost"
    ),
    "host_unreachable": (
        "there is no way from this network to that host: look at Wi-Fi, VPN and routes; a private address (10.x.x.x, 192.168.x.x) is "
        "reached from its own network only"
    ),
    "port_silent": (
        "something on the way swallows it, mostly a firewall, or no broker is there: let TCP to this port out ({ports}; nothing is on"
        " 1883), or go through a proxy with http_proxy="
    ),
    # TLS
    "certificate_expired": (
        "if this machine's clock is right (next row), the broker's certificate must be renewed: that is done at the broker"
    ),
    "certificate_not_yet_valid": (
        "look at this machine's clock (next row); if it is right, the broker must send a certificate that is valid already"
    ),
    "certificate_for_another_host": (
        "use in the address a name that the certificate has ({overview}, the URL as it is); an IP address or an alias does not do"
    ),
    "certificate_self_signed": (
        "if this is your own broker, pass that certificate as ca_file=. HiveMQ Cloud's is never self-signed: then something sits in between"
    ),
    "certificate_unknown_authority": (
        "for a private authority pass ca_file=. HiveMQ Cloud's (Let's Encrypt, ISRG Root X1) needs none: there, update the system's "
        "authorities (ca-certificates), leave SSL_CERT_FILE and ca_file= out, or find the proxy that sits in between, whose authority"
        " ca_file= must name"
    ),
    "certificate_weak": "the certificate must be made again with a longer key (RSA 2048, EC 256) and SHA-256: that is done at the broker",
    "certificate_expires_soon": "it must be renewed before: HiveMQ Cloud does so by itself; with a broker of your own, look after it",
    "no_sni": (
        "HiveMQ Cloud finds your cluster by SNI, and without it refuses every password: connect by the name ({overview}), not by an "
        "IP address"
    ),
    "insecure": (
        "whoever sits in between can read the password: leave insecure=True out, with ca_file= where the authority is a private one"
    ),
    "tls_on_plain_port": "the port speaks {words}: use the broker's port with TLS (mostly 8883) or, in a network of your own, {better}",
    "plain_on_tls_port": "use {better}",
    "no_tls": "whoever sits in between reads the password: use {better} where the broker has a port with TLS",
    "tls_too_old": "the broker offers TLS 1.0 or 1.1 only, which are broken: turn TLS 1.2 on there",
    "client_certificate_wanted": "pass client_certificate= and client_key= (HiveMQ Cloud Serverless wants none)",
    "client_certificate_refused": (
        "the broker does not accept this client certificate: its authority must be known there, and it must be valid"
    ),
    "tls_failed": "look at the broker's log; TLS 1.2 or newer is needed on both sides",
    # clock
    "clock_wrong": (
        "set the clock by the network (Linux: timedatectl set-ntp true; Windows, macOS: Settings, Date & time; a virtual machine or "
        "container: on its host); until then certificates fail, and times such as _recv_time are off"
    ),
    "clock_or_certificate": "compare this machine's clock with a watch: if it is right, it is the certificate that is wrong",
    # WebSocket
    "websocket_path": "the path is mostly /mqtt (HiveMQ Cloud: wss://<host>:8884/mqtt){better}",
    "websocket_on_mqtt_port": (
        "the port speaks {words}, no WebSockets: use {better}, or the broker's WebSocket port (HiveMQ Cloud: wss:// with port 8884 "
        "and path /mqtt)"
    ),
    "websocket_subprotocol": "the server chose another subprotocol than mqtt: check the path, it may lead to something else",
    "websocket_port": "the port speaks {words}: use {better}, or the port that goes with the address",
    "websocket_in_use": "this process has a WebSocket connection, and can have one: close it, or run honeyframe doctor in a terminal",
    # CONNECT
    "credential_refused": (
        "user name or password are wrong, or meant for another cluster ({credentials}). If in doubt, add a new credential. If the "
        "doctor passes and your program is refused, it asks for a last will that the credential may not publish: leave the will out"
    ),
    "quota": (
        "all sessions of the plan are in use (HiveMQ Cloud Serverless: 100 at a time; kept ones count while nobody is connected): "
        "close clients, let sessions expire (session_expiry=0), reuse a client_id, or take a larger plan"
    ),
    "banned": "an administrator of the broker has banned this client, user or address: ask them (HiveMQ Cloud: its support)",
    "client_id_refused": (
        "choose another client_id: letters and digits, at most 23 of them; some brokers want it to be the user's or device's name"
    ),
    "unsupported_version": 'use protocol="auto", or the version that the broker speaks',
    "server_unavailable": "the broker is there, but does not serve now: wait a minute; is the cluster running ({overview})?",
    "server_busy": "the broker has too much to do: wait a minute, and connect fewer clients at a time",
    "server_moved": "the broker is to be reached under another address: copy the URL again ({overview})",
    "rate": "too many connections in a short time: wait a minute, and keep one client instead of connecting anew",
    "authentication_method": "the broker wants another way of authentication than user name and password",
    "refused_protocol": 'the broker found CONNECT at fault: try protocol="3.1.1", and tell us which broker it is',
    "refused_unspecified": "the broker's log tells why",
    "refused_on_mqtt_3": 'with MQTT 5 the same credential is accepted: use protocol="auto" or "5.0"',
    "protocol_fallback": (
        "nothing is to be done; but MQTT 3.1.1 gives no reasons: a denied publish looks like a lost connection. If the broker can "
        "speak MQTT 5, turn it on"
    ),
    "no_mqtt": "this is no MQTT broker's port: check host and port ({ports})",
    "connack_missing": (
        "the port takes the connection and never answers CONNECT: is it a broker's, and is the broker overloaded? Look at its log"
    ),
    "closed_without_connack": (
        "it closes without a word, as brokers do for a client id, user or version they do not like, or when they are full: its log "
        'tells; try protocol="3.1.1"'
    ),
    "disconnected_at_once": "the broker's log says why",
    # limits
    "packet_size_small": (
        "messages over {size} bytes, topic included, are refused: send smaller ones, or raise the broker's maximum packet size"
    ),
    "broker_restricts": "{restrictions}",
    # round trip
    "slow": "at QoS 1 and 2 an answer takes so long: raise max_inflight=, and use a broker in a nearer region",
    # permissions
    "subscribe_denied": (
        "this credential may not subscribe here: its permission is Publish Only, or has a topic filter that does not cover {topic}. A"
        " credential has exactly one permission: add one with Subscribe, or Publish and Subscribe ({credentials}). If it is only "
        'meant to publish: access="publish" (--access publish)'
    ),
    "publish_denied": (
        "this credential may not publish here: its permission is Subscribe Only, or has a topic filter that does not cover {topic}. A"
        " credential has exactly one permission: add one with Publish, or Publish and Subscribe ({credentials}). If it is only meant "
        'to subscribe: access="subscribe" (--access subscribe)'
    ),
    "subscribe_unsupported": "the broker does not do that kind of subscription: use an exact topic",
    "packet_too_large": "the broker's maximum packet size is too small for any message: raise it there",
    "no_answer": "the broker does not answer: it is overloaded, or this network loses packets",
    "message_missing": (
        "the broker took the message and did not deliver it. Mosquitto grants a SUBSCRIBE even where the credential may not read: "
        "look at its ACL. Else a rule or extension of the broker takes messages away, or it is overloaded (its log, its dropped "
        "messages)"
    ),
    "publish_failed": "the message could not be sent: what came back says why",
    "connection_lost": "the connection broke meanwhile: try again; if it breaks each time, the broker's log tells why",
    # stay
    "session_taken_over": (
        "another client uses the same client_id, and the two throw each other out for ever: give each its own, or leave client_id= "
        "out for a random one; look for a second notebook, a forgotten process, a second replica"
    ),
    "disconnected": "the broker's log says why",
}


def advise(cause: str, **names: object) -> str:
    """What to do about ``cause``."""
    return ADVICE[cause].format(**_PLACES, **names)
