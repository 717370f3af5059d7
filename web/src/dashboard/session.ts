// The connection to the broker: MQTT.js, a client for each attempt. It speaks MQTT 5, and 3.1.1 where the broker does not; it comes back by
// itself after a loss, and not after a refusal that would only be repeated. The password stays in here, and is gone with `forget`.

import mqtt from "mqtt";
import type { IClientOptions, MqttClient } from "mqtt";
import { Backoff } from "./backoff";
import * as reasons from "./reasons";
import type { Trouble } from "./reasons";

export type State =
  | { kind: "idle" }
  | { kind: "connecting" }
  | { kind: "connected"; protocol: "5.0" | "3.1.1" }
  | { kind: "waiting"; seconds: number; trouble: Trouble }
  | { kind: "refused"; trouble: Trouble };

export interface Message {
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: boolean;
  /** Seconds since 1970. */
  time: number;
}

export interface SessionEvents {
  state(state: State): void;
  message(message: Message): void;
  /** A subscription was granted (undefined), or not. */
  subscribed(filter: string, trouble: Trouble | undefined): void;
  /** Bytes of WebSocket frames. */
  received(bytes: number): void;
  sent(bytes: number): void;
}

export interface SessionOptions {
  url: string;
  guessed: boolean;
  cloud: boolean;
  qos: 0 | 1 | 2;
  /** Stands in for MQTT.js in tests. */
  connect?: (url: string, options: IClientOptions) => MqttClient;
  backoff?: Backoff;
}

export class PublishError extends Error {
  /** `passes`: it is no longer true once the page is connected. */
  constructor(readonly trouble: Trouble, readonly passes = false) {
    super(trouble.what);
  }
}

const KEEPALIVE = 60;
// A browser lets the timers of a hidden tab run once a minute. MQTT.js sends its ping at the second tick of 30 s, which would be too late
// for the broker; this one asks for every 25 s, and comes at least each minute.
const PING_MS = 25_000;
const CONNECT_MS = 10_000;
/** A connection that has held for so long was a good one. */
const STEADY_MS = 10_000;
const MOST_PACKET_BYTES = 16_777_216;
const CLOSED = "The connection ended before the broker confirmed the message: whether it arrived is not known.";

export class Session {
  private client: MqttClient | undefined;
  private readonly filters = new Set<string>();
  private readonly backoff: Backoff;
  private readonly pending = new Set<(error: PublishError) => void>();
  private readonly id = `honeyframe-page-${token()}`;
  private user = "";
  private password = "";
  private version: 5 | 4 = 5;
  private knowsVersion = false;
  private everConnected = false;
  private timer: number | undefined;
  private pinger: number | undefined;
  private since = 0;

  constructor(
    private readonly options: SessionOptions,
    private readonly events: SessionEvents,
  ) {
    this.backoff = options.backoff ?? new Backoff();
  }

  /** Begins; ends whatever there was. */
  connect(user: string, password: string): void {
    this.close();
    this.user = user;
    this.password = password;
    this.backoff.reset();
    this.open();
  }

  /** Tries at once, if it was waiting to. */
  retry(): void {
    if (this.timer === undefined) return;
    this.stopWaiting();
    this.open();
  }

  close(): void {
    this.stopWaiting();
    this.drop();
    this.events.state({ kind: "idle" });
  }

  forget(): void {
    this.close();
    this.user = "";
    this.password = "";
  }

  get connected(): boolean {
    return this.client?.connected ?? false;
  }

  subscribe(filter: string): void {
    this.filters.add(filter);
    if (this.client && this.connected) this.ask(this.client, filter);
  }

  unsubscribe(filter: string): void {
    this.filters.delete(filter);
    if (this.connected) this.client?.unsubscribe(filter);
  }

  /** Resolves when the broker has confirmed (QoS 1, 2), or when it is sent (QoS 0); rejects with a PublishError. */
  publish(topic: string, payload: string, qos: 0 | 1 | 2, retain: boolean): Promise<void> {
    const { client } = this;
    if (!client || !this.connected) return Promise.reject(new PublishError({ what: "Not connected: nothing was sent.", todo: "Connect first." }, true));
    return new Promise((resolve, reject) => {
      this.pending.add(reject);
      client.publish(topic, payload, { qos, retain }, (error, packet) => {
        this.pending.delete(reject);
        const code = (error as { code?: unknown } | null | undefined)?.code;
        if (!error) resolve();
        else if (typeof code === "number") reject(new PublishError(reasons.publishRefused(topic, code, toldBy(packet))));
        else reject(new PublishError({ what: error.message, todo: "" }));
      });
    });
  }

