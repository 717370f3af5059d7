// @vitest-environment jsdom
import { EventEmitter } from "node:events";
import type { IClientOptions, MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Backoff } from "../../src/dashboard/backoff";
import { PublishError, Session, type SessionOptions, type State } from "../../src/dashboard/session";

type Callback = (error: unknown, granted?: unknown, packet?: unknown) => void;

/** What the session sees of MQTT.js. */
class FakeClient extends EventEmitter {
  connected = false;
  ended = false;
  pings = 0;
  readonly subscribed = new Map<string, Callback>();
  readonly published: { topic: string; answer: Callback }[] = [];

  constructor(readonly options: IClientOptions) {
    super();
  }
  end(): void {
    this.ended = true;
    this.connected = false;
  }
  subscribe(filter: string, _options: unknown, answer: Callback): void {
    this.subscribed.set(filter, answer);
  }
  publish(topic: string, _payload: string, _options: unknown, answer: Callback): void {
    this.published.push({ topic, answer });
  }
  sendPing(): void {
    this.pings += 1;
  }
  accept(): void {
    this.connected = true;
    this.emit("packetreceive", { cmd: "connack", reasonCode: 0, returnCode: 0 });
    this.emit("connect", {});
  }
  refuse(code: number, reasonString = ""): void {
    this.emit("packetreceive", { cmd: "connack", reasonCode: code, returnCode: code, properties: { reasonString } });
    this.emit("error", new Error("Connection refused"));
    this.emit("close");
  }
  close(): void {
    this.connected = false;
    this.emit("close");
  }
}

class FakeSocket extends EventTarget {
  send(): void {
    return;
  }
}

function session(more: Partial<SessionOptions> = {}): { one: Session; clients: FakeClient[]; states: State[]; told: string[]; last: () => FakeClient } {
  const clients: FakeClient[] = [];
  const states: State[] = [];
  const told: string[] = [];
  const one = new Session(
    {
      url: "wss://broker.example:8884/mqtt", guessed: true, cloud: false, qos: 0, backoff: new Backoff(1, 30, () => 1),
      connect: (_url, options) => {
        clients.push(new FakeClient(options));
        return clients.at(-1) as unknown as MqttClient;
      },
      ...more,
    },
    {
      state: (state) => states.push(state),
      message: ({ topic }) => told.push(`message ${topic}`),
      subscribed: (filter, trouble) => told.push(`${filter}: ${trouble?.what ?? "granted"}`),
      received: (bytes) => told.push(`received ${bytes}`),
      sent: (bytes) => told.push(`sent ${bytes}`),
    },
  );
  return { one, clients, states, told, last: () => clients.at(-1) as FakeClient };
}

/** The WebSocket of an attempt, opened. */
function open(client: FakeClient): FakeSocket {
  const make = client.options.createWebsocket as unknown as (url: string, protocols: string[]) => FakeSocket;
  const socket = make("wss://broker.example:8884/mqtt", ["mqtt"]);
  socket.dispatchEvent(new Event("open"));
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a connection subscribes, and subscribes again after a loss", () => {
  const { one, clients, states, last } = session();
  one.subscribe("a/#");
  one.connect("me", "secret");
  expect(last().options).toMatchObject({ username: "me", password: "secret", protocolVersion: 5, clean: true, reconnectPeriod: 0 });
  last().accept();
  expect([...last().subscribed.keys()]).toEqual(["a/#"]);
  last().close();
  expect(states.at(-1)).toMatchObject({ kind: "waiting", seconds: 1 });
  vi.advanceTimersByTime(1000);
  last().accept();
  expect([clients.length, [...last().subscribed.keys()], states.at(-1)]).toEqual([2, ["a/#"], { kind: "connected", protocol: "5.0" }]);
});

test("a broker that does not answer is tried again, ever later; what is said names the certificate and the guess", () => {
  const { one, clients, states, last } = session();
  one.connect("", "");
  expect(last().options).not.toHaveProperty("username");
  for (const seconds of [1, 2, 4]) {
    last().close();
    const state = states.at(-1);
    expect(state).toMatchObject({ kind: "waiting", seconds });
    expect(state && "trouble" in state && state.trouble.todo).toMatch(/open https:\/\/broker\.example:8884\/ .*guessed/);
    vi.advanceTimersByTime(seconds * 1000);
  }
  expect(clients.length).toBe(4);
  one.close();
  vi.advanceTimersByTime(60_000);
  expect([clients.length, clients.every(({ ended }) => ended)]).toEqual([4, true]);
});

test("a wrong password is said, and not sent again", () => {
  const { one, clients, states, last } = session();
  one.connect("me", "wrong");
  last().refuse(134, "no such user");
  expect(states.at(-1)).toMatchObject({ kind: "refused", trouble: { what: "The broker refused the connection: bad user name or password (134): no such user." } });
  vi.advanceTimersByTime(600_000);
  expect(clients.length).toBe(1);
});

