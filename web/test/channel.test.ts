import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Channel, type Message } from "../src/widget/channel";

class Model {
  sent: { kind: string; id: string; views?: number }[] = [];
  private listener: (message: Message, buffers: DataView[]) => void = () => undefined;

  on(_: string, listener: never): void {
    this.listener = listener;
  }

  send(content: never): void {
    this.sent.push(content);
  }

  tell(kind: string, number: number, to = ""): void {
    this.listener({ kind, number, to }, []);
  }
}

let model: Model;
let heard: string[];

function open(): Channel<Message> {
  const note = (kind: string) => (message: Message) => heard.push(`${kind} ${message.number}`);
  return new Channel<Message>(model as never, { whole: note("whole"), more: note("more") });
}

beforeEach(() => {
  vi.useFakeTimers();
  model = new Model();
  heard = [];
});

afterEach(() => {
  vi.useRealTimers();
});

test("who is there from the beginning asks for nothing", () => {
  open();
  model.tell("whole", 0);
  model.tell("frame", 1);
  model.tell("frame", 2);
  vi.advanceTimersByTime(10_000);
  expect(heard).toEqual(["whole 0", "more 1", "more 2"]);
  expect(model.sent).toEqual([]);
});

test("who comes later asks once, and goes on from the whole", () => {
  open();
  model.tell("frame", 7);
  model.tell("frame", 8);
  expect(model.sent.map(({ kind }) => kind)).toEqual(["hello"]);
  model.tell("whole", 8, "somebody else");
  model.tell("whole", 8, model.sent[0]?.id);
  model.tell("frame", 9);
  model.tell("whole", 9, "somebody else");
  expect(heard).toEqual(["whole 8", "more 9"]);
});

test("where nothing comes it asks after a while, and again where nobody answers", () => {
  const channel = open();
  vi.advanceTimersByTime(2_000);
  expect(model.sent).toHaveLength(1);
  vi.advanceTimersByTime(2_000);
  expect(model.sent).toHaveLength(2);
  vi.advanceTimersByTime(600_000);
  expect(model.sent.length).toBeLessThan(20);
  model.tell("whole", 3, model.sent[0]?.id);
  model.tell("whole", 3, model.sent[0]?.id); // to the second question
  const asked = model.sent.length;
  vi.advanceTimersByTime(600_000);
  expect(model.sent).toHaveLength(asked);
  channel.stop();
});

test("what was missed is asked for", () => {
  open();
  model.tell("whole", 0);
  model.tell("frame", 2);
  expect(heard).toEqual(["whole 0"]);
  expect(model.sent).toHaveLength(1);
  model.tell("whole", 3, model.sent[0]?.id);
  model.tell("frame", 4);
  expect(heard).toEqual(["whole 0", "whole 3", "more 4"]);
});

test("a state is whole by itself", () => {
  open();
  model.tell("state", 5);
  model.tell("state", 9);
  expect(heard).toEqual(["whole 5", "whole 9"]);
  expect(model.sent).toEqual([]);
});

test("a kernel that has gone is no error", () => {
  vi.spyOn(console, "debug").mockImplementation(() => undefined);
  const channel = open();
  model.send = () => {
    throw new Error("Cannot send");
  };
  expect(() => {
    channel.tellViews(0);
  }).not.toThrow();
});

test("who shows something says from time to time that it is there", () => {
  const channel = open();
  model.tell("whole", 0);
  channel.tellViews(2);
  vi.advanceTimersByTime(130_000);
  expect(model.sent.map(({ views }) => views)).toEqual([2, 2, 2, 2]);
  channel.tellViews(0);
  vi.advanceTimersByTime(130_000);
  expect(model.sent).toHaveLength(5);
  channel.stop();
});