  private open(): void {
    this.events.state({ kind: "connecting" });
    const opening = { opened: false, answered: false, hungUp: undefined as Trouble | undefined };
    let client: MqttClient;
    try {
      client = (this.options.connect ?? mqtt.connect.bind(mqtt))(this.options.url, this.settings(opening));
    } catch (error) {
      this.events.state({ kind: "refused", trouble: { what: `The browser refused to connect: ${String(error)}`, todo: "" } });
      return;
    }
    this.client = client;
    const isOurs = (): boolean => this.client === client;
    client.on("connect", () => {
      if (!isOurs()) return;
      opening.answered = true;
      this.arrived(client);
    });
    client.on("message", (topic, payload, packet) => {
      if (!isOurs()) return;
      try {
        this.events.message({ topic, payload, qos: packet.qos, retain: packet.retain, time: Date.now() / 1000 });
      } catch (error) {
        // A fault of the page must not stop MQTT.js in the middle of a packet; it is told all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    });
    client.on("disconnect", (packet) => {
      opening.hungUp = reasons.disconnected(packet.reasonCode ?? 0, toldBy(packet));
      if (packet.reasonCode === 142 && isOurs()) this.refuse(opening.hungUp);
    });
    client.on("packetreceive", (packet) => {
      if (packet.cmd !== "connack" || !isOurs()) return;
      opening.answered = true;
      const code = (this.version === 5 ? packet.reasonCode : packet.returnCode) ?? 0;
      if (code !== 0) this.refused(code, toldBy(packet));
    });
    client.on("error", (error) => {
      // Of CONNACK's no we have heard already; the rest ends in "close", which tells it.
      if (isOurs() && opening.answered) opening.hungUp ??= { what: `The connection ended: ${error.message}.`, todo: "" };
    });
    client.on("close", () => {
      if (isOurs()) this.lost(opening);
    });
  }

  private settings(opening: { opened: boolean }): IClientOptions {
    return {
      clientId: this.id,
      ...(this.user === "" ? {} : { username: this.user }),
      ...(this.password === "" ? {} : { password: this.password }),
      protocolVersion: this.version,
      clean: true,
      keepalive: KEEPALIVE,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      // Without a worker, which the page's policy does not allow.
      timerVariant: "native",
      // MQTT.js would write what it does into the console, the user name among it, when asked to by an entry in localStorage.
      log: () => undefined,
      ...(this.version === 5 ? { properties: { maximumPacketSize: MOST_PACKET_BYTES } } : {}),
      createWebsocket: (url: string, protocols: string[]) => this.socket(url, protocols, opening),
    };
  }

  /** A WebSocket that tells what goes through it. */
  private socket(url: string, protocols: string[], opening: { opened: boolean }): WebSocket {
    const socket = new WebSocket(url, protocols);
    socket.addEventListener("open", () => (opening.opened = true));
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) this.events.received(data.byteLength + frameHead(data.byteLength));
    });
    const send = socket.send.bind(socket);
    socket.send = (data): void => {
      const size = typeof data === "string" ? data.length : data instanceof Blob ? data.size : data.byteLength;
      this.events.sent(size + frameHead(size) + 4);
      send(data);
    };
    return socket;
  }

  private arrived(client: MqttClient): void {
    this.knowsVersion = true;
    this.since = Date.now();
    this.events.state({ kind: "connected", protocol: this.version === 5 ? "5.0" : "3.1.1" });
    this.everConnected = true;
    for (const filter of this.filters) this.ask(client, filter);
    window.clearInterval(this.pinger);
    this.pinger = window.setInterval(() => {
      if (client.connected) client.sendPing();
    }, PING_MS);
  }

  private ask(client: MqttClient, filter: string): void {
    client.subscribe(filter, { qos: this.options.qos }, (error, _granted, packet) => {
      if (this.client !== client || !this.filters.has(filter)) return;
      if (!error) {
        this.events.subscribed(filter, undefined);
        return;
      }
      const code = (error as { code?: unknown }).code ?? packet?.granted[0];
      if (typeof code === "number") this.events.subscribed(filter, reasons.subscribeRefused(filter, code, toldBy(packet)));
      else if (client.connected) this.events.subscribed(filter, { what: `No subscription to ${filter}: ${error.message}.`, todo: "" });
    });
  }

  private refused(code: number, told: string): void {
    if (reasons.OTHER_PROTOCOL.has(code) && this.tryOlder()) return;
    const trouble = reasons.connectRefused(code, told, this.options.cloud, this.user !== "");
    if (reasons.isPassing(code)) this.wait(trouble);
    else this.refuse(trouble);
  }

  private refuse(trouble: Trouble): void {
    this.drop();
    this.events.state({ kind: "refused", trouble });
  }

  private lost(opening: { opened: boolean; answered: boolean; hungUp: Trouble | undefined }): void {
    if (opening.opened && !opening.answered && this.tryOlder()) return;
    const { url, guessed } = this.options;
    // A broker that lets us in and throws us out again is not asked ever so fast.
    if (opening.answered && Date.now() - this.since > STEADY_MS) this.backoff.reset();
    if (opening.hungUp) this.wait(opening.hungUp);
    else if (opening.answered) this.wait({ what: "The connection to the broker was lost.", todo: "" });
    else if (opening.opened)
      this.wait({ what: `${new URL(url).host} answers, but not as an MQTT broker does.`, todo: "Check the address and its path: HiveMQ's is /mqtt." });
    else this.wait(reasons.unreachable(url, guessed, this.everConnected));
  }

  /** A broker that does not speak MQTT 5 says so, hangs up, or is silent: once more with 3.1.1. */
  private tryOlder(): boolean {
    if (this.knowsVersion || this.version === 4) return false;
    this.version = 4;
    this.drop();
    this.open();
    return true;
  }

  private wait(trouble: Trouble): void {
    this.drop();
    if (!this.knowsVersion) this.version = 5;
    const seconds = this.backoff.next();
    this.events.state({ kind: "waiting", seconds, trouble });
    this.timer = window.setTimeout(() => {
      this.retry();
    }, seconds * 1000);
  }

  private stopWaiting(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private drop(): void {
    window.clearInterval(this.pinger);
    const { client } = this;
    this.client = undefined;
    if (client) {
      client.removeAllListeners("message");
      client.end(true);
    }
    const older = this.version === 4 ? " Before MQTT 5 a broker hangs up when a credential may not publish there." : "";
    for (const reject of this.pending) reject(new PublishError({ what: CLOSED + older, todo: "" }));
    this.pending.clear();
  }
}

/** The head of a WebSocket frame (RFC 6455, section 5.2), without the mask. */
function frameHead(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10;
}

function toldBy(packet: unknown): string {
  const told = (packet as { properties?: { reasonString?: unknown } } | undefined)?.properties?.reasonString;
  return typeof told === "string" ? told : "";
}

function token(): string {
  return [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