test("trying at once is for those who wait: not before somebody has logged in, and not after a refusal", () => {
  const { one, clients, last } = session();
  one.retry();
  expect(clients.length).toBe(0);
  one.connect("me", "x");
  one.retry();
  expect(clients.length).toBe(1);
  last().close();
  one.retry();
  vi.advanceTimersByTime(60_000);
  expect(clients.length).toBe(2);
  last().refuse(134);
  one.retry();
  expect(clients.length).toBe(2);
});

test("a quota is said, and tried again", () => {
  const { one, clients, states, last } = session({ cloud: true });
  one.connect("me", "x");
  last().refuse(151);
  const state = states.at(-1);
  expect(state && "trouble" in state && state.trouble.todo).toContain("100 connections and 10 GB");
  vi.advanceTimersByTime(1000);
  expect(clients.length).toBe(2);
});

test.each(["refuses", "hangs up"])("a broker that does not speak MQTT 5 and %s is asked once more with 3.1.1", (how) => {
  const { one, clients, states, last } = session();
  one.connect("me", "x");
  open(last());
  if (how === "refuses") last().refuse(1);
  else last().close();
  expect([clients.length, last().options.protocolVersion, last().options.properties]).toEqual([2, 4, undefined]);
  last().accept();
  expect(states.at(-1)).toMatchObject({ kind: "connected", protocol: "3.1.1" });
  last().close();
  vi.advanceTimersByTime(1000);
  expect(last().options.protocolVersion).toBe(4);
});

test("something that answers and is no broker", () => {
  const { one, states, last } = session();
  one.connect("me", "x");
  for (let i = 0; i < 2; ++i) {
    open(last());
    last().close();
  }
  expect(states.at(-1)).toMatchObject({ kind: "waiting", trouble: { what: expect.stringContaining("not as an MQTT broker") as string } });
});

test("a refused subscription says which and why, the others go on", () => {
  const { one, told, last } = session();
  one.subscribe("#");
  one.subscribe("plant/#");
  one.connect("me", "x");
  last().accept();
  last().subscribed.get("#")?.(Object.assign(new Error("Subscribe error"), { code: 135 }), [], { granted: [135], properties: { reasonString: "nope" } });
  last().subscribed.get("plant/#")?.(null, [], { granted: [0] });
  expect(told).toEqual(["#: The broker refused the subscription to #: not authorized (135): nope.", "plant/#: granted"]);
});

test("a refused message rejects with the broker's words; its hanging up is a loss like any", async () => {
  const { one, states, last } = session();
  one.connect("me", "x");
  last().accept();
  const sent = one.publish("a", "1", 1, false);
  last().published[0]?.answer(Object.assign(new Error("Publish error"), { code: 135 }), { properties: { reasonString: "not yours" } });
  await expect(sent).rejects.toThrow("The broker refused the message to a: not authorized (135): not yours.");
  last().emit("disconnect", { reasonCode: 135 });
  last().close();
  expect(states.at(-1)).toMatchObject({ kind: "waiting", trouble: { what: "The broker ended the connection: not authorized (135)." } });
});

test("a message that is on its way when the connection ends is not known to have arrived", async () => {
  const { one, last } = session();
  await expect(one.publish("a", "1", 1, false)).rejects.toThrow("Not connected");
  one.connect("me", "x");
  last().accept();
  const sent = one.publish("a", "1", 1, false);
  last().close();
  await expect(sent).rejects.toBeInstanceOf(PublishError);
});

test("a session that was taken over does not take itself back", () => {
  const { one, clients, states, last } = session();
  one.connect("me", "x");
  last().accept();
  last().emit("disconnect", { reasonCode: 142 });
  last().close();
  vi.advanceTimersByTime(60_000);
  expect([clients.length, states.at(-1)?.kind]).toEqual([1, "refused"]);
});

test("a broker that lets us in and throws us out is asked ever more slowly, until a connection holds", () => {
  const { one, states, last } = session();
  one.connect("me", "x");
  for (const seconds of [1, 2, 4]) {
    last().accept();
    last().close();
    expect(states.at(-1)).toMatchObject({ kind: "waiting", seconds });
    vi.advanceTimersByTime(seconds * 1000);
  }
  last().accept();
  vi.advanceTimersByTime(11_000);
  last().close();
  expect(states.at(-1)).toMatchObject({ kind: "waiting", seconds: 1 });
});

test("bytes are counted with the heads of their frames, the broker hears of us each minute", () => {
  const { one, told, last } = session();
  one.connect("me", "x");
  const socket = open(last());
  socket.dispatchEvent(new MessageEvent("message", { data: new ArrayBuffer(200) }));
  (socket as unknown as { send(data: ArrayBuffer): void }).send(new ArrayBuffer(100));
  expect(told).toEqual(["received 204", "sent 106"]);
  last().accept();
  vi.advanceTimersByTime(60_000);
  expect(last().pings).toBe(2);
});

test("what an older attempt says is not heard", () => {
  const { one, clients, told, states, last } = session();
  one.connect("me", "x");
  one.connect("you", "y");
  clients[0]?.emit("message", "a", new Uint8Array(), { qos: 0, retain: false });
  clients[0]?.close();
  last().accept();
  expect([told, states.at(-1)?.kind, clients.length]).toEqual([[], "connected", 2]);
});
